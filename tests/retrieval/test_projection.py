from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from clothzoo.errors import FingerprintMismatch, InvalidInput, WeightsCorrupted, WeightsNotFound
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.projection import Projection
from clothzoo.similarity import pairwise_distances

RNG = np.random.default_rng(0)
VECTORS = RNG.random((60, 20)) @ RNG.random((20, 20))


@pytest.mark.parametrize("count", [60, 12])
@pytest.mark.parametrize("whiten", [0.0, 1.0])
def test_principal_axes_are_scikit_learns(count: int, whiten: float) -> None:
    some = VECTORS[:count]
    mine = Projection.fit(some, 5, whiten=whiten)(some)
    theirs = PCA(5, whiten=bool(whiten), svd_solver="full").fit_transform(some)
    if whiten:
        theirs *= np.sqrt(count / (count - 1))  # it divides by the unbiased spread
    for a, b in zip(mine.T, theirs.T, strict=True):
        np.testing.assert_allclose(a * np.sign(a @ b), b, rtol=1e-3, atol=1e-3)


def test_labels_make_what_differs_among_the_alike_small() -> None:
    kinds = np.arange(200) % 4
    signal, noise = np.eye(4)[kinds] * 0.5, RNG.normal(size=(200, 1)) * 5
    vectors = np.concatenate([signal + RNG.normal(size=(200, 4)) * 0.1, noise], axis=1)
    plain = Projection.fit(vectors, 3)(vectors)
    learned = Projection.fit(vectors, 3, labels=kinds.tolist(), shrinkage=0.01)(vectors)

    def nearest_is_alike(points: np.ndarray) -> float:
        distances = pairwise_distances(points, metric="euclidean")
        np.fill_diagonal(distances, np.inf)
        return float(np.mean(kinds[distances.argmin(axis=1)] == kinds))

    assert nearest_is_alike(learned) > 0.95
    assert nearest_is_alike(learned) > nearest_is_alike(plain)


def test_a_split_projection_has_no_values_below_zero_and_the_same_distances() -> None:
    signed = Projection.fit(VECTORS, 4)
    split = Projection.fit(VECTORS, 8, non_negative=True)
    assert (signed.size, split.size) == (4, 8)
    assert (split(VECTORS) >= 0).all()
    np.testing.assert_allclose(
        pairwise_distances(split(VECTORS), metric="manhattan"),
        pairwise_distances(signed(VECTORS), metric="manhattan"),
        rtol=1e-5,
        atol=1e-6,
    )


def test_bray_curtis_is_refused_where_values_have_signs() -> None:
    signed, split = (Projection.fit(VECTORS, 4, non_negative=n) for n in (False, True))
    with pytest.raises(InvalidInput, match=r"signs.*non_negative=True"):
        Descriptor("low", projection=signed).check_metric("braycurtis")
    Descriptor("low", projection=signed).check_metric("cosine")
    Descriptor("low", projection=split).check_metric("braycurtis")


def test_it_is_kept_and_known_again(tmp_path: Path) -> None:
    fitted = Projection.fit(VECTORS, 4, non_negative=True)
    fitted.save(tmp_path / "p.safetensors")
    read = Projection.load(tmp_path / "p.safetensors")
    assert read == fitted
    assert read.to_dict() == fitted.to_dict()
    assert read != Projection.fit(VECTORS, 4)
    descriptor = Descriptor("low", projection=fitted)
    assert Descriptor.from_dict(descriptor.to_dict(), read) == descriptor
    with pytest.raises(InvalidInput, match="was used there"):
        Descriptor.from_dict(descriptor.to_dict())
    with pytest.raises(WeightsNotFound, match="no projection"):
        Projection.load(tmp_path / "q.safetensors")
    (tmp_path / "p.safetensors").write_bytes(b"{}")
    with pytest.raises(WeightsCorrupted, match=r"p\.safetensors.*not the content of a projection"):
        Projection.load(tmp_path / "p.safetensors")


def test_a_catalogue_keeps_the_projection_that_filled_it(tmp_path: Path) -> None:
    import keras

    from clothzoo.models import ConventionalCNN
    from clothzoo.preprocessing import Preprocessing
    from clothzoo.retrieval.engine import RetrievalEngine
    from clothzoo.retrieval.extractor import Extractor
    from tests.retrieval.colours import picture

    keras.utils.set_random_seed(0)
    model = ConventionalCNN(input_shape=(28, 28, 1), classes=3)
    grey = Preprocessing(size=(28, 28), color="grey")
    photos = [picture(red) for red in range(0, 250, 25)]
    whole = Extractor.build(model, Descriptor("low+lab"), preprocessing=grey).describe(photos)
    short = Projection.fit(whole, 6)
    with RetrievalEngine(
        model, level="low+lab", metric="cosine", projection=short, preprocessing=grey,
        path=tmp_path / "c",
    ) as engine:  # fmt: skip
        engine.add(photos, ids=[str(n) for n in range(10)])
        assert engine.index.dim == 6
        expected = engine.search(photos[3])
        engine.save(tmp_path / "copy")
    for path in ("c", "copy"):
        with RetrievalEngine.open(tmp_path / path, extractor=model) as engine:
            assert engine.search(photos[3]) == expected
    with RetrievalEngine(model, preprocessing=grey, path=tmp_path / "c") as engine:
        assert engine.metric == "cosine"  # nothing was said: it is what the catalogue has
        assert engine.search(photos[3]) == expected
    with pytest.raises(FingerprintMismatch, match="level"):
        RetrievalEngine(model, level="high", preprocessing=grey, path=tmp_path / "c")
    with pytest.raises(InvalidInput, match="have signs"):
        RetrievalEngine(model, level="low+lab", projection=short, preprocessing=grey)
    with pytest.raises(InvalidInput, match="learned from"):
        RetrievalEngine(model, level="high", metric="cosine", projection=short, preprocessing=grey)


def test_what_cannot_be_learned_is_refused() -> None:
    for wrong, message in (
        (lambda: Projection.fit(VECTORS, 21), "at most 20"),
        (lambda: Projection.fit(VECTORS[:5], 5), "at most 4"),
        (lambda: Projection.fit(VECTORS, 5, non_negative=True), "even number"),
        (lambda: Projection.fit(VECTORS * np.nan, 2), "finite"),
        (lambda: Projection.fit(VECTORS, 2, labels=[1]), "60 labels, not 1"),
        (lambda: Projection.fit(VECTORS, 2, labels=[1] * 60, shrinkage=2), "from 0 to 1"),
        (lambda: Projection(np.ones((3, 2)), np.ones(2)), r"\(3, 2\) and \(2,\)"),
        (lambda: Projection.fit(VECTORS, 2)(VECTORS[:, :3]), "vectors of 20 values"),
    ):
        with pytest.raises(InvalidInput, match=message):
            wrong()


def test_vectors_that_do_not_differ_teach_nothing() -> None:
    with pytest.raises(InvalidInput, match="the 9 vectors are all the same"):
        Projection.fit(np.ones((9, 5)), 2)
    with pytest.raises(InvalidInput, match="give several photos of some labels"):
        Projection.fit(VECTORS, 2, labels=range(len(VECTORS)))
