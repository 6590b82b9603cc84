from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from clothzoo.datasets.photo import open_photo
from clothzoo.errors import InvalidInput, PresetNotFound, UnreadablePhoto
from clothzoo.explain import class_map
from clothzoo.explain.gradients import MapGradient
from clothzoo.explain.heat import METHODS, grad_cam_plus_plus, on_photo, scaled
from clothzoo.preprocessing import Preprocessing
from tests.explain.networks import (
    BLUE,
    BOTTOM_RIGHT,
    GREEN,
    PREPROCESSING,
    RED,
    SIDE,
    TOP_LEFT,
    by_colour,
    by_quadrant,
    exchanging,
    picture,
    share,
)
from tests.models.networks import images, seed_weights, small

RED_AND_BLUE = picture(GREEN, top_left=RED, bottom_right=BLUE)
GREY = Preprocessing(size=(28, 28), color="grey")


@pytest.fixture(scope="module")
def coloured() -> keras.Model:
    return by_colour()


def seeded(name: str, **arguments: object) -> keras.Model:
    model = small(name, **arguments)
    seed_weights(model)
    return model


@pytest.fixture(scope="module")
def two_tasks() -> keras.Model:
    """Branches that exchange their maps, so that each task depends on both."""
    return seeded("partially_shared_multitask_cnn", tasks={"category": 3, "kids": 2}, exchange=True)


