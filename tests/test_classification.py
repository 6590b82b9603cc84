from __future__ import annotations

import threading
from pathlib import Path

import keras
import numpy as np
import pytest

import clothzoo
from clothzoo import classification
from clothzoo.classification import Classifier, rankings
from clothzoo.errors import InvalidInput, PresetNotFound, UnreadablePhoto
from clothzoo.hub.presets import Unknown
from clothzoo.preprocessing import Preprocessing
from tests.hub.samples import write_sample
from tests.retrieval.colours import picture, write

SINGLE, MULTI = "conventional_cnn.sample", "shared_multitask_cnn.sample"
GREY = Preprocessing(size=(28, 28), color="grey")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("presets")
    write_sample(root)
    write_sample(root, "shared_multitask_cnn")
    return root


@pytest.fixture(autouse=True)
def _presets(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(samples))


def test_one_photo_gives_labels_with_probabilities_best_first(tmp_path: Path) -> None:
    path = write(tmp_path / "shirt.png", picture(150))
    answer = clothzoo.classify(path, SINGLE)
    assert {label for label, _ in answer} == {"category 0", "category 1", "category 2"}
    probabilities = [probability for _, probability in answer]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    assert clothzoo.classify(str(path), SINGLE) == answer
    assert clothzoo.classify(path, SINGLE, top=1) == answer[:1]


def test_it_says_what_the_loaded_model_says() -> None:
    preset = clothzoo.preset(SINGLE)
    output = clothzoo.load(SINGLE).predict(preset.preprocessing(picture(80)), verbose=0)[0]
    answer = dict(clothzoo.classify(picture(80), SINGLE))
    for label, probability in zip(preset.labels["category"], output, strict=True):
        assert answer[label] == pytest.approx(float(probability), rel=1e-4)


def test_a_list_gives_a_list_in_order() -> None:
    pictures = [picture(red) for red in (0, 90, 255)]
    answers = clothzoo.classify(pictures, SINGLE)
    assert len(answers) == 3
    for pixels, answer in zip(pictures, answers, strict=True):
        alone = clothzoo.classify(pixels, SINGLE)
        assert [label for label, _ in alone] == [label for label, _ in answer]
    assert clothzoo.classify(np.stack(pictures), SINGLE) == answers
    assert clothzoo.classify([], SINGLE) == []


def test_a_multi_task_preset_gives_a_ranking_for_each_task() -> None:
    answer = clothzoo.classify(picture(80), MULTI, top=2)
    assert set(answer) == {"category", "kids"}
    assert [len(ranking) for ranking in rankings(answer).values()] == [2, 2]
    assert clothzoo.classify([picture(80)], MULTI, top=2) == [answer]


def test_a_box_cuts_the_photo() -> None:
    both = np.hstack([picture(10), picture(240)])
    assert clothzoo.classify(both, SINGLE, box=(16, 0, 16, 16)) == clothzoo.classify(
        picture(240), SINGLE
    )


def test_an_unreadable_photo_and_an_unknown_preset_are_named() -> None:
    with pytest.raises(UnreadablePhoto, match="gone"):
        clothzoo.classify([picture(1), "gone.jpg"], SINGLE)
    with pytest.raises(PresetNotFound, match=f"did you mean '{SINGLE}'"):
        clothzoo.classify(picture(1), "conventional_cnn.samples")


def test_the_network_is_built_once_for_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []
    make = classification.Classifier
    monkeypatch.setattr(
        classification, "Classifier", lambda *parts: built.append(1) or make(*parts)
    )
    classification._loaded.cache_clear()
    threads = [
        threading.Thread(target=clothzoo.classify, args=(picture(n), SINGLE)) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [1]


def test_what_looks_like_nothing_learnt_is_rejected() -> None:
    x = keras.Input((4, 4, 3))
    light = keras.layers.GlobalAveragePooling2D()(x)
    layer = keras.layers.Dense(2)
    network = keras.Model(x, layer(light))
    layer.set_weights([np.array([[9, 0], [0, 0], [0, 0]], np.float32), np.zeros(2, np.float32)])
    labels, sizes = {"category": ("hat", "sock")}, Preprocessing(size=(4, 4))
    bright, dark = picture(255), picture(0)

    strict = Classifier(network, labels, sizes, Unknown("energy", 4.0, 0.95, "drawings"))
    assert [answer[0][0] for answer in strict([bright, dark], reject=True)] == ["hat", "unknown"]
    assert strict(dark, reject=True) == [("unknown", 1.0)]
    assert len(strict(dark)) == 2

    with pytest.raises(InvalidInput, match="leave out reject"):
        Classifier(network, labels, sizes)(bright, reject=True)


def test_labels_must_fit_the_outputs() -> None:
    x = keras.Input((28, 28, 1))
    model = keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    with pytest.raises(InvalidInput, match="labels for"):
        Classifier(model, {"category": ["a", "b"]}, GREY)
