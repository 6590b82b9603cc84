from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from clothzoo import RetrievalEngine
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.explain import similarity_map
from clothzoo.explain.heat import METHODS, hires_cam
from clothzoo.explain.similarity import Tracer, common
from clothzoo.retrieval.composition import Composition
from clothzoo.retrieval.descriptors import NORMALISATION, POOLING, Descriptor
from clothzoo.retrieval.extractor import Extractor
from clothzoo.retrieval.network import KerasNetwork
from clothzoo.retrieval.projection import Projection
from clothzoo.similarity import METRICS, pairwise_distances
from tests.explain.networks import (
    BLUE,
    BOTTOM_RIGHT,
    GREEN,
    PREPROCESSING,
    RED,
    SIDE,
    TOP_LEFT,
    by_colour,
    picture,
    share,
)
from tests.models.networks import images, seed_weights, small
from tests.retrieval.colours import extractor as without_keras

RED_ON_GREEN = picture(GREEN, top_left=RED)
RED_ON_BLUE = picture(BLUE, bottom_right=RED)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return by_colour()


def engine_of(model: keras.Model, **given: Any) -> RetrievalEngine:
    engine = RetrievalEngine(model, **{"level": "colours", "preprocessing": PREPROCESSING, **given})
    engine.add([RED_ON_GREEN, RED_ON_BLUE], ids=["green", "blue"])
    return engine