class TestClassMap:
    @pytest.mark.backend
    @pytest.mark.parametrize("method", METHODS)
    def test_the_heat_is_where_the_class_is(self, coloured: keras.Model, method: str) -> None:
        for label, here in (("red", TOP_LEFT), ("blue", BOTTOM_RIGHT)):
            heat = class_map(
                coloured,
                RED_AND_BLUE,
                label=label,
                method=method,
                preprocessing=PREPROCESSING,
                labels=["red", "blue"],
            )
            assert (heat.shape, heat.dtype) == ((SIDE, SIDE), np.float32)
            assert heat.min() >= 0
            assert heat.max() == 1
            assert share(heat, here) > 0.99

    @pytest.mark.backend
    def test_a_class_that_hangs_on_one_quadrant_is_traced_to_it(self) -> None:
        white = picture((255, 255, 255))
        heat = class_map(
            by_quadrant(), white, label=0, method="hires_cam", preprocessing=PREPROCESSING
        )
        assert heat[: SIDE // 2 - 4, : SIDE // 2 - 4].min() > 0.99
        assert heat[SIDE // 2 + 4 :].max() == heat[:, SIDE // 2 + 4 :].max() == 0

    def test_under_an_average_it_is_the_class_activation_map(self) -> None:
        model = seeded("conventional_cnn")
        x = images(model, 1)
        photo = np.rint(x[0, ..., 0] * 255).astype(np.uint8)
        batch = GREY(photo)
        maps = keras.Model(model.input, model.get_layer("conv5").output).predict_on_batch(batch)[0]
        kernel = keras.ops.convert_to_numpy(model.get_layer("predictions").kernel)
        for label in (0, 7):
            expected = scaled(on_photo(maps @ kernel[:, label], GREY, photo.shape))
            for method in ("grad_cam", "hires_cam"):
                found = class_map(model, photo, label=label, method=method, preprocessing=GREY)
                np.testing.assert_allclose(found, expected, atol=1e-4)

    def test_the_most_probable_class_is_the_default(self, coloured: keras.Model) -> None:
        mostly_blue = picture(BLUE, top_left=RED)
        found = class_map(coloured, mostly_blue, preprocessing=PREPROCESSING)
        np.testing.assert_array_equal(
            found, class_map(coloured, mostly_blue, label=1, preprocessing=PREPROCESSING)
        )
        assert found[4:8, 4:8].max() < found[16, 16]

    def test_nothing_is_hot_where_nothing_speaks_for_the_class(self, coloured: keras.Model) -> None:
        heat = class_map(coloured, picture(GREEN), label=0, preprocessing=PREPROCESSING)
        assert not heat.any()

    @pytest.mark.parametrize("activation", ["softmax", "sigmoid", "linear", "tanh"])
    def test_it_stays_sharp_where_the_network_is_sure(self, activation: str) -> None:
        model = by_colour(activation)
        layer = model.get_layer("predictions")
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * (500 if activation in ("softmax", "sigmoid") else 1), bias])
        heat = class_map(model, RED_AND_BLUE, label=0, preprocessing=PREPROCESSING)
        assert share(heat, TOP_LEFT) > 0.99

    def test_a_softmax_layer_of_its_own_is_seen_through(self) -> None:
        logits = by_colour("linear")
        model = keras.Model(logits.input, keras.layers.Softmax()(logits.output * 500.0))
        heat = class_map(model, RED_AND_BLUE, label=0, preprocessing=PREPROCESSING)
        assert share(heat, TOP_LEFT) > 0.99

    def test_it_follows_a_model_that_is_trained_on(self) -> None:
        model = by_colour()
        before = class_map(model, RED_AND_BLUE, label=0, preprocessing=PREPROCESSING)
        layer = model.get_layer("predictions")
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel[:, ::-1], bias])
        after = class_map(model, RED_AND_BLUE, label=0, preprocessing=PREPROCESSING)
        assert share(before, TOP_LEFT) > 0.99
        assert share(after, BOTTOM_RIGHT) > 0.99

    def test_each_task_has_a_map_of_its_own(self, two_tasks: keras.Model) -> None:
        photo = np.rint(images(two_tasks, 1)[0, ..., 0] * 255).astype(np.uint8)
        names = {"category": ["hat", "sock", "shoe"], "kids": ["no", "yes"]}

        def heat(**given: object) -> np.ndarray:
            return class_map(two_tasks, photo, preprocessing=GREY, labels=names, **given)

        np.testing.assert_array_equal(heat(label="yes"), heat(task="kids", label=1))
        assert not np.array_equal(heat(label="yes"), heat(label="sock"))
        own, others = (heat(label="yes", level=f"{t}_high") for t in ("kids", "category"))
        np.testing.assert_array_equal(own, heat(label="yes", level="high"))
        assert not np.array_equal(own, others)

    def test_the_heat_lies_on_the_upright_photo(
        self, coloured: keras.Model, tmp_path: Path
    ) -> None:
        pixels = np.kron(RED_AND_BLUE, np.ones((4, 2, 1), np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned clockwise
        path = tmp_path / "turned.png"
        Image.fromarray(pixels).rotate(90, expand=True).save(path, exif=exif)
        np.testing.assert_array_equal(open_photo(path), pixels)
        heat = class_map(coloured, path, label=0, preprocessing=PREPROCESSING)
        assert heat.shape == (4 * SIDE, 2 * SIDE)
        assert np.unravel_index(heat.argmax(), heat.shape) < (SIDE * 2, SIDE)

    def test_outside_the_box_it_is_cold(self, coloured: keras.Model) -> None:
        heat = class_map(
            coloured, RED_AND_BLUE, label=0, box=(16, 16, 16, 16), preprocessing=PREPROCESSING
        )
        assert not heat.any()
        heat = class_map(
            coloured, RED_AND_BLUE, label=0, box=(0, 0, 16, 16), preprocessing=PREPROCESSING
        )
        assert heat.max() == 1
        assert not heat[16:].any()

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"label": "rde"}, "no label 'rde'; did you mean 'red'"),
            ({"label": 2}, "no class 2; there are 2"),
            ({"level": "colour"}, "no level or layer 'colour'; did you mean 'colours'"),
            ({"level": "avg_pool"}, "gives no feature map"),
            ({"method": "gradcam"}, "no method 'gradcam'; did you mean 'grad_cam'"),
            ({"task": "kids"}, "no task 'kids'"),
            ({"labels": ["red"]}, "so many classes"),
            ({"labels": {"colour": ["red", "blue"], "size": ["s"]}}, "so many classes"),
            ({"labels": None, "label": "red"}, "give labels="),
            ({"preprocessing": None}, "how are photos prepared"),
            ({"preprocessing": Preprocessing(size=(28, 28))}, "takes images of shape"),
        ],
    )
    def test_wrong_arguments_are_named(
        self, coloured: keras.Model, given: dict[str, object], message: str
    ) -> None:
        arguments = {"preprocessing": PREPROCESSING, "labels": ["red", "blue"], **given}
        with pytest.raises(InvalidInput, match=message):
            class_map(coloured, RED_AND_BLUE, **arguments)

    def test_a_network_without_classes_or_maps_is_refused(self) -> None:
        headless = small("conventional_cnn", include_top=False)
        photo = np.zeros((28, 28), np.uint8)
        with pytest.raises(InvalidInput, match="names no classes"):
            class_map(headless, photo, preprocessing=GREY)
        image = keras.Input((28, 28, 1))
        dense = keras.layers.Dense(2)(keras.layers.Flatten()(image))
        with pytest.raises(InvalidInput, match="no layer that gives a feature map"):
            class_map(keras.Model(image, dense), photo, preprocessing=GREY)

    def test_a_level_that_the_task_does_not_depend_on_is_refused(self) -> None:
        apart = seeded("partially_shared_multitask_cnn", tasks={"category": 3, "kids": 2})
        with pytest.raises(InvalidInput, match="does not depend on its layer 'kids_"):
            class_map(
                apart,
                np.zeros((28, 28), np.uint8),
                task="category",
                level="kids_high",
                preprocessing=GREY,
            )

    def test_unknown_presets_and_damaged_photos_are_named(
        self, coloured: keras.Model, tmp_path: Path
    ) -> None:
        with pytest.raises(PresetNotFound):
            class_map("conventional_cnn.fashon", RED_AND_BLUE)
        (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo")
        with pytest.raises(UnreadablePhoto, match=r"bad\.jpg"):
            class_map(coloured, tmp_path / "bad.jpg", preprocessing=PREPROCESSING)


@pytest.mark.backend
def test_gradients_agree_with_differences_also_around_the_map() -> None:
    """The other branch goes around the map; it is held fixed, not left out."""
    model = exchanging()
    layer, vector = model.get_layer("kids_conv"), model.get_layer("kids_avg_pool").output
    gradient = MapGradient(model, layer, vector)
    batch = images(model, 2)
    maps, vectors = gradient.maps(batch)
    rng = np.random.default_rng(0)
    direction = rng.normal(size=vectors.shape).astype("float32")
    slope = gradient(batch, maps, direction)
    above = keras.Model([model.inputs[0], layer.output], vector)

    def score(changed: np.ndarray) -> np.ndarray:
        found = above.predict_on_batch([batch, changed])
        return (found.astype("float64") * direction).sum(axis=1)

    np.testing.assert_allclose(score(maps), (vectors * direction).sum(axis=1), rtol=1e-4)
    for _ in range(4):
        step = rng.normal(size=maps.shape).astype("float32")
        expected = (score(maps + step) - score(maps - step)) / 2
        found = (slope * step).sum(axis=(1, 2, 3), dtype="float64")
        # Above this map there is nothing but a mixture and an average: the score is linear.
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_grad_cam_plus_plus_is_the_paper_s_formula() -> None:
    rng = np.random.default_rng(0)
    maps, slope = rng.random((3, 4, 5), "float32"), rng.normal(size=(3, 4, 5)).astype("float32")
    score = 0.7
    first, second, third = (np.exp(score) * slope**n for n in (1, 2, 3))
    expected = np.zeros((3, 4))
    for channel in range(5):
        weight = 0.0
        for i, j in np.ndindex(3, 4):
            below = 2 * second[i, j, channel] + maps[..., channel].sum() * third[i, j, channel]
            alpha = second[i, j, channel] / below
            weight += alpha * max(first[i, j, channel], 0)
        expected += weight * maps[..., channel]
    found = grad_cam_plus_plus(maps, slope)
    np.testing.assert_allclose(found * np.exp(score), expected, rtol=1e-4)


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(("height", "width"), [(60, 90), (97, 40), (34, 34)])
@pytest.mark.parametrize("box", [None, (3, 5, 30, 21)])
def test_a_map_is_laid_back_to_where_the_preprocessing_took_it_from(
    resize: str, height: int, width: int, box: tuple[int, int, int, int] | None
) -> None:
    """What the network sees of a smooth photo, laid back, is the photo."""
    y, x = np.mgrid[:height, :width]
    photo = np.rint(40 + 90 * y / height + 90 * x / width).astype(np.uint8)
    preprocessing = Preprocessing((24, 32), color="grey", resize=resize, scale=1.0, fill=0)
    laid = on_photo(preprocessing(photo, box=box)[0, ..., 0], preprocessing, photo.shape, box)
    assert laid.shape == photo.shape
    left, top, across, down = box or (0, 0, width, height)
    inside = np.zeros(photo.shape, bool)
    inside[top : top + down, left : left + across] = True
    assert not laid[~inside].any()
    seen = inside & (laid > 0)
    if resize == "crop":
        assert 0.3 < seen.sum() / inside.sum() <= 1
    else:
        assert seen.sum() == inside.sum()
    # At the very edge a resized picture and what is laid back are half a pixel of the map short.
    middle = (
        slice(top + down // 4, top + 3 * down // 4),
        slice(left + across // 4, left + 3 * across // 4),
    )
    differs = np.abs(laid - photo)[middle][seen[middle]]
    assert differs.max() < 6
