"""Occlusion, feature maps and probes."""

from __future__ import annotations

import importlib
from types import ModuleType

import keras
import numpy as np
import pytest

from clothzoo import explain
from clothzoo.datasets import Record
from clothzoo.errors import InvalidInput
from clothzoo.explain import feature_maps, layer_probe, occlusion_map
from clothzoo.explain.networks import network_of
from clothzoo.explain.occlusion import losses
from clothzoo.explain.probes import _retrieval
from clothzoo.models import feature_layers
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
    picture,
)
from tests.models.networks import images, seed_weights, small

GREY = Preprocessing(size=(28, 28), color="grey")


class TestOcclusion:
    @pytest.mark.parametrize(("label", "here"), [("red", TOP_LEFT), ("blue", BOTTOM_RIGHT)])
    def test_what_the_class_cannot_do_without_is_hot(
        self, label: str, here: tuple[slice, slice]
    ) -> None:
        heat = occlusion_map(
            by_colour(),
            picture(GREEN, top_left=RED, bottom_right=BLUE),
            label=label,
            window=0.2,
            preprocessing=PREPROCESSING,
            labels=["red", "blue"],
        )
        assert (heat.shape, heat.dtype, heat.max()) == ((SIDE, SIDE), np.float32, 1)
        rows, columns = np.unravel_index(heat.argmax(), heat.shape)
        assert here[0].start - 2 <= rows <= here[0].stop + 2
        assert here[1].start - 2 <= columns <= here[1].stop + 2
        # Covering the other class's patch speaks for this one: there, nothing is lost.
        other = BOTTOM_RIGHT if here == TOP_LEFT else TOP_LEFT
        assert heat[other][2:-2, 2:-2].max() == 0
        assert heat[:8, 20:].max() < 0.3

    def test_it_says_how_much_of_the_score_is_lost(self) -> None:
        network = network_of(by_quadrant(), preprocessing=PREPROCESSING)
        photo = np.zeros((SIDE, SIDE, 3), np.uint8)
        photo[: SIDE // 2, : SIDE // 2] = 255
        lost = losses(network, photo, "", 0, window=0.5, steps=2)
        covered = network.preprocessing(photo)
        covered[0, : SIDE // 2, : SIDE // 2] = 0.25  # the mean of the photo
        before = network.scores("", network.preprocessing(photo))[0, 0]
        np.testing.assert_allclose(
            lost[: SIDE // 2, : SIDE // 2], before - network.scores("", covered)[0, 0], rtol=1e-4
        )
        assert np.abs(lost[SIDE // 2 :]).max() < 1e-6

    @pytest.mark.parametrize("given", [{"window": 0}, {"window": 1}, {"steps": 1}])
    def test_numbers_out_of_range_are_refused(self, given: dict[str, float]) -> None:
        with pytest.raises(InvalidInput, match="0 < window < 1 and steps"):
            occlusion_map(by_colour(), picture(GREEN), preprocessing=PREPROCESSING, **given)


class TestFeatureMaps:
    def test_no_module_hides_the_function(self) -> None:
        importlib.import_module("clothzoo.explain.figures")  # which imports all that they need
        assert all(not isinstance(getattr(explain, name), ModuleType) for name in explain.__all__)

    def test_they_are_what_the_layers_give(self) -> None:
        model = small("inception_residual_cnn")
        seed_weights(model)
        photo = np.rint(images(model, 1)[0, ..., 0] * 255).astype(np.uint8)
        found = feature_maps(model, photo, preprocessing=GREY)
        stages = list(feature_layers(model))[3:]
        assert list(found) == stages
        for name, values in found.items():
            layer = keras.Model(model.input, model.get_layer(name).output)
            expected = layer.predict_on_batch(GREY(photo))[0]
            np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)

    def test_levels_are_given_by_the_names_they_were_asked_for(self) -> None:
        model = small("conventional_cnn")
        found = feature_maps(
            model, np.zeros((28, 28), np.uint8), levels=["high", "low"], preprocessing=GREY
        )
        shapes = [(level, maps.shape) for level, maps in found.items()]
        assert shapes == [("high", (7, 7, 96)), ("low", (14, 14, 48))]

    def test_any_other_model_shows_its_maps_too(self) -> None:
        found = feature_maps(by_colour(), picture(GREEN), preprocessing=PREPROCESSING)
        assert list(found) == ["cells", "colours"]
        assert found["cells"].shape == (8, 8, 3)

    def test_an_unknown_level_is_named(self) -> None:
        with pytest.raises(InvalidInput, match="did you mean 'cells'"):
            feature_maps(by_colour(), picture(GREEN), levels=["cell"], preprocessing=PREPROCESSING)


def colour_blind() -> keras.Model:
    """Its first map knows colours, its second nothing but brightness."""
    image = keras.Input((8, 8, 3))
    x = keras.layers.AveragePooling2D(2, name="colours")(image)
    grey = keras.layers.Conv2D(2, 1, use_bias=False, name="grey")
    model = keras.Model(image, grey(x))
    grey.set_weights([np.full((1, 1, 3, 2), 1 / 3, "float32")])
    return model


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Red and blue pictures whose brightness tells nothing of the colour."""
    rng = np.random.default_rng(0)
    records = []
    for number in range(60):
        colour = number % 2
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[..., 2 * colour] = rng.integers(60, 250)
        records.append(
            Record(pixels, {"colour": ("red", "blue")[colour]}, str(number), f"g{number // 4}")
        )
    return records


class TestLayerProbe:
    def test_each_layer_is_worth_what_it_knows(self, records: list[Record]) -> None:
        unlabelled = Record(np.zeros((8, 8, 3), np.uint8), {"colour": None}, "none")
        colours, grey = layer_probe(
            colour_blind(),
            [*records, unlabelled],
            task="colour",
            metric="cosine",
            preprocessing=Preprocessing(size=(8, 8)),
        )
        assert (colours.level, colours.dim, colours.chance) == ("colours", 3, 0.5)
        assert colours.probe == colours.retrieval == 1
        assert (grey.level, grey.dim) == ("grey", 2)
        assert grey.probe < 0.75
        assert grey.retrieval < 0.75

    def test_hits_of_the_same_group_do_not_count(self) -> None:
        vectors = np.array([[0.0], [0.1], [5.0], [5.1]], np.float32)
        labels, apart = np.array([0, 1, 0, 1]), np.array(["a", "b", "c", "d"])
        by_pairs = np.array(["a", "b", "a", "b"])
        same = np.array([0, 0, 1, 1])
        assert _retrieval(vectors, same, apart, "euclidean", 1) == 1
        assert _retrieval(vectors, labels, apart, "euclidean", 1) == 0
        assert _retrieval(vectors, same, same.astype(str), "euclidean", 1) == 0
        assert _retrieval(vectors, labels, by_pairs, "euclidean", 2) == 0

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"task": "size"}, "two or more labels of 'size'; there are 0"),
            ({"folds": 1}, "folds ≥ 2"),
            ({"folds": 40}, "has 15; give more photos, or folds=15"),
            ({"metric": "cosin"}, "did you mean 'cosine'"),
            ({"levels": ["gray"]}, "did you mean 'grey'"),
        ],
    )
    def test_wrong_arguments_are_named(
        self, records: list[Record], given: dict[str, object], message: str
    ) -> None:
        arguments = {"task": "colour", "preprocessing": Preprocessing(size=(8, 8)), **given}
        with pytest.raises(InvalidInput, match=message):
            layer_probe(colour_blind(), records, **arguments)