class TestSimilarityMap:
    @pytest.mark.backend
    @pytest.mark.parametrize("metric", METRICS)
    def test_what_two_photos_share_is_hot_in_both(self, model: keras.Model, metric: str) -> None:
        engine = engine_of(model, metric=metric)
        of_query, of_hit = similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE, contrast=False)
        for heat, here in ((of_query, TOP_LEFT), (of_hit, BOTTOM_RIGHT)):
            assert (heat.shape, heat.dtype) == ((SIDE, SIDE), np.float32)
            assert heat.max() == 1
            assert share(heat, here) > 0.99

    @pytest.mark.parametrize("pooling", ["max", "gem"])
    @pytest.mark.parametrize("method", METHODS)
    def test_so_it_is_with_other_poolings_and_methods(
        self, model: keras.Model, pooling: str, method: str
    ) -> None:
        engine = engine_of(model, pooling=pooling)
        heats = similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE, method=method, contrast=False)
        assert share(heats[0], TOP_LEFT) > 0.9
        assert share(heats[1], BOTTOM_RIGHT) > 0.9

    @pytest.mark.parametrize("pooling", ["grid4", "flatten"])
    def test_where_place_counts_only_what_lies_in_the_same_place_is_shared(
        self, model: keras.Model, pooling: str
    ) -> None:
        engine = engine_of(model, pooling=pooling)
        query = picture(GREEN, top_left=RED, bottom_right=RED)
        heats = similarity_map(engine, query, RED_ON_BLUE, contrast=False)
        assert all(share(heat, BOTTOM_RIGHT) > 0.99 for heat in heats)

    @pytest.mark.parametrize("metric", METRICS)
    def test_two_equal_photos_have_everything_in_common(
        self, model: keras.Model, metric: str
    ) -> None:
        """The gradient of their distance is nothing at all: it is at its least."""
        engine = engine_of(model, metric=metric)
        of_query, of_hit = similarity_map(engine, RED_ON_GREEN, RED_ON_GREEN, contrast=False)
        np.testing.assert_array_equal(of_query, of_hit)
        assert of_query.max() == 1

    def test_what_all_photos_share_is_taken_off(self, model: keras.Model) -> None:
        engine = RetrievalEngine(model, level="colours", preprocessing=PREPROCESSING)
        engine.add([picture(GREEN)] * 20, ids=[str(n) for n in range(20)])
        query, hit = picture(GREEN, top_left=RED), picture(GREEN, bottom_right=RED)
        plain, _ = similarity_map(engine, query, hit, contrast=False)
        assert share(plain, TOP_LEFT) < 0.5
        of_query, of_hit = similarity_map(engine, query, hit)
        assert share(of_query, TOP_LEFT) > 0.99
        assert share(of_hit, BOTTOM_RIGHT) > 0.99

    def test_rounding_errors_make_no_map(self, model: keras.Model) -> None:
        """A photo has no more in common with itself than with a catalogue of nothing else."""
        engine = RetrievalEngine(model, level="colours", preprocessing=PREPROCESSING)
        engine.add([RED_ON_GREEN] * 3, ids=list("abc"))
        assert not any(heat.any() for heat in similarity_map(engine, RED_ON_GREEN, RED_ON_GREEN))

    def test_each_level_of_a_fusion_adds_its_part(self, model: keras.Model) -> None:
        fused = engine_of(model, level="cells+colours", normalisation="none")
        alone = engine_of(model, level="colours", normalisation="none")
        # Both levels' maps are the same colours here.
        for found, expected in zip(
            similarity_map(fused, RED_ON_GREEN, RED_ON_BLUE, contrast=False),
            similarity_map(alone, RED_ON_GREEN, RED_ON_BLUE, contrast=False),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_a_level_further_below_can_be_looked_at(self, model: keras.Model) -> None:
        engine = engine_of(model)
        below = similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE, level="cells", contrast=False)
        own = similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE, level="colours", contrast=False)
        np.testing.assert_allclose(below[0], own[0], atol=1e-5)
        with pytest.raises(InvalidInput, match="did you mean 'cells'"):
            similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE, level="cell")

    def test_an_embedding_is_traced_to_the_last_map(self, model: keras.Model) -> None:
        embedding = keras.layers.Dense(
            3, use_bias=False, kernel_initializer="identity", name="embedding"
        )(model.get_layer("avg_pool").output)
        engine = engine_of(keras.Model(model.input, embedding), level="embedding", metric="cosine")
        of_query, _ = similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE, contrast=False)
        assert share(of_query, TOP_LEFT) > 0.99

    def test_ids_and_hits_stand_for_their_photos(self, model: keras.Model, tmp_path: Path) -> None:
        for name, pixels in (("green", RED_ON_GREEN), ("blue", RED_ON_BLUE)):
            Image.fromarray(np.kron(pixels, np.ones((2, 1, 1), np.uint8))).save(
                tmp_path / f"{name}.png"
            )
        engine = RetrievalEngine(model, level="colours", preprocessing=PREPROCESSING)
        engine.add_folder(tmp_path)
        (hit,) = engine.search("green.png", k=1)
        by_id = similarity_map(engine, "green.png", hit)
        by_photo = similarity_map(engine, tmp_path / "green.png", str(tmp_path / "blue.png"))
        for one, other in zip(by_id, by_photo, strict=True):
            assert one.shape == (2 * SIDE, SIDE)
            np.testing.assert_array_equal(one, other)
        boxed, _ = similarity_map(engine, "green.png", hit, box=(0, 0, 16, 40), contrast=False)
        assert not boxed[40:].any()
        assert not boxed[:, 16:].any()

    @pytest.mark.parametrize(
        ("query", "hit", "given", "message"),
        [
            ("grene", RED_ON_BLUE, {}, "'grene' is neither the file of a photo nor the id"),
            (RED_ON_GREEN, "blue", {}, "photo of item 'blue' is not to be found"),
            (np.ones(3, np.float32), RED_ON_BLUE, {}, "a descriptor has no places"),
            (RED_ON_GREEN, RED_ON_BLUE, {"method": "hirescam"}, "did you mean 'hires_cam'"),
        ],
    )
    def test_wrong_arguments_are_named(
        self, model: keras.Model, query: Any, hit: Any, given: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(InvalidInput, match=message):
            similarity_map(engine_of(model), query, hit, **given)

    def test_a_damaged_photo_is_named(self, model: keras.Model, tmp_path: Path) -> None:
        (tmp_path / "bad.jpg").write_bytes(b"no photo")
        with pytest.raises(UnreadablePhoto, match=r"bad\.jpg"):
            similarity_map(engine_of(model), tmp_path / "bad.jpg", RED_ON_BLUE)

    def test_a_projection_cannot_be_traced_back(self, model: keras.Model) -> None:
        projection = Projection(np.eye(3, 2), np.zeros(3))
        engine = engine_of(model, metric="cosine", projection=projection)
        with pytest.raises(InvalidInput, match="a projection mixes all values"):
            similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE)

    def test_colours_are_traced_back_to_the_photo(self, model: keras.Model) -> None:
        engine = engine_of(model, level="0.001*colours+lab")
        for level in (None, "lab"):
            heats = similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE, contrast=False, level=level)
            assert share(heats[0], TOP_LEFT) > 0.9
            assert share(heats[1], BOTTOM_RIGHT) > 0.9

    def test_an_extractor_that_tells_no_recipe_is_refused(self, model: keras.Model) -> None:
        network = KerasNetwork(model, Descriptor("colours"))
        engine = RetrievalEngine(Extractor(network, PREPROCESSING, {"extractor": "own"}))
        engine.add([RED_ON_GREEN, RED_ON_BLUE], ids=["green", "blue"])
        with pytest.raises(InvalidInput, match=r"Extractor\.build"):
            similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE)

    def test_a_network_that_cannot_be_had_in_keras_is_refused(self) -> None:
        engine = RetrievalEngine(without_keras())
        engine.add([RED_ON_GREEN, RED_ON_BLUE], ids=["green", "blue"])
        with pytest.raises(InvalidInput, match="runtime='keras'"):
            similarity_map(engine, RED_ON_GREEN, RED_ON_BLUE)


