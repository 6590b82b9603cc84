from __future__ import annotations

import shutil
import threading
from pathlib import Path

import keras
import numpy as np
import pytest

from clothzoo import layers
from clothzoo.errors import (
    ArchitectureNotFound,
    FingerprintMismatch,
    InvalidInput,
    PresetNotFound,
    UnreadablePhoto,
    WeightsNotFound,
)
from clothzoo.hub.filling import dump
from clothzoo.models import ConventionalCNN
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.colours import histogram
from clothzoo.retrieval.descriptors import NORMALISATION, POOLING, Descriptor
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.extractor import Extractor
from clothzoo.retrieval.network import cut
from tests.hub.samples import write_sample
from tests.retrieval.colours import folder_of, picture

PICTURES = [picture(red) for red in range(0, 250, 25)]
GREY = Preprocessing(size=(28, 28), color="grey")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return ConventionalCNN(input_shape=(28, 28, 1), classes=3)


@pytest.fixture(scope="module")
def weights(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    path.write_bytes(dump(model, "float32"))
    return path


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("presets")
    write_sample(root)
    return str(root / "conventional_cnn.sample")


@pytest.fixture(scope="module")
def extractor(model: keras.Model) -> Extractor:
    return Extractor.build(model, preprocessing=GREY, batch_size=4)


@pytest.fixture(scope="module")
def maps() -> np.ndarray:
    return np.random.default_rng(0).random((3, 8, 8, 5), np.float32)


def reference(maps: np.ndarray, pooling: str) -> np.ndarray:
    """What each pooling should give, in plain NumPy, for maps whose sides 4 divides."""
    n, side, _, channels = maps.shape
    if pooling == "grid4":
        cells = maps.reshape(n, 4, side // 4, 4, side // 4, channels).mean(axis=(2, 4))
        return cells.reshape(n, -1)
    return {
        "avg": lambda: maps.mean(axis=(1, 2)),
        "max": lambda: maps.max(axis=(1, 2)),
        "gem": lambda: (np.maximum(maps, 1e-6) ** 3).mean(axis=(1, 2)) ** (1 / 3),
        "flatten": lambda: maps.reshape(n, -1),
    }[pooling]()


def normalised(vectors: np.ndarray, kind: str) -> np.ndarray:
    if kind == "power":
        return normalised(np.sqrt(vectors), "l2")
    if kind == "l2":
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = vectors / np.abs(vectors).sum(axis=1, keepdims=True)
    return {"none": vectors, "l1": scaled, "hellinger": np.sqrt(np.abs(scaled))}[kind]


class TestCut:
    @pytest.mark.parametrize("pooling", POOLING)
    def test_pools_inside_the_graph_and_normalises_behind_it(
        self, maps: np.ndarray, pooling: str
    ) -> None:
        x = keras.Input((8, 8, 5))
        whole = keras.Model(x, keras.layers.Activation("linear", name="map")(x))
        pooled = keras.ops.convert_to_numpy(cut(whole, Descriptor("map", pooling))(maps))
        np.testing.assert_allclose(pooled, reference(maps, pooling), rtol=1e-5, atol=1e-6)
        for kind in NORMALISATION:
            found = Descriptor("map", pooling, kind).compose([pooled])
            expected = normalised(reference(maps, pooling), kind)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)

    def test_computes_nothing_above_the_level(self, model: keras.Model) -> None:
        low = cut(model, Descriptor("low"))
        assert low.count_params() < cut(model, Descriptor("high")).count_params()
        assert cut(model, Descriptor("high")).count_params() < model.count_params()

    def test_joins_levels_each_normalised_on_its_own(self, model: keras.Model) -> None:
        low, high, both = (
            Extractor.build(model, Descriptor(level, normalisation="l1"), preprocessing=GREY)
            for level in ("low", "high", "low+0.5*high")
        )
        parts = [low.describe(PICTURES), high.describe(PICTURES) / 2]
        np.testing.assert_allclose(both.describe(PICTURES), np.concatenate(parts, 1), rtol=1e-5)

    def test_pools_each_level_in_its_own_way(self, maps: np.ndarray) -> None:
        x = keras.Input((8, 8, 5))
        whole = keras.Model(x, keras.layers.Activation("linear", name="map")(x))
        network = cut(whole, Descriptor("map+map+map", "gem1+avg+grid2"))
        mean = maps.mean(axis=(1, 2))
        quarters = maps.reshape(3, 2, 4, 2, 4, 5).mean(axis=(2, 4)).reshape(3, -1)
        expected = np.concatenate([mean, mean, quarters], axis=1)
        found = keras.ops.convert_to_numpy(network(maps))
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_takes_any_layer_of_any_model(self) -> None:
        x = keras.Input((10, 7, 3))
        y = keras.layers.Conv2D(6, 3, name="mine")(x)
        y = keras.layers.Dense(4, name="embedding")(keras.layers.Flatten()(y))
        own = keras.Model(x, y)
        assert cut(own, Descriptor("mine", "grid4")).output_shape == (None, 96)
        assert cut(own, Descriptor("embedding", "max")).output_shape == (None, 4)
        with pytest.raises(InvalidInput, match=r"no level or layer 'mime'; did you mean 'mine'"):
            cut(own, Descriptor("mime"))

    def test_refuses_models_without_one_image(self) -> None:
        x = keras.Input((8,))
        with pytest.raises(InvalidInput, match="one image input"):
            cut(keras.Model(x, keras.layers.Dense(2, name="d")(x)), Descriptor("d"))

    def test_grid_cells_share_an_uneven_map_by_area(self) -> None:
        maps = np.random.default_rng(1).random((2, 7, 9, 3), np.float32)
        cells = keras.ops.convert_to_numpy(layers.GridAveragePooling2D(4)(maps))
        mean = cells.reshape(2, 16, 3).mean(axis=1)
        np.testing.assert_allclose(mean, maps.mean(axis=(1, 2)), rtol=1e-5)

    def test_pools_a_bfloat16_map_in_float32(self) -> None:
        x = keras.Input((8, 8, 3))
        own = keras.Model(x, keras.layers.Conv2D(4, 3, name="c", dtype="mixed_bfloat16")(x))
        assert cut(own, Descriptor("c")).output.dtype == "float32"
        assert (
            Extractor.build(own, Descriptor("c"), preprocessing=Preprocessing((8, 8))).fingerprint[
                "precision"
            ]
            == "bfloat16"
        )

    def test_pooling_layers_refuse_what_cannot_be(self) -> None:
        for refused in (lambda: layers.GeMPooling2D(0.5), lambda: layers.GridAveragePooling2D(0)):
            with pytest.raises(InvalidInput, match="at least 1"):
                refused()
        with pytest.raises(InvalidInput, match="must be known"):
            layers.GridAveragePooling2D()(keras.Input((None, 8, 3)))


class TestDescribe:
    def test_keeps_the_order_whatever_the_batches(self, extractor: Extractor) -> None:
        together = extractor.describe(PICTURES)
        assert together.dtype == np.float32
        assert together.shape == (10, extractor.dim)
        for pixels, vector in zip(PICTURES, together, strict=True):
            np.testing.assert_allclose(extractor.describe(pixels)[0], vector, rtol=1e-4, atol=1e-6)
        assert extractor.describe([]).shape == (0, extractor.dim)

    def test_names_the_first_photo_that_cannot_be_read(self, extractor: Extractor) -> None:
        with pytest.raises(UnreadablePhoto, match="gone"):
            extractor.describe([PICTURES[0], "gone.jpg"])

    def test_streams_with_a_bounded_number_ahead(self, extractor: Extractor) -> None:
        taken: list[int] = []

        def items() -> object:
            for number in range(40):
                taken.append(number)
                yield number

        stream = extractor.stream(items(), lambda number: PICTURES[number % 10])
        next(stream)
        assert len(taken) <= 3 * extractor.batch_size
        stream.close()

    def test_streams_reasons_in_place_of_vectors(self, extractor: Extractor) -> None:
        sources = [PICTURES[0], None, "gone.jpg", PICTURES[1]]
        found = [result for _, result in extractor.stream(sources, lambda source: source)]
        assert isinstance(found[0], np.ndarray)
        assert found[1] is None
        assert isinstance(found[2], UnreadablePhoto)
        assert isinstance(found[3], np.ndarray)

    def test_serves_several_threads_at_once(self, extractor: Extractor) -> None:
        expected, found = extractor.describe(PICTURES), {}

        def work(number: int) -> None:
            found[number] = extractor.describe(PICTURES)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        for vectors in found.values():
            np.testing.assert_array_equal(vectors, expected)


class TestColours:
    def test_are_taken_from_the_photo_whatever_the_network_sees(self, model: keras.Model) -> None:
        both = Extractor.build(model, Descriptor("low+2*hsv", "max+avg", "l1"), preprocessing=GREY)
        found = both.describe(PICTURES)
        colours = np.stack([histogram(pixels, "hsv") for pixels in PICTURES])
        np.testing.assert_allclose(found[:, -colours.shape[1] :], 2 * colours, rtol=1e-6)
        assert found.shape == (10, both.dim)

    def test_alone_need_no_network(self, model: keras.Model) -> None:
        with pytest.raises(InvalidInput, match=r"add one, e\.g\. 'low\+lab'"):
            Extractor.build(model, Descriptor("lab"), preprocessing=GREY)


class TestBuild:
    def test_the_fingerprint_follows_the_values_of_the_weights_used(
        self, model: keras.Model, weights: Path
    ) -> None:
        low = Extractor.build(model, Descriptor("low"), preprocessing=GREY).fingerprint
        loaded = Extractor.build("conventional_cnn", weights=weights, preprocessing=GREY)
        assert loaded.fingerprint["weights_sha256"] == low["weights_sha256"]
        high = Extractor.build(model, Descriptor("high"), preprocessing=GREY).fingerprint
        assert high["weights_sha256"] != low["weights_sha256"]
        other = Extractor.build("conventional_cnn", preprocessing=GREY).fingerprint
        assert other["weights_sha256"] != low["weights_sha256"]

    def test_a_preset_brings_its_preprocessing(self, preset: str) -> None:
        extractor = Extractor.build(preset)
        assert extractor.preprocessing == GREY
        assert extractor.lasting
        assert extractor.describe(PICTURES[:2]).shape == (2, extractor.dim)
        with pytest.raises(InvalidInput, match="has weights of its own"):
            Extractor.build(preset, weights="imagenet")

    def test_a_tag_beside_an_architecture_is_the_preset(
        self, preset: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(Path(preset).parent))
        extractor = Extractor.build("conventional_cnn", weights="sample")
        assert extractor.fingerprint["extractor"] == "conventional_cnn.sample"
        assert extractor.fingerprint == Extractor.build("conventional_cnn.sample").fingerprint

    def test_misspelt_names_are_corrected(self) -> None:
        with pytest.raises(ArchitectureNotFound, match="did you mean 'conventional_cnn'"):
            Extractor.build("conventinal_cnn")
        with pytest.raises(PresetNotFound):
            Extractor.build("conventional_cnn.nothing_such")

    def test_a_model_of_ones_own_needs_a_fitting_preprocessing(self, model: keras.Model) -> None:
        with pytest.raises(InvalidInput, match="preprocessing="):
            Extractor.build(model)
        with pytest.raises(InvalidInput, match=r"takes images of shape \(28, 28, 1\)"):
            Extractor.build(model, preprocessing=Preprocessing(size=(32, 32)))
        with pytest.raises(InvalidInput, match="weights="):
            Extractor.build(model, weights="imagenet", preprocessing=GREY)


class TestEngine:
    def test_finds_its_network_again(self, weights: Path, tmp_path: Path) -> None:
        photos = folder_of(tmp_path / "photos", {"a.png": 10, "b.png": 99, "c.png": 230})
        mine = Path(shutil.copy(weights, tmp_path / "w.safetensors"))
        with RetrievalEngine(
            "conventional_cnn", weights=mine, preprocessing=GREY, path=tmp_path / "c"
        ) as engine:
            engine.add_folder(photos)
            before = engine.search(picture(40))
        with RetrievalEngine.open(tmp_path / "c") as engine:
            assert engine.search(picture(40)) == before
        mine.rename(tmp_path / "moved.safetensors")
        with pytest.raises(WeightsNotFound, match=r"no longer there; .*RetrievalEngine\.open\("):
            RetrievalEngine.open(tmp_path / "c")
        moved = tmp_path / "moved.safetensors"
        RetrievalEngine.open(tmp_path / "c", weights=moved).close()
        RetrievalEngine.open(tmp_path / "c").close()
        (tmp_path / "c" / "engine.json").unlink()
        with pytest.raises(InvalidInput, match="where its weights are is not known"):
            RetrievalEngine.open(tmp_path / "c")

    def test_finds_its_preset_again(self, preset: str, tmp_path: Path) -> None:
        with RetrievalEngine(preset, level="high", path=tmp_path / "c") as engine:
            engine.add(PICTURES, ids=[str(n) for n in range(10)])
            before = engine.search(picture(40))
        with RetrievalEngine.open(tmp_path / "c") as engine:
            assert engine.search(picture(40)) == before

    def test_a_random_network_is_for_memory_only(self, tmp_path: Path) -> None:
        engine = RetrievalEngine("conventional_cnn", preprocessing=GREY)
        engine.add(PICTURES, ids=[str(n) for n in range(10)])
        assert len(engine.search(picture(40), k=4)) == 4
        with pytest.raises(InvalidInput, match="random network"):
            engine.save(tmp_path / "c")
        with pytest.raises(InvalidInput, match="random network"):
            RetrievalEngine("conventional_cnn", path=tmp_path / "c")

    def test_takes_a_model_of_ones_own(self, model: keras.Model, tmp_path: Path) -> None:
        with RetrievalEngine(model, preprocessing=GREY, path=tmp_path / "c") as engine:
            engine.add(PICTURES[:3], ids=["x", "y", "z"])
        with RetrievalEngine.open(tmp_path / "c", extractor=model) as engine:
            assert len(engine) == 3
        other = ConventionalCNN(input_shape=(28, 28, 1))
        with pytest.raises(FingerprintMismatch, match="weights_sha256"):
            RetrievalEngine.open(tmp_path / "c", extractor=other)
