"""The commands about presets, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clothzoo.cli import app
from clothzoo.hub import presets


def typed(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


def test_presets_are_listed(copy: Path) -> None:
    (row,) = json.loads(typed("presets", "*.sample", "--json"))
    assert row["preset"] == copy.name
    assert row["figures"] == "accuracy 0.500"
    assert row["where"] == "bundled"
    assert "sha256" in typed("presets", "*.sample", "--verbose")


def test_pulling_prints_where_the_weights_are(copy: Path) -> None:
    assert typed("pull", copy.name) == f"{copy.name}\t{copy / presets.WEIGHTS}\n"
    assert "no preset matches" in typed("pull", "nothing", code=1)


def test_verifying_fails_where_a_preset_is_damaged(copy: Path) -> None:
    assert typed("verify", copy.name) == f"{copy.name}\tsound\n"
    (copy / presets.WEIGHTS).write_bytes(b"")
    assert "found 0" in typed("verify", copy.name, "--no-run", code=1)


@pytest.mark.usefixtures("copy")
def test_a_dry_run_says_what_would_be_published() -> None:
    said = typed("publish", "conventional_cnn.sample", "--to", "zoo", "--dry-run")
    assert "model.weights.h5" in said
    assert "would be published to zoo/conventional_cnn.sample as v1" in said
