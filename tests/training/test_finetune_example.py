from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from clothzoo.hub.presets import Preset

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "finetune.py"


def test_the_example_tunes_a_preset_and_draws_the_curves(
    run: tuple[Path, Preset], garments: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = runpy.run_path(str(EXAMPLE))
    example["main"](str(run[0] / run[1].name), garments, tmp_path / "run", 1)
    assert (tmp_path / "run" / "curves.png").is_file()
    assert (tmp_path / "run" / "conventional_cnn.mine" / "preset.toml").is_file()
    assert "curves in" in capsys.readouterr().out
