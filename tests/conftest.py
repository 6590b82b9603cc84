"""What more than one folder of tests needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Compiling takes seconds for each network; tests of compiled networks ask for it by name.
os.environ.setdefault("CLOTHZOO_RUNTIME", "keras")


@pytest.fixture(scope="session")
def clothzoo_data() -> Path:
    """The folder with the real data sets, or the test is skipped."""
    folder = os.environ.get("CLOTHZOO_DATA")
    if not folder:
        pytest.skip("CLOTHZOO_DATA is not set: the real data sets are not here")
    for name in ("clothing-dataset", "fashion-mnist", "imagenet"):
        if not (Path(folder) / name).is_dir():
            pytest.skip(f"CLOTHZOO_DATA ({folder}) has no folder {name!r}")
    return Path(folder)
