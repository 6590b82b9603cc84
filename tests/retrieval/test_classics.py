from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clothzoo.datasets.record import Record
from clothzoo.datasets.rendered import render
from clothzoo.errors import ExtraMissing, InvalidInput, UnreadablePhoto
from clothzoo.retrieval.classics import VisualWords
from clothzoo.retrieval.classics.points import KINDS, SAMPLING, Points, find_points
from clothzoo.retrieval.classics.words import (
    NORMALISATION,
    count_words,
    find_words,
    learn_vocabulary,
    normalised,
    rarity,
)
from clothzoo.similarity import METRICS, Gallery

EXTRA = "the extra `baselines` is not installed"


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(KINDS[request.param][0], reason=EXTRA)
    pytest.importorskip("sklearn", reason=EXTRA)
    return str(request.param)


@pytest.fixture(scope="module")
def garments() -> list[Record]:
    return list(render(10, views=2, size=112, seed=3))


@pytest.fixture(scope="module")
def photos(garments: list[Record]) -> list[np.ndarray]:
    return [np.asarray(record.image) for record in garments]


@pytest.fixture(scope="module")
def fitted(kind: str, photos: list[np.ndarray]) -> VisualWords:
    return VisualWords(kind, side=112, words=32).fit(photos)


@pytest.fixture(scope="module")
def bags(fitted: VisualWords, photos: list[np.ndarray]) -> np.ndarray:
    return fitted.describe(photos)


def test_descriptors_are_vectors_that_every_measure_searches(
    fitted: VisualWords, bags: np.ndarray
) -> None:
    assert bags.dtype == np.float32
    assert bags.shape == (20, fitted.dim) == (20, 32 * 5)
    assert (bags >= 0).all()
    np.testing.assert_allclose(bags.sum(axis=1), 1, rtol=1e-5)
    for metric in METRICS:
        indices, distances = Gallery(bags, metric).search(bags, k=2)
        assert indices[:, 0].tolist() == list(range(20))
        np.testing.assert_allclose(distances[:, 0], 0, atol=1e-6)
        assert (distances[:, 1] > 1e-4).all()


def test_points_that_were_found_before_give_the_same_bags(
    fitted: VisualWords, bags: np.ndarray, photos: list[np.ndarray]
) -> None:
    points = [find_points(p, fitted.kind, fitted.sampling, fitted.side) for p in photos]
    again = VisualWords(fitted.kind, side=112, words=32).fit(points)
    np.testing.assert_array_equal(again.vocabulary_, fitted.vocabulary_)
    np.testing.assert_array_equal(again.describe(points), bags)


def test_another_view_of_a_garment_is_found(bags: np.ndarray, garments: list[Record]) -> None:
    indices, _ = Gallery(bags, "braycurtis").search(bags, k=2)
    groups = np.array([record.group for record in garments])
    found = groups[indices[:, 1]] == groups
    assert found.mean() > 0.3  # by chance: 1 of 19


@pytest.mark.parametrize("sampling", SAMPLING)
def test_the_same_photos_and_seed_give_the_same_bits(
    kind: str, sampling: str, photos: list[np.ndarray]
) -> None:
    def run(seed: int) -> np.ndarray:
        words = VisualWords(kind, sampling, side=112, words=16, pyramid=1, seed=seed)
        return words.fit(photos[:8]).describe(photos[:8])

    once = run(0)
    np.testing.assert_array_equal(once, run(0))
    assert not np.array_equal(once, run(1))


def test_a_photo_is_described_the_same_however_it_comes(
    fitted: VisualWords, bags: np.ndarray, photos: list[np.ndarray], tmp_path: Path
) -> None:
    image = Image.fromarray(photos[5])
    image.save(tmp_path / "five.png")
    for photo in (photos[5], image, tmp_path / "five.png", str(tmp_path / "five.png")):
        np.testing.assert_array_equal(fitted.describe(photo), bags[5:6])
    np.testing.assert_array_equal(fitted.describe(np.stack(photos[5:7])), bags[5:7])
    assert fitted.describe([]).shape == (0, fitted.dim)


def test_a_photo_that_shows_nothing_is_all_zeros_and_searchable(
    kind: str, photos: list[np.ndarray]
) -> None:
    words = VisualWords(kind, "detected", side=112, words=16).fit(photos[:8])
    nothing = [np.full((90, 120, 3), 200, np.uint8), np.zeros((1, 400, 3), np.uint8)]
    bags = words.describe([*photos[:3], *nothing])
    assert not bags[3:].any()
    for metric in METRICS:
        assert np.isfinite(Gallery(bags, metric).search(bags, k=5)[1]).all()


@pytest.mark.parametrize("sampling", SAMPLING)
def test_places_are_parts_of_the_photo(kind: str, sampling: str, photos: list[np.ndarray]) -> None:
    tall = np.concatenate([photos[0], np.full((224, 112, 3), 90, np.uint8)])
    found = find_points(tall, kind, sampling, 336)
    assert found.places.dtype == found.features.dtype == np.float32
    assert found.features.shape == (len(found.places), KINDS[kind][1])
    assert (found.places >= 0).all()
    assert (found.places <= 1).all()
    if sampling == "detected":  # in the upper third, where the garment is
        assert 0 < found.places[:, 0].mean() < 0.4


