"""Runs that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from clothzoo.hub.presets import Preset
from clothzoo.training import train

from .samples import small_recipe, write_garments


@pytest.fixture(scope="session")
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of drawn garments."""
    return write_garments(tmp_path_factory.mktemp("photos") / "garments")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, garments: Path) -> tuple[Path, Preset]:
    """A finished run's folder and its preset."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return folder, train(small_recipe(), data=garments, out=folder, verbose=False)
