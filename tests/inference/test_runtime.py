from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from clothzoo import classify
from clothzoo.errors import (
    ArchitectureNotFound,
    CompilationFailed,
    ExtraMissing,
    FingerprintMismatch,
    InvalidInput,
    WeightsNotFound,
)
from clothzoo.hub.filling import dump
from clothzoo.inference import compilation, processor, runtime, seen, store, worker
from clothzoo.inference.program import Program
from clothzoo.inference.recipe import Recipe
from clothzoo.models import ConventionalCNN
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.extractor import Extractor
from tests.hub.samples import write_sample
from tests.retrieval.colours import picture

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="the extra `fast` is not installed"
)

GREY = Preprocessing(size=(28, 28), color="grey")
FUSION = Descriptor("low+high", "flatten", "hellinger")
PHOTOS = [picture(red) for red in range(0, 250, 12)]


def rounding() -> float:
    """Of probabilities; a processor that has bfloat16 computes in it."""
    return 5e-3 if processor.has_bfloat16() else 1e-4


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    path.write_bytes(dump(ConventionalCNN(input_shape=(28, 28, 1), classes=3), "float32"))
    return path


def build(weights: Path, runtime: str, precision: str = "float32") -> Extractor:
    return Extractor.build(
        "conventional_cnn",
        FUSION,
        weights=weights,
        preprocessing=GREY,
        runtime=runtime,
        precision=precision,
    )


@pytest.fixture(scope="module")
def compiled(weights: Path) -> Extractor:
    return build(weights, "openvino")


@pytest.fixture(scope="module")
def by_keras(weights: Path) -> Extractor:
    return build(weights, "keras")


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch):
    def refuse(job: str):
        raise AssertionError("compiled anew")

    monkeypatch.setattr(compilation, "compile_apart", refuse)


def recipe(weights: Path) -> Recipe:
    part = FUSION.network_part().to_dict()
    return Recipe("conventional_cnn", str(weights), GREY.to_dict(), part, "float32")


class TestCompiledExtractor:
    def test_gives_the_vectors_and_the_fingerprint_that_keras_gives(self, compiled, by_keras):
        assert compiled.fingerprint == by_keras.fingerprint
        expected = by_keras.describe(PHOTOS)
        found = compiled.describe(PHOTOS)
        assert np.abs(found - expected).max() <= 1e-3 * np.abs(expected).max()

    def test_a_photo_alone_is_what_it_is_among_others(self, compiled):
        assert np.array_equal(compiled.describe(PHOTOS)[:1], compiled.describe(PHOTOS[0]))

    def test_is_built_once(self, compiled, weights, no_worker):
        build(weights, "openvino")

    def test_searches_a_catalogue_that_keras_filled(
        self, compiled, by_keras, weights, tmp_path, no_worker
    ):
        with RetrievalEngine(by_keras, path=tmp_path / "catalogue") as engine:
            ids = engine.add(PHOTOS)
            expected = [hit.id for hit in engine.search(PHOTOS[3])]
        with RetrievalEngine.open(tmp_path / "catalogue", runtime="openvino") as engine:
            assert [hit.id for hit in engine.search(PHOTOS[3])] == expected
            assert len(ids) == len(engine)

    def test_a_catalogue_of_another_precision_is_refused(self, compiled, by_keras, tmp_path):
        half = Extractor(
            compiled._network,
            GREY,
            {**compiled.fingerprint, "precision": "bfloat16"},
            weights=compiled.weights,
        )
        RetrievalEngine(half, path=tmp_path / "catalogue").close()
        with pytest.raises(FingerprintMismatch, match="bfloat16"):
            RetrievalEngine.open(tmp_path / "catalogue", runtime="keras")

    def test_compiles_a_model_of_ones_own_when_asked(self):
        image = keras.Input((28, 28, 1), name="image")
        x = keras.layers.Conv2D(4, 3, name="maps")(image)
        model = keras.Model(image, x)
        pair = [
            Extractor.build(
                model, Descriptor("maps"), preprocessing=GREY, runtime=name, precision="float32"
            )
            for name in ("keras", "openvino")
        ]
        assert pair[0].fingerprint == pair[1].fingerprint
        a, b = (extractor.describe(PHOTOS) for extractor in pair)
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