@pytest.mark.parametrize("metric", METRICS)
def test_distances_are_what_is_not_common(metric: str) -> None:
    u, v = np.random.default_rng(0).random((2, 50))
    shared = common(u, v, metric).sum()
    distance = {
        "cosine": 1 - shared,
        "euclidean": np.sqrt((u**2).sum() + (v**2).sum() - 2 * shared),
        "manhattan": u.sum() + v.sum() - 2 * shared,
        "braycurtis": 1 - 2 * shared / (u + v).sum(),
    }[metric]
    assert distance == pytest.approx(pairwise_distances([u], [v], metric=metric)[0, 0])


def test_unlike_signs_have_nothing_in_common_under_manhattan() -> None:
    assert common(np.array([1.0, -2]), np.array([-1.0, -3]), "manhattan").tolist() == [0, 2]


_QUICK = (("gem", "none"), ("grid4", "none"), ("avg", "none"), ("avg", "hellinger"))
_SLOW = [pair for pair in product(POOLING, NORMALISATION) if pair not in _QUICK]


@pytest.mark.parametrize(
    ("pooling", "normalisation"),
    [*_QUICK, *(pytest.param(*pair, marks=pytest.mark.long) for pair in _SLOW)],
)
def test_the_places_add_up_to_what_is_common(
    pooling: str, normalisation: str, seeded: keras.Model
) -> None:
    check_that_places_add_up(seeded, Descriptor("low+high", pooling, normalisation))


@pytest.mark.parametrize("grid", ["avg", "grid2"])
def test_places_of_folds_weights_and_colours_add_up_too(grid: str, seeded: keras.Model) -> None:
    descriptor = Descriptor("low+0.5*high+0.7*lab", f"avg+fold5+{grid}", "hellinger")
    check_that_places_add_up(seeded, descriptor)


def check_that_places_add_up(model: keras.Model, descriptor: Descriptor) -> None:
    network = KerasNetwork(model, descriptor)
    composition = Composition(descriptor, network.sizes)
    batch = images(model, 2)
    pixels = [
        np.random.default_rng(seed).integers(0, 256, (40, 30, 3), np.uint8) for seed in (1, 2)
    ]
    colours = [np.stack(both) for both in zip(*map(composition.colours, pixels), strict=True)]
    vectors = composition.join(network(batch), colours)
    for metric in ("braycurtis", "cosine"):
        expected = common(*vectors, metric).sum()
        for heats in Tracer(network, descriptor).trace(batch, pixels, metric, hires_cam):
            assert sum(heat.mean() for _, heat in heats) == pytest.approx(expected, rel=1e-3)


@pytest.fixture(scope="module")
def seeded() -> keras.Model:
    model = small("conventional_cnn", include_top=False)
    seed_weights(model)
    return model


@pytest.mark.long
def test_an_engine_with_a_compiled_network_is_explained_by_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.hub.samples import write_sample

    write_sample(tmp_path)
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(tmp_path))
    found = []
    for runtime in ("openvino", "keras"):
        engine = RetrievalEngine("conventional_cnn.sample", runtime=runtime)
        engine.add([RED_ON_GREEN, *[picture(GREEN)] * 5], ids=list("abcdef"))
        found.append(similarity_map(engine, RED_ON_GREEN, RED_ON_GREEN))
    assert all(heat.max() == 1 for pair in found for heat in pair)
    np.testing.assert_allclose(*found, atol=1e-3)
