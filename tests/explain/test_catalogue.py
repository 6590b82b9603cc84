from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from clothzoo import RetrievalEngine
from clothzoo.errors import ExtraMissing, InvalidInput
from clothzoo.explain import catalogue_figure, catalogue_map
from tests.retrieval.colours import extractor, folder_of, picture


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a busy machine, threads that wait for each other take long over a small map."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> RetrievalEngine:
    """Thirty dark pictures and thirty bright ones."""
    reds = {f"dark/{n:02}.png": 10 + n for n in range(30)}
    reds |= {f"bright/{n:02}.png": 220 + n for n in range(30)}
    folder = folder_of(tmp_path_factory.mktemp("photos"), reds)
    engine = RetrievalEngine(extractor())
    engine.add_folder(folder, labels="folders")
    return engine


def test_what_looks_alike_lies_together(engine: RetrievalEngine) -> None:
    laid_out = catalogue_map(engine)
    assert sorted(laid_out.ids) == sorted(engine)
    assert laid_out.places.shape == (60, 2)
    assert laid_out.places.dtype == np.float32
    assert (laid_out.places.min(), laid_out.places.max()) == (0, 1)
    bright = np.array([name.startswith("bright") for name in laid_out.ids])
    apart = np.linalg.norm(laid_out.places[:, None] - laid_out.places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (bright[apart.argmin(axis=1)] == bright).all()


def test_the_same_seed_gives_the_same_map(engine: RetrievalEngine) -> None:
    one, again = (catalogue_map(engine, limit=20, seed=3) for _ in range(2))
    assert one.ids == again.ids
    np.testing.assert_array_equal(one.places, again.places)
    assert len(set(one.ids)) == 20
    assert one.total == 60
    assert one.ids != catalogue_map(engine, limit=20, seed=4).ids


def test_wrong_arguments_are_named(
    engine: RetrievalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="did you mean 'tsne'"):
        catalogue_map(engine, method="t-sne")
    few = RetrievalEngine(extractor())
    few.add([picture(1), picture(2)], ids=["a", "b"])
    with pytest.raises(InvalidInput, match="5 or more items; the catalogue has 2"):
        catalogue_map(few)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ExtraMissing, match=r"clothzoo\[umap\]"):
        catalogue_map(engine, method="umap")
    laid_out = catalogue_map(engine, limit=6)
    with pytest.raises(InvalidInput, match="did you mean 'category'"):
        catalogue_figure(engine, laid_out, attribute="categroy")


def test_umap_lays_out_too(engine: RetrievalEngine) -> None:
    pytest.importorskip("umap")
    assert catalogue_map(engine, method="umap").places.shape == (60, 2)
