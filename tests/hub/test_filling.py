from __future__ import annotations

import logging
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from clothzoo import models
from clothzoo.errors import InvalidInput, PresetNotFound, WeightsMismatch, WeightsNotFound
from clothzoo.hub import filling, presets, tensors


def network(**options: object) -> keras.Model:
    given = {"input_shape": (28, 28, 1), "classes": 3, **options}
    return models.ConventionalCNN(weights=None, **given)


def values(model: keras.Model) -> dict[str, np.ndarray]:
    return {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}


@pytest.fixture(scope="module")
def stored(sample: Path) -> bytes:
    return (sample / presets.WEIGHTS).read_bytes()


def test_every_weight_comes_back_as_stored_and_nothing_else_is_in_the_file(stored: bytes) -> None:
    model = network()
    filling.assign(model, stored, head=())
    header, arrays = tensors.decode(stored, "x")
    now = values(model)
    assert now.keys() == arrays.keys()
    assert not any("seed" in name for name in arrays)
    for name, array in arrays.items():
        assert now[name].dtype == np.float32
        np.testing.assert_array_equal(now[name], array.astype(np.float32))
    assert filling.dump(model) == stored
    assert header.head == ("predictions",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"width": 0.5},
            r"'conv1/conv/kernel' is \(3, 3, 1, 16\) in the model and .*32.* in the f",
        ),
        ({"input_shape": (96, 96, 1)}, "is not there in the file"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_and_the_model_stays_as_it_was(
    stored: bytes, options: dict[str, object], message: str
) -> None:
    model = network(**options)
    before = values(model)
    with pytest.raises(WeightsMismatch, match=message):
        filling.assign(model, stored, head=("predictions",))
    for name, array in values(model).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_head_that_does_not_fit_stays_fresh_and_is_logged(
    stored: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    model = network(classes=5)
    before = values(model)
    with caplog.at_level(logging.WARNING):
        filling.assign(model, stored, head=("predictions",), file="sample")
    assert "fresh head predictions, body from sample" in caplog.text
    now, arrays = values(model), tensors.decode(stored, "x")[1]
    for name in now:
        if name.startswith("predictions/"):
            np.testing.assert_array_equal(now[name], before[name])
        else:
            np.testing.assert_array_equal(now[name], arrays[name].astype(np.float32))


@pytest.mark.parametrize("tasks", [{"kids": 2}, {"season": 3, "kids": 2}, {"season": 4, "fit": 3}])
def test_tasks_of_ones_own_begin_with_the_layers_of_the_files_first_task(
    tasks: dict[str, int],
) -> None:
    def branching(tasks: dict[str, int]) -> keras.Model:
        return models.PartiallySharedMultiTaskCNN(tasks=tasks, trunk="conventional_cnn")

    trained, model = branching({"category": 3, "kids": 2}), branching(tasks)
    before, learnt = values(model), values(trained)
    head = [f"{task}_predictions" for task in tasks]
    filling.assign(model, filling.dump(trained, "float32"), head=head)
    for name, now in values(model).items():
        if name in learnt:
            expected = learnt[name]
        elif name.split("/")[0] in head:
            expected = before[name]
        else:
            expected = learnt["category_" + name.partition("_")[2]]
        np.testing.assert_array_equal(now, expected, err_msg=name)


def test_without_a_head_the_files_head_is_left_out(stored: bytes) -> None:
    model = network(include_top=False)
    filling.assign(model, stored, head=())


def test_a_tensor_that_the_model_has_no_place_for_is_refused(stored: bytes) -> None:
    header, arrays = tensors.decode(stored, "x")
    data = tensors.encode({**arrays, "extra/kernel": np.zeros(3, np.float16)}, header.head)
    with pytest.raises(WeightsMismatch, match="the model has no 'extra/kernel'"):
        filling.assign(network(), data, head=())


def test_grey_weights_see_a_photos_grey_version_in_colour(stored: bytes) -> None:
    grey, colour = network(), network(input_shape=(28, 28, 3))
    filling.assign(grey, stored, head=())
    filling.assign(colour, stored, head=())
    photos = np.random.default_rng(0).random((2, 28, 28, 3), np.float32)
    as_grey = photos @ np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(colour(photos), grey(as_grey[..., None]), atol=1e-5)


def test_colour_weights_give_the_same_on_a_grey_photo() -> None:
    colour, grey = network(input_shape=(28, 28, 3)), network()
    filling.assign(grey, filling.dump(colour, "float32"), head=())
    photos = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    np.testing.assert_allclose(grey(photos), colour(photos.repeat(3, axis=-1)), atol=1e-5)


def test_numbers_that_are_not_finite_are_not_stored() -> None:
    model = network()
    kernel = next(v for v in model.weights if v.path == "predictions/kernel")
    kernel.assign(kernel + 1e5)
    with pytest.raises(InvalidInput, match=r"'predictions/kernel' .*not finite in float16"):
        filling.dump(model)
    assert filling.dump(model, "float32")


def test_two_variables_of_one_name_are_refused() -> None:
    def inner(name: str) -> keras.Model:
        image = keras.Input((4,))
        return keras.Model(image, keras.layers.Dense(2, name="dense")(image), name=name)

    image = keras.Input((4,))
    with pytest.raises(InvalidInput, match="two variables are called 'dense/kernel'"):
        filling.dump(keras.Model(image, [inner("a")(image), inner("b")(image)]))


def test_a_tag_a_whole_name_a_folder_and_a_file_all_name_weights(copy: Path) -> None:
    wanted = (copy / presets.WEIGHTS).read_bytes()
    file = copy / presets.WEIGHTS
    for weights in ("sample", "sample@1", copy.name, copy, file, str(file), f"{copy}/"):
        model = network()
        filling.fill(model, "conventional_cnn", weights, head=())
        assert filling.dump(model) == wanted


def test_a_bare_file_needs_no_record_beside_it(copy: Path, tmp_path: Path) -> None:
    bare = tmp_path / "mine.safetensors"
    shutil.copyfile(copy / presets.WEIGHTS, bare)
    model = models.ConventionalCNN(weights=bare, input_shape=(28, 28, 1), classes=3)
    assert filling.dump(model) == bare.read_bytes()


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("smaple", PresetNotFound, "did you mean 'conventional_cnn.sample'"),
        ("sample@two", InvalidInput, "a revision is a number"),
        ("sample@2", InvalidInput, "has no revision 2; known: 1"),
        ("nowhere.safetensors", WeightsNotFound, "no weights file 'nowhere.safetensors'"),
    ],
)
def test_weights_that_name_nothing_are_an_error(
    copy: Path, weights: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        filling.fill(network(), "conventional_cnn", weights, head=())
