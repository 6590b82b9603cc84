"""Approximate search: what it finds, and that it is never wrong about what it returns."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from clothzoo.errors import ExtraMissing
from clothzoo.retrieval import approximate, durable, local
from clothzoo.retrieval.index import Hits
from clothzoo.retrieval.local import LocalIndex

DIM = 32


def clustered(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).gamma(1.0, 1.0, (200, DIM))
    chosen = centres[rng.integers(0, 200, rows)]
    return (chosen * (0.7 + rng.gamma(2.0, 0.15, chosen.shape))).astype(np.float32)


def many(index: LocalIndex, queries: np.ndarray, **arguments: object) -> list[Hits]:
    return cast("list[Hits]", index.search(queries, **arguments))


def recall(index: LocalIndex, queries: np.ndarray, k: int = 10) -> float:
    exact = many(index, queries, k=k)
    found = many(index, queries, k=k, approximate=True)
    return float(
        np.mean(
            [
                len({hit.id for hit in one} & {hit.id for hit in other}) / k
                for one, other in zip(exact, found, strict=True)
            ]
        )
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalIndex]:
    path = tmp_path_factory.mktemp("large") / "catalogue"
    with LocalIndex.create(path, dim=DIM, metric="braycurtis") as index:
        rows = approximate.WORTH_IT + 1000
        names = [f"{row:05}" for row in range(rows)]
        index.add(names, clustered(rows), [{"even": row % 2 == 0} for row in range(rows)])
        index.search(np.ones(DIM), approximate=True)
        yield index


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    monkeypatch.setattr(local, "WORTH_IT", 1)
    with LocalIndex.create(tmp_path / "catalogue", dim=DIM, metric="manhattan") as index:
        index.add([f"{row:03}" for row in range(300)], clustered(300))
        yield index


def test_nearly_all_of_the_nearest_are_found(large: LocalIndex) -> None:
    assert recall(large, clustered(200, seed=1)) >= 0.99


def test_distances_are_those_of_an_exact_search(large: LocalIndex) -> None:
    queries = clustered(20, seed=2)
    exact = many(large, queries, k=40)
    for found, expected in zip(many(large, queries, approximate=True), exact, strict=True):
        known = {hit.id: hit.distance for hit in expected}
        assert [hit.distance for hit in found] == [known[hit.id] for hit in found]
        assert found == sorted(found, key=lambda hit: (hit.distance, hit.id))


def test_a_filtered_search_is_exact(large: LocalIndex) -> None:
    queries = clustered(5, seed=3)
    asked = {"where": {"even": True}}
    assert many(large, queries, approximate=True, **asked) == many(large, queries, **asked)


@pytest.mark.parametrize("metric", ["braycurtis", "cosine", "euclidean", "manhattan"])
@pytest.mark.parametrize("signed", [False, True])
def test_every_metric_has_a_graph(
    metric: str, signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "WORTH_IT", 1)
    with LocalIndex.create(None, dim=DIM, metric=metric) as index:
        index.add([f"{row}" for row in range(500)], clustered(500) - signed)
        assert recall(index, clustered(20, seed=1) - signed) >= 0.95


def test_what_was_added_is_found_and_what_was_removed_is_not(small: LocalIndex) -> None:
    query = clustered(1, seed=5)[0]
    small.search(query, approximate=True)
    small.add(["new"], query[None])
    nearest = cast("Hits", small.search(query, approximate=True))
    assert nearest[0].id == "new"
    assert nearest[0].distance == 0
    small.remove(["new", nearest[1].id])
    left = cast("Hits", small.search(query, approximate=True))
    assert [hit.id for hit in left][:8] == [hit.id for hit in nearest][2:]


def test_excluded_ids_make_room(small: LocalIndex) -> None:
    query = clustered(1, seed=5)[0]
    first = [hit.id for hit in cast("Hits", small.search(query, k=4, approximate=True))]
    found = cast("Hits", small.search(query, k=4, exclude=first[:2], approximate=True))
    assert [hit.id for hit in found][:2] == first[2:]
    assert len(found) == 4


def test_the_graph_grows_with_the_catalogue(small: LocalIndex) -> None:
    small.search(np.ones(DIM), approximate=True)
    small.add([f"new {row}" for row in range(300)], clustered(300, seed=7))
    assert recall(small, clustered(20, seed=8)) >= 0.98
    assert [file.name for file in graph_files(small)] == ["600.usearch"]


def test_the_graph_is_made_anew_when_much_was_removed(small: LocalIndex) -> None:
    small.search(np.ones(DIM), approximate=True)
    small.remove([f"{row:03}" for row in range(290)])
    assert len(many(small, np.ones((1, DIM)), k=10, approximate=True)[0]) == 10
    small.compact()
    small.add([f"{row:03}" for row in range(290)], clustered(290, seed=9))
    assert recall(small, clustered(20, seed=8)) >= 0.98


def test_the_graph_is_kept_beside_the_segments(
    small: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.search(np.ones(DIM), approximate=True)
    assert small.path is not None

    def fail(*_: object) -> None:
        raise AssertionError("the graph was made again")

    monkeypatch.setattr(approximate.Graph, "_save", fail)
    with LocalIndex.open(small.path) as again:
        assert recall(again, clustered(20, seed=1)) >= 0.98


def test_a_damaged_or_vanished_graph_is_made_anew(small: LocalIndex) -> None:
    small.search(np.ones(DIM), approximate=True)
    assert small.path is not None
    graph_files(small)[0].write_bytes(b"damaged")
    with LocalIndex.open(small.path) as again:
        assert recall(again, clustered(20, seed=1)) >= 0.98
    with LocalIndex.open(small.path) as again:
        again.search(np.ones(DIM), approximate=True)
        graph_files(small)[0].unlink()
        again.add([f"new {row}" for row in range(300)], clustered(300, seed=7))
        assert recall(again, clustered(20, seed=8)) >= 0.98


def test_a_graph_that_cannot_be_kept_is_used_all_the_same(
    small: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(durable, "adopt", full)
    assert recall(small, clustered(20, seed=1)) >= 0.98
    assert graph_files(small) == []


def test_without_usearch_the_extra_is_named(
    small: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "usearch", None)
    monkeypatch.delitem(sys.modules, "usearch.index", raising=False)
    with pytest.raises(ExtraMissing, match=r"clothzoo\[ann\]"):
        small.search(np.ones(DIM), approximate=True)


def graph_files(index: LocalIndex) -> list[Path]:
    assert index.path is not None
    return sorted((index.path / "approximate").glob("*.usearch*"))