def test_what_cannot_be_decoded_is_named(fitted: VisualWords, tmp_path: Path) -> None:
    with pytest.raises(UnreadablePhoto, match=r"none\.jpg.*no such file"):
        fitted.describe([tmp_path / "none.jpg"])


def test_settings_survive_cloning(fitted: VisualWords, photos: list[np.ndarray]) -> None:
    base = pytest.importorskip("sklearn.base", reason=EXTRA)
    copy = base.clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(InvalidInput, match="call fit"):
        copy.describe(photos[:1])
    copy.fit(photos[:4]).set_params(words=32)
    with pytest.raises(InvalidInput, match=r"words=32.*call fit"):
        copy.describe(photos[:1])
    with pytest.raises(InvalidInput, match="did you mean 'words'"):
        copy.set_params(word=32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "surff"}, "did you mean 'surf'"),
        ({"sampling": "sparse"}, "no sampling 'sparse'"),
        ({"normalisation": "l3"}, "no normalisation 'l3'"),
        ({"side": 4}, "side=4"),
        ({"words": 1}, "words=1"),
        ({"pyramid": 0}, "pyramid=0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        VisualWords(**settings).fit([])


def test_too_few_features_for_the_words_are_refused(kind: str) -> None:
    blank = np.full((64, 64, 3), 200, np.uint8)
    for photos in ([], [blank]):
        with pytest.raises(InvalidInput, match="too few"):
            VisualWords(kind, "detected").fit(photos)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_without_the_extra_its_name_is_said(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = KINDS[kind][0]
    for name in [package, *(n for n in sys.modules if n.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ExtraMissing, match=rf"{package}.*clothzoo\[baselines\]"):
        VisualWords(kind).fit([np.zeros((64, 64, 3), np.uint8)])


class TestWords:
    def test_each_feature_gets_its_nearest(self) -> None:
        rng = np.random.default_rng(0)
        features, vocabulary = rng.normal(size=(50, 8)), rng.normal(size=(6, 8)) * 3
        far = np.linalg.norm(features[:, None] - vocabulary, axis=2)
        words = find_words(features.astype(np.float32), vocabulary.astype(np.float32))
        assert words.tolist() == far.argmin(axis=1).tolist()

    def test_a_pyramid_counts_the_finest_cells_most(self) -> None:
        words = np.array([0, 1, 1], np.int32)
        places = np.array([[0.1, 0.1], [0.1, 0.9], [1.0, 1.0]], np.float32)
        assert count_words(words, places, 2, 1).tolist() == [1, 2]
        assert count_words(words, places, 2, 2).tolist() == [1, 2, 1, 0, 0, 1, 0, 0, 0, 1]
        three = count_words(words, places, 2, 3)
        assert three[:10].tolist() == [0.5, 1, 0.5, 0, 0, 0.5, 0, 0, 0, 0.5]
        fine = three[10:].reshape(4, 4, 2)
        assert np.argwhere(fine).tolist() == [[0, 0, 0], [0, 3, 1], [3, 3, 1]]
        assert fine.sum() == 3
        assert count_words(words[:0], places[:0], 2, 2).tolist() == [0] * 10

    def test_rarity_is_that_of_scikit_learn(self) -> None:
        text = pytest.importorskip("sklearn.feature_extraction.text", reason=EXTRA)
        bags = np.random.default_rng(1).integers(0, 3, (9, 12)).astype(np.float32)
        np.testing.assert_allclose(rarity(bags), text.TfidfTransformer().fit(bags).idf_, rtol=1e-6)

    def test_normalisations_scale_and_leave_what_is_empty(self) -> None:
        bags = np.array([[3.0, 1.0], [0.0, 0.0]])
        expected = {"l1": [0.75, 0.25], "l2": [0.9**0.5, 0.1**0.5], "hellinger": [0.75**0.5, 0.5]}
        assert sorted(expected) == sorted(NORMALISATION)
        for how, row in expected.items():
            np.testing.assert_allclose(normalised(bags, how), [row, [0, 0]], rtol=1e-6)

    def test_a_vocabulary_is_the_clusters_centres(self) -> None:
        pytest.importorskip("sklearn", reason=EXTRA)
        rng = np.random.default_rng(2)
        centres = np.array([[0, 0], [9, 0], [0, 9]])  # by the second, then the first
        features = np.concatenate([c + rng.normal(0, 0.1, (40, 2)) for c in centres])
        points = [Points(np.zeros((120, 2), np.float32), features.astype(np.float32))]
        found = learn_vocabulary(points, 3, seed=0)
        np.testing.assert_allclose(found[np.lexsort(found.round().T)], centres, atol=0.1)
