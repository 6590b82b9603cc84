"""`clothzoo.load` does the sensible thing with whatever differs from the preset."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import clothzoo
from clothzoo.errors import InvalidInput, WeightsMismatch
from clothzoo.hub import filling, presets
from tests.hub.samples import write_sample


@pytest.fixture(scope="module")
def multitask(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("multitask")
    return root / write_sample(root, "shared_multitask_cnn").name


def test_a_name_gives_a_model_ready_to_predict(copy: Path) -> None:
    model = clothzoo.load(copy.name)
    preset = clothzoo.preset(copy.name)
    photos = np.zeros((2, 60, 40, 3), np.uint8)
    scores = model.predict(preset.preprocessing(photos), verbose=0)
    assert scores.shape == (2, 3)
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    assert filling.dump(model) == (copy / presets.WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("options", "outputs"),
    [
        ({"classes": 7}, (None, 7)),
        ({"include_top": False, "pooling": "avg"}, (None, 96)),
        ({"input_shape": (32, 32, 3)}, (None, 3)),
        ({"revision": 1}, (None, 3)),
        ({"classifier_activation": None, "name": "mine"}, (None, 3)),
    ],
)
def test_what_can_differ_differs(
    copy: Path, options: dict[str, object], outputs: tuple[int | None, ...]
) -> None:
    assert clothzoo.load(copy.name, **options).output_shape == outputs


def test_another_width_is_refused(copy: Path) -> None:
    with pytest.raises(WeightsMismatch, match="arguments that the weights were trained with"):
        clothzoo.load(copy.name, width=0.5)


def test_a_dtype_holds_for_this_model_alone(copy: Path) -> None:
    before = keras.config.dtype_policy().name
    model = clothzoo.load(copy.name, dtype="mixed_bfloat16")
    assert model.get_layer("conv1").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == before
    half = clothzoo.load(copy.name, dtype="bfloat16")
    assert {v.dtype for v in half.weights} == {"bfloat16"}


def test_a_folder_loads_without_being_registered(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOTHZOO_WEIGHTS")
    assert clothzoo.load(copy).name == "conventional_cnn"
    assert clothzoo.load(str(copy)).name == "conventional_cnn"


def test_tasks_of_ones_own_keep_the_heads_that_fit(
    multitask: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = clothzoo.load(multitask, tasks={"kids": 2, "style": 4})
    assert set(model.output) == {"kids", "style"}
    assert "fresh head style_predictions" in caplog.text
    assert "kids" not in caplog.text.partition("fresh head ")[2].partition(",")[0]


def test_classes_and_tasks_are_not_mixed_up(copy: Path, multitask: Path) -> None:
    with pytest.raises(InvalidInput, match="pass tasks"):
        clothzoo.load(multitask, classes=3)
    with pytest.raises(InvalidInput, match="pass classes"):
        clothzoo.load(copy, tasks={"a": 2})


def test_a_single_task_body_starts_a_multi_task_network(copy: Path) -> None:
    model = clothzoo.models.SharedMultiTaskCNN(
        weights=copy.name, trunk="conventional_cnn", input_shape=(28, 28, 1), tasks={"a": 2}
    )
    alone = clothzoo.load(copy.name, include_top=False)
    image = np.random.default_rng(0).random((1, 28, 28, 1), np.float32)
    body = keras.Model(model.input, model.get_layer(alone.layers[-1].name).output)
    np.testing.assert_allclose(body(image), alone(image), atol=1e-6)
