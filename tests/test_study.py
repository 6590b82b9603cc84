"""The study, as a trial of itself on a random network and a few drawn garments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def study(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "study.py", "--quick",
         "--runs", folder / "runs", "--page", folder / "study.md"],
        env={**os.environ, "CLOTHZOO_RUNTIME": "keras", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_it_writes_its_page_and_goes_on_where_it_was(tmp_path: Path) -> None:
    first = study(tmp_path)
    assert "looks: " in first
    page = (tmp_path / "study.md").read_text(encoding="utf-8")
    assert "## The looks of frozen networks, against what people use today" in page
    assert "same-garment" in page
    for picture in ("layers", "grid", "looks", "trained"):
        assert (tmp_path / "study" / f"{picture}.png").stat().st_size > 1000
        assert f"study/{picture}.png" in page
    (tmp_path / "study.md").unlink()
    (tmp_path / "runs" / "fusion.json").unlink()
    second = study(tmp_path)
    assert "fusion: " in second
    assert "looks: " not in second
    assert (tmp_path / "study.md").read_text(encoding="utf-8") == page
