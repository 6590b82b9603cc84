from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from clothzoo.errors import WeightsMismatch
from clothzoo.hub import golden, presets
from clothzoo.hub.presets import Preset
from tests.hub.samples import write_sample


def test_the_pictures_never_change() -> None:
    assert golden.pictures(0, 2).shape == (2, 64, 64, 3)
    assert golden.pictures(0, 1)[0, ::8, 0, 0].tolist() == [172, 88, 142, 38, 142, 23, 205, 227]
    np.testing.assert_array_equal(golden.pictures(0, 1), golden.pictures(0, 4)[:1])


def test_every_task_has_logits_of_its_own(tmp_path: Path) -> None:
    preset = write_sample(tmp_path, "partially_shared_multitask_cnn")
    assert {task: np.shape(rows) for task, rows in preset.golden.logits.items()} == {
        "category": (4, 3),
        "kids": (4, 2),
    }


def test_a_change_of_preprocessing_is_drift_too(copy: Path) -> None:
    preset, data = Preset.read(copy), (copy / presets.WEIGHTS).read_bytes()
    assert golden.drift(preset, data) < 1e-5
    darker = dataclasses.replace(preset.preprocessing, scale=1 / 300)
    changed = dataclasses.replace(preset, preprocessing=darker)
    assert golden.drift(changed, data) > golden.TOLERANCE


def test_arguments_that_do_not_fit_the_weights_are_refused(copy: Path) -> None:
    preset, data = Preset.read(copy), (copy / presets.WEIGHTS).read_bytes()
    other = dataclasses.replace(preset, arguments={**preset.arguments, "classes": 4})
    with pytest.raises(WeightsMismatch, match="predictions"):
        golden.logits(other, data, seed=0)