class TestCache:
    def test_a_damaged_file_is_not_used(self, compiled, weights):
        key = recipe(weights).key()
        blob = (
            store.folder()
            / f"{json.loads((store.folder() / f'{key}.json').read_text())['blob_sha256']}.blob"
        )
        sound = blob.read_bytes()
        for damaged in (b"", sound[:-9], bytes([sound[0] ^ 1]) + sound[1:]):
            blob.write_bytes(damaged)
            assert store.find(key) is None
        blob.write_bytes(sound)
        assert store.find(key) is not None

    def test_a_damaged_record_is_not_used(self, compiled, weights):
        key = recipe(weights).key()
        record = store.folder() / f"{key}.json"
        sound = record.read_bytes()
        for damaged in (b"", b"{}", b"\xff", sound[:-9]):
            record.write_bytes(damaged)
            assert store.find(key) is None
        record.write_bytes(sound)

    def test_other_weights_have_another_key(self, weights, tmp_path):
        other = tmp_path / "other.safetensors"
        other.write_bytes(weights.read_bytes()[:-1] + b"\0")
        assert recipe(other).key() != recipe(weights).key()

    def test_weights_that_changed_in_place_make_a_preset_invalid(self, tmp_path):
        file = tmp_path / "model.safetensors"
        file.write_bytes(b"weights")
        record = {"made_of": {str(file): seen.sha256(file)}}
        store.keep(
            ["a"], b"blob", {**record, "outputs": [""], "sizes": [1], "precision": "float32"}
        )
        assert store.find("a") is not None
        file.write_bytes(b"others!")
        os.utime(file, ns=(1, 1))
        assert store.find("a") is None
        file.unlink()
        assert store.find("a") is not None

    def test_a_folder_that_cannot_be_written_is_no_hindrance(self, monkeypatch, tmp_path, weights):
        file = tmp_path / "file"
        file.write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(file))
        record = {"preprocessing": GREY.to_dict(), "precision": "float32", "outputs": [""]}
        answer = (b"blob", {**record, "sizes": [1], "made_of": {}})
        monkeypatch.setattr(compilation, "compile_apart", lambda job: answer)
        assert isinstance(compilation.program(recipe(weights)), Program)

    def test_a_hash_is_remembered_until_the_file_changes(self, tmp_path, monkeypatch):
        file = tmp_path / "file"
        file.write_bytes(b"a")
        first = seen.sha256(file)
        with monkeypatch.context() as patch:
            patch.setattr("hashlib.file_digest", None)
            assert seen.sha256(file) == first
        file.write_bytes(b"bb")
        assert seen.sha256(file) != first


class TestChoice:
    def test_unknown_runtimes_and_precisions_are_refused(self, weights):
        with pytest.raises(InvalidInput, match="did you mean 'openvino'"):
            build(weights, "openvno")
        with pytest.raises(InvalidInput, match="did you mean 'bfloat16'"):
            build(weights, "openvino", "bfloat")

    def test_auto_follows_the_environment_and_else_the_machine(self, monkeypatch):
        monkeypatch.setenv("CLOTHZOO_RUNTIME", "openvino")
        assert runtime.wants_compiled("auto")
        assert not runtime.wants_compiled("keras")
        monkeypatch.delenv("CLOTHZOO_RUNTIME")
        for gpu in (None, "/usr/bin/nvidia-smi"):
            monkeypatch.setattr("shutil.which", lambda name, gpu=gpu: gpu)
            assert runtime.wants_compiled("auto") == (gpu is None)

    def test_without_openvino_auto_is_keras_and_asking_for_it_names_the_extra(
        self, monkeypatch, weights
    ):
        monkeypatch.delenv("CLOTHZOO_RUNTIME", raising=False)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert not processor.profits()
        monkeypatch.setitem(sys.modules, "openvino", None)
        with pytest.raises(ExtraMissing, match=r"clothzoo\[fast\]"):
            build(weights, "openvino")

    def test_auto_falls_back_to_keras_where_a_network_cannot_be_compiled(
        self, monkeypatch, weights, caplog
    ):
        def fail(recipe: Recipe):
            raise CompilationFailed("no such operation")

        monkeypatch.setattr(compilation, "program", fail)
        monkeypatch.setattr(runtime, "profits", lambda: True)
        monkeypatch.delenv("CLOTHZOO_RUNTIME", raising=False)
        assert runtime.compiled(recipe(weights), "auto") is None
        assert "no such operation; Keras computes instead" in caplog.text
        with pytest.raises(CompilationFailed):
            runtime.compiled(recipe(weights), "openvino")

    def test_weights_that_are_not_there_are_named(self, tmp_path):
        with pytest.raises(WeightsNotFound, match="gone"):
            build(tmp_path / "gone.safetensors", "openvino")

    def test_what_the_second_process_raises_is_raised_here(self):
        with pytest.raises(ArchitectureNotFound, match="did you mean 'conventional_cnn'"):
            compilation.compile_apart(Recipe("convntional_cnn", "imagenet").to_json())


class TestOverlap:
    def program(self, vectors: np.ndarray) -> object:
        class Fake:
            def __init__(self) -> None:
                self.record = {"weights_sha256": "0"}

            def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
                return {"": vectors[: len(batch)]}

        return Fake()

    def test_is_one_for_equal_vectors_and_small_for_unrelated_ones(self, monkeypatch):
        monkeypatch.setattr(worker, "_GARMENTS", 16)
        a, b = np.random.default_rng(0).random((2, 500, 8), np.float32)
        assert worker.overlap(self.program(a), self.program(a), GREY) == 1
        assert worker.overlap(self.program(a), self.program(b), GREY) < 0.5

    def test_bfloat16_is_taken_only_where_it_finds_the_same(self, monkeypatch, tmp_path, weights):
        def run(overlap: float, precision: str) -> dict[str, object]:
            facts = {"sizes": [1], "outputs": [""], "preprocessing": {}, "made_of": {}}
            monkeypatch.setattr(worker, "_network", lambda recipe: (None, GREY, facts))
            monkeypatch.setattr(worker, "_graph", lambda model: None)
            monkeypatch.setattr(worker, "compiled", lambda graph, name: name.encode())
            monkeypatch.setattr(worker, "has_bfloat16", lambda: True)
            monkeypatch.setattr(worker, "overlap", lambda *_: overlap)
            record = worker._compile(replace(recipe(weights), precision=precision), tmp_path / "b")
            assert (tmp_path / "b").read_bytes() == str(record["precision"]).encode()
            return record

        assert run(0.99, "auto")["precision"] == "bfloat16"
        assert run(0.97, "auto")["precision"] == "float32"
        assert run(0.97, "auto")["bfloat16_overlap"] == 0.97
        assert run(0.99, "float32")["precision"] == "float32"
        with pytest.raises(InvalidInput, match=r"97\.0%"):
            run(0.97, "bfloat16")


COLD = """
import sys
from clothzoo import classify
from clothzoo.retrieval.engine import RetrievalEngine
catalogue, photo, preset = sys.argv[1:]
with RetrievalEngine.open(catalogue, runtime="openvino") as engine:
    hits = engine.search(photo, k=3)
answer = classify(photo, preset, runtime="openvino")
assert not {"keras", "tensorflow", "jax", "torch"} & set(sys.modules), "Keras was imported"
print(len(hits), answer[0][0])
"""


def test_a_cold_process_searches_and_classifies_without_keras(compiled, tmp_path):
    write_sample(tmp_path)
    preset = str(tmp_path / "conventional_cnn.sample")
    Image.fromarray(PHOTOS[5]).save(photo := tmp_path / "photo.png")
    by_keras = classify(photo, preset, runtime="keras")
    answer = classify(photo, preset, runtime="openvino")
    assert [label for label, _ in answer] == [label for label, _ in by_keras]
    np.testing.assert_allclose([p for _, p in answer], [p for _, p in by_keras], atol=rounding())
    with RetrievalEngine(compiled, path=tmp_path / "catalogue") as engine:
        engine.add(PHOTOS)
    command = [sys.executable, "-c", COLD, str(tmp_path / "catalogue"), str(photo), preset]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"3 {answer[0][0]}"


def test_a_multi_task_preset_is_named_by_task_in_whatever_order_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(tmp_path))
    preset = "shared_multitask_cnn.sample"
    write_sample(tmp_path, "shared_multitask_cnn", tasks={"sleeve": 3, "category": 4, "kids": 2})
    by_keras = classify(picture(90), preset, runtime="keras")
    compiled = classify(picture(90), preset, runtime="openvino")
    assert list(compiled) == list(by_keras) == ["sleeve", "category", "kids"]
    for task, ranking in by_keras.items():
        assert dict(compiled[task]) == pytest.approx(dict(ranking), abs=rounding())
