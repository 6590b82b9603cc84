"""What every index must do, whatever keeps it.

A kind of index joins by one entry in `KINDS`: a function that takes pytest's request and gives
back a factory with the signature of `LocalIndex.create` without the path.

For "three servers" name their DSNs, with spaces between them, in CLOTHZOO_POSTGRES_SERVERS: three
servers with the extensions vector and, on the first, postgres_fdw, as docs/scale.md says.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from clothzoo.errors import CatalogueError, ClothzooError, InvalidInput, ItemNotFound
from clothzoo.retrieval import rolling
from clothzoo.retrieval.index import FileFacts, Hits, Index
from clothzoo.retrieval.local import LocalIndex
from clothzoo.similarity import pairwise_distances

if TYPE_CHECKING:
    from clothzoo.retrieval.pgvector import PgVectorIndex

Make = Callable[..., Index]

DIM = 6
METRICS = ("braycurtis", "cosine", "euclidean", "manhattan")


def in_a_folder(request: pytest.FixtureRequest) -> Make:
    folder: Path = request.getfixturevalue("tmp_path")
    counter = iter(range(100))
    return lambda **settings: LocalIndex.create(folder / f"catalogue{next(counter)}", **settings)


def in_memory(request: pytest.FixtureRequest) -> Make:
    return lambda **settings: LocalIndex.create(None, **settings)


def on_a_server(request: pytest.FixtureRequest, **options: object) -> Make:
    dsn = request.getfixturevalue("postgres").dsn
    return lambda **settings: new_table(dsn, **options, **settings)


def in_partitions(request: pytest.FixtureRequest) -> Make:
    return on_a_server(request, partitions=3, graph="vector")


def on_three_servers(request: pytest.FixtureRequest) -> Make:
    dsns = os.environ.get("CLOTHZOO_POSTGRES_SERVERS", "").split()
    if len(dsns) != 3:
        pytest.skip("CLOTHZOO_POSTGRES_SERVERS does not name three servers")
    from tests.retrieval.foreign_partitions import drop, spread

    def create(**settings: object) -> Index:
        index = new_table(dsns[0], partitions=3, **settings)
        request.addfinalizer(partial(drop, dsns, index.table))
        spread(dsns, index.table)
        return index

    return create


def new_table(dsn: str, **settings: object) -> PgVectorIndex:
    from clothzoo.retrieval.pgvector import PgVectorIndex

    return PgVectorIndex.create(dsn, table=f"contract_{secrets.token_hex(6)}", **settings)


KINDS: dict[str, Callable[[pytest.FixtureRequest], Make]] = {
    "folder": in_a_folder,
    "folder of many segments": in_a_folder,
    "memory": in_memory,
    "memory of many segments": in_memory,
    "table": on_a_server,
    "table in partitions": in_partitions,
    "table on three servers": on_three_servers,
}
LONG = {"table in partitions", "table on three servers"}


@pytest.fixture(
    params=[pytest.param(kind, marks=[pytest.mark.long] if kind in LONG else []) for kind in KINDS]
)
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    if "many segments" in request.param:
        monkeypatch.setattr(rolling, "RECENT_BYTES", 4 * DIM * 5)
    create = KINDS[request.param](request)
    made = []

    def factory(**settings: object) -> Index:
        made.append(create(**{"dim": DIM, "metric": "manhattan", **settings}))
        return made[-1]

    yield factory
    for index in made:
        index.close()


@pytest.fixture
def index(make: Make) -> Index:
    return make()


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, DIM), np.float32)


def at(*places: float) -> np.ndarray:
    """Vectors whose manhattan distance from 0 is their place."""
    return np.array([[place] + [0] * (DIM - 1) for place in places], np.float32)


def ids(hits: Hits | list[Hits]) -> list[str]:
    return [hit.id for hit in cast("Hits", hits)]


def distances(metric: str, query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    u, v = query.astype(np.float64), gallery.astype(np.float64)
    if metric == "cosine":
        return 1 - v @ u / (np.linalg.norm(v, axis=1) * np.linalg.norm(u))
    if metric == "euclidean":
        return np.linalg.norm(v - u, axis=1)
    apart = np.abs(v - u).sum(axis=1)
    return apart if metric == "manhattan" else apart / np.abs(v + u).sum(axis=1)


def test_an_empty_index_finds_nothing(index: Index) -> None:
    assert len(index) == 0
    assert list(index) == []
    assert index.search(np.ones(DIM)) == []
    assert index.search(np.ones((2, DIM))) == [[], []]
    assert list(index.batches()) == []
    assert index.files() == {}


def test_an_index_knows_its_settings(make: Make) -> None:
    fingerprint = {"weights": "abc", "layers": ["low", "high"], "pooling": None}
    index = make(metric="cosine", fingerprint=fingerprint)
    assert (index.dim, index.metric, index.fingerprint) == (DIM, "cosine", fingerprint)
    assert make().fingerprint == {}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("signed", [False, True])
def test_hits_are_the_nearest_in_order_with_exact_distances(
    make: Make, metric: str, signed: bool
) -> None:
    gallery, queries = vectors(40) - signed * 0.5, vectors(3, seed=1) - signed * 0.5
    index = make(metric=metric)
    names = [f"{row:03}" for row in range(40)]
    index.add(names[:20], gallery[:20])
    index.add(names[20:23], gallery[20:23])
    index.add(names[23:], gallery[23:])
    results = cast("list[Hits]", index.search(queries, k=7))
    for query, hits in zip(queries, results, strict=True):
        expected = distances(metric, query, gallery)
        nearest = np.argsort(expected, kind="stable")[:7]
        assert ids(hits) == [names[row] for row in nearest]
        np.testing.assert_allclose([hit.distance for hit in hits], expected[nearest], rtol=1e-5)
        assert hits == index.search(query, k=7)


def test_there_are_no_more_hits_than_items(index: Index) -> None:
    index.add(["a", "b"], at(1, 2))
    assert ids(index.search(at(0)[0], k=50)) == ["a", "b"]


def test_equal_distances_are_ordered_by_id_even_where_k_cuts_through_them(index: Index) -> None:
    names = ["é", "b", "a10", "a9", "B", "z", "photo/1", "ß", "𝒳", "\uffee"]
    for name in names:
        index.add([name], at(1))
    for k in (1, 4, 10):
        assert ids(index.search(at(0)[0], k=k)) == sorted(names)[:k]


def test_iteration_gives_the_ids_in_order_of_code_points(index: Index) -> None:
    names = [f"{number}" for number in range(1100)] + ["é", "Z", "z", "𝒳", "\uffee"]
    index.add(names, at(*range(len(names))))
    assert list(index) == sorted(names)


def test_an_id_that_is_added_again_replaces_the_item(index: Index) -> None:
    facts = FileFacts(1, 2, "aa")
    index.add(["a", "b"], at(1, 2), [{"x": 1, "y": 2}, None], [facts, facts])
    index.add(["a", "c"], at(5, 6), [{"x": 3}, None])
    assert len(index) == 3
    assert index.get("a").attributes == {"x": 3}
    assert index.get("a").vector[0] == 5
    assert index.files() == {"b": facts}
    assert ids(index.search(at(0)[0])) == ["b", "a", "c"]
    assert ids(index.search(at(0)[0], where={"y": 2})) == []


def test_removed_items_are_gone_and_others_stay(index: Index) -> None:
    index.add(["a", "b", "c", "d"], at(1, 2, 3, 4), [{"x": 1}] * 4)
    assert index.remove(["b", "d", "nothing", "b"]) == 2
    assert index.remove(["b"]) == 0
    assert (list(index), len(index)) == (["a", "c"], 2)
    assert "b" not in index
    assert ids(index.search(at(0)[0])) == ["a", "c"]
    assert ids(index.search(at(0)[0], where={"x": 1})) == ["a", "c"]
    index.add(["b"], at(9))
    assert ids(index.search(at(0)[0])) == ["a", "c", "b"]


def test_an_index_can_be_emptied_and_filled_again(index: Index) -> None:
    for _ in range(3):
        names = [f"{number}" for number in range(12)]
        index.add(names, vectors(12))
        assert index.remove(index) == 12
        assert index.search(np.ones(DIM)) == []


def test_get_gives_the_item_as_it_was_added(index: Index) -> None:
    attributes = {
        "text": "Größe ' \" \\ %",
        "whole": -(2**63),
        "part": 0.1,
        "yes": True,
        "no": None,
    }
    given = vectors(9)
    index.add([f"{row}" for row in range(9)], given, [attributes] * 9)
    item = index.get("4")
    assert (item.id, item.attributes) == ("4", attributes)
    assert item.attributes["yes"] is True
    np.testing.assert_array_equal(item.vector, given[4])
    assert item.vector.dtype == np.float32


def test_what_get_and_search_hand_out_is_the_callers_own(index: Index) -> None:
    index.add(["a"], at(1), [{"x": 1}])
    index.get("a").vector[:] = 7
    index.get("a").attributes["x"] = 2
    cast("Hits", index.search(at(0)[0]))[0].attributes["x"] = 2
    assert index.get("a").vector[0] == 1
    assert index.get("a").attributes == {"x": 1}


def test_an_id_that_is_not_there_is_named(index: Index) -> None:
    assert "nobody" not in index
    assert 3 not in index
    with pytest.raises(ItemNotFound, match="nobody") as caught:
        index.get("nobody")
    assert isinstance(caught.value, KeyError)


GARMENTS = {
    "a": {"category": "dress", "price": 10, "kids": True, "size": "M"},
    "b": {"category": "dress", "price": 49.5, "kids": False},
    "c": {"category": "shirt", "price": 50, "kids": None, "size": "S"},
    "d": {"category": "shirt", "price": "on request", "size": "XL"},
    "e": {"category": None, "price": -3.5, "kids": 1},
    "f": {},
}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "abcdef"),
        ({"category": "dress"}, "ab"),
        ({"category": ["dress", "shirt"]}, "abcd"),
        ({"category": {"shirt"}}, "cd"),
        ({"category": []}, ""),
        ({"category": None}, "ef"),
        ({"category": ["dress", None]}, "abef"),
        ({"category": "dres"}, ""),
        ({"category": "DRESS"}, ""),
        ({"category": "%"}, ""),
        ({"price": (0, 50)}, "abc"),
        ({"price": (10, 49.5)}, "ab"),
        ({"price": (50, 10)}, ""),
        ({"price": (None, 10)}, "ae"),
        ({"price": (10, None)}, "abc"),
        ({"price": ("a", None)}, "d"),
        ({"price": (None, "z")}, "d"),
        ({"size": ("M", "S")}, "ac"),
        ({"price": 10}, "a"),
        ({"price": 10.0}, "a"),
        ({"price": "10"}, ""),
        ({"price": np.float32(49.5)}, "b"),
        ({"kids": True}, "ae"),
        ({"kids": 1}, "ae"),
        ({"kids": False}, "b"),
        ({"kids": None}, "cdf"),
        ({"category": "dress", "price": (0, 20)}, "a"),
        ({"category": "dress", "kids": None}, ""),
        ({"nowhere": 1}, ""),
        ({"nowhere": None}, "abcdef"),
    ],
)
def test_where_selects_by_equality_membership_and_range(
    index: Index, where: dict[str, object], expected: str
) -> None:
    for number, (name, attributes) in enumerate(GARMENTS.items()):
        index.add([name], at(number), [attributes])
    assert "".join(ids(index.search(at(0)[0], where=where))) == expected


def test_where_looks_past_nearer_items_that_do_not_match(index: Index) -> None:
    names = [f"{row:03}" for row in range(200)]
    index.add(names, at(*range(200)), [{"rare": row >= 198} for row in range(200)])
    assert ids(index.search(at(0)[0], k=5, where={"rare": True})) == ["198", "199"]


def test_the_same_filter_sees_what_was_added_since(index: Index) -> None:
    index.add(["a"], at(1), [{"x": 1}])
    assert ids(index.search(at(0)[0], where={"x": 1})) == ["a"]
    index.add(["b"], at(2), [{"x": 1}])
    assert ids(index.search(at(0)[0], where={"x": 1})) == ["a", "b"]


@pytest.mark.parametrize(
    "hostile",
    ["x'; DROP TABLE items; --", 'x"', "$.x", "x) OR 1=1 --", "%", "x.y", "[0]", "?1", " "],
)
def test_names_and_values_are_never_read_as_part_of_a_statement(index: Index, hostile: str) -> None:
    index.add(["a", hostile], at(1, 2), [{"x": 1}, {hostile: hostile}])
    assert ids(index.search(at(0)[0], where={hostile: hostile})) == [hostile]
    assert ids(index.search(at(0)[0], where={"x": hostile})) == []
    assert ids(index.search(at(0)[0], exclude=[hostile])) == ["a"]
    assert index.remove([hostile]) == 1
    assert list(index) == ["a"]


@pytest.mark.parametrize(
    "where",
    [
        {"x": (1, 2, 3)},
        {"x": (1, "a")},
        {"x": (None, None)},
        {"x": ()},
        {"x": {"y": 1}},
        {"x": [[1]]},
        {"x": float("nan")},
        {"x": 2**63},
        {1: 1},
    ],
)
def test_a_filter_that_means_nothing_is_refused(index: Index, where: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"x|1"):
        index.search(np.ones(DIM), where=where)


def test_excluded_ids_make_room_for_the_next_nearest(index: Index) -> None:
    index.add(list("abcdef"), at(1, 2, 3, 4, 5, 6))
    hits = index.search(at(0)[0], k=3, exclude=["a", "c", "nobody"])
    assert ids(hits) == ["b", "d", "e"]
    both = cast("list[Hits]", index.search(at(0, 9), k=1, exclude={"a", "f"}))
    assert [ids(hits) for hits in both] == [["b"], ["e"]]


def test_file_facts_are_kept_replaced_and_removed_with_their_item(index: Index) -> None:
    one, two = FileFacts(10, 2**62, "aa"), FileFacts(0, -5, "bb")
    index.add(["a", "b", "c"], at(1, 2, 3), files=[one, None, two])
    assert index.files() == {"a": one, "c": two}
    index.update_files({"a": two, "b": one, "nobody": one})
    assert index.files() == {"a": two, "b": one, "c": two}
    index.remove(["a"])
    assert index.files() == {"b": one, "c": two}
    assert index.get("b").vector[0] == 2


def test_batches_copy_an_index_into_another(make: Make) -> None:
    index, copy = make(), make()
    facts = FileFacts(1, 2, "aa")
    index.add(
        [f"{row:02}" for row in range(23)],
        vectors(23),
        [{"row": row} for row in range(23)],
        [facts if row % 2 else None for row in range(23)],
    )
    index.remove(["03", "22"])
    sizes = []
    for batch in index.batches(4):
        copy.add(*batch)
        sizes.append(len(batch.ids))
    assert max(sizes) <= 4
    assert sum(sizes) == 21
    assert list(copy) == list(index)
    assert copy.files() == index.files()
    for name in index:
        np.testing.assert_array_equal(copy.get(name).vector, index.get(name).vector)
        assert copy.get(name).attributes == index.get(name).attributes


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((["a", ""], at(1, 2)), "''"),
        ((["a", "a"], at(1, 2)), "'a'"),
        ((["a", "b\0"], at(1, 2)), r"b\\x00"),
        ((["a", "\ud800"], at(1, 2)), "ud800"),
        ((["a", 3], at(1, 2)), "3"),
        (("ab", at(1, 2)), "'ab'"),
        ((["a", "b"], at(1)), r"\(1, 6\)"),
        ((["a", "b"], np.ones((2, DIM + 1))), r"\(2, 7\)"),
        ((["a", "b"], [[1, 2], [3]]), "rectangular"),
        ((["a", "b"], at(1, np.nan)), "'b'"),
        ((["a", "b"], at(1, np.inf)), "'b'"),
        ((["a", "b"], np.full((2, DIM), 1e300)), "'a'"),
        ((["a", "b"], at(1, 2), [{}]), "2 ids"),
        ((["a", "b"], at(1, 2), {"x": 1}), "2 ids"),
        ((["a", "b"], at(1, 2), [{}, {"x": [1]}]), "'x'"),
        ((["a", "b"], at(1, 2), [{}, {"x": float("inf")}]), "'x'"),
        ((["a", "b"], at(1, 2), [{}, {"x": 2**63}]), "'x'"),
        ((["a", "b"], at(1, 2), [{}, {"x": "\ud800"}]), "'x'"),
        ((["a", "b"], at(1, 2), [{}, {"": 1}]), "''"),
        ((["a", "b"], at(1, 2), None, [None]), "2 ids"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_of_it_is_added(
    index: Index, arguments: tuple[object, ...], named: str
) -> None:
    index.add(["old"], at(0))
    with pytest.raises(InvalidInput, match=named):
        index.add(*arguments)
    assert list(index) == ["old"]


@pytest.mark.parametrize(
    "query",
    [np.ones(DIM - 1), np.ones((2, DIM + 1)), np.ones((1, 1, DIM)), np.float32(1), ["a"] * DIM],
)
def test_a_query_of_another_shape_is_refused(index: Index, query: object) -> None:
    with pytest.raises(InvalidInput):
        index.search(query)


def test_a_query_that_is_not_finite_is_refused_by_its_row(index: Index) -> None:
    with pytest.raises(InvalidInput, match="row 1"):
        index.search(at(1, np.nan))


@pytest.mark.parametrize("k", [0, -1, 1.5, True, "3"])
def test_k_is_a_whole_number_of_at_least_one(index: Index, k: object) -> None:
    with pytest.raises(InvalidInput, match="k must"):
        index.search(np.ones(DIM), k=k)


def test_nothing_is_added_by_an_empty_add(index: Index) -> None:
    index.add([], np.empty((0, DIM)))
    index.add([], [])
    assert len(index) == 0


def test_notes_are_kept_and_replaced(index: Index) -> None:
    assert index.notes() == {}
    notes = {"weights": None, "folders": [["a/", "Größe ' \" \\ %"]], "number": 1e300}
    index.keep_notes(notes)
    assert index.notes() == notes
    index.keep_notes({"x": 1})
    assert index.notes() == {"x": 1}
    assert index.fingerprint == {}


@pytest.mark.parametrize("name", ["a\0", "\ud800", ""])
def test_what_can_be_no_id_is_not_there(index: Index, name: str) -> None:
    index.add(["a"], at(1), [{"x": 1}])
    assert name not in index
    with pytest.raises(ItemNotFound):
        index.get(name)
    assert ids(index.search(at(0)[0], where={name: 1})) == []
    assert ids(index.search(at(0)[0], where={name: None})) == ["a"]


@pytest.mark.parametrize("metric", METRICS)
def test_zero_vectors_have_the_same_distances_everywhere(make: Make, metric: str) -> None:
    index = make(metric=metric)
    index.add(["zero", "one", "minus", "two"], at(0, 1, -1, 2))
    expected = {
        "braycurtis": ([("zero", 0), ("minus", 1), ("one", 1), ("two", 1)], np.inf),
        "cosine": ([("zero", 0), ("minus", 1), ("one", 1), ("two", 1)], 2),
        "euclidean": ([("zero", 0), ("minus", 1), ("one", 1), ("two", 2)], 2),
        "manhattan": ([("zero", 0), ("minus", 1), ("one", 1), ("two", 2)], 2),
    }[metric]
    hits = cast("Hits", index.search(at(0)[0]))
    assert [(hit.id, hit.distance) for hit in hits] == expected[0]
    for k in (1, 2, 3):
        assert index.search(at(0)[0], k=k) == hits[:k]
    opposite = cast("Hits", index.search(at(1)[0]))
    assert (opposite[-1].id, opposite[-1].distance) == ("minus", expected[1])


@pytest.mark.parametrize("metric", METRICS)
def test_numbers_at_the_ends_of_float32_are_compared_exactly(make: Make, metric: str) -> None:
    gallery = vectors(24, seed=3) - np.float32(0.5)
    scales = np.float32([1e-38, 1e-30, 1e-18, 1, 1e18, 1e37])
    rows = (gallery * np.repeat(scales, 4)[:, None]).astype(np.float32)
    names = [f"{row:02}" for row in range(24)]
    index = make(metric=metric)
    index.add(names, rows)
    for query in (rows[0], rows[9], rows[13], rows[22], rows[13] + rows[17]):
        expected = pairwise_distances(query[None], rows, metric=metric)[0].tolist()
        hits = cast("Hits", index.search(query, k=5))
        nearest = sorted(zip(expected, names, strict=True))[:5]
        assert [(hit.distance, hit.id) for hit in hits] == nearest


@pytest.mark.parametrize("metric", METRICS)
def test_distances_that_float32_cannot_tell_apart_are_ordered_exactly(
    make: Make, metric: str
) -> None:
    rng = np.random.default_rng(5)
    query = (1 + rng.random(DIM)).astype(np.float32)
    steps = rng.integers(-3, 4, (400, DIM)).astype(np.float32) * np.float32(2.0**-23)
    rows = np.roll(query, 1) + steps  # one place of the last bit apart, and many of them equal
    names = [f"{number:03}" for number in rng.permutation(400)]
    index = make(metric=metric)
    index.add(names, rows)
    expected = pairwise_distances(query[None], rows, metric=metric)[0].tolist()
    for k in (1, 10, 399):
        hits = cast("Hits", index.search(query, k=k))
        nearest = sorted(zip(expected, names, strict=True))[:k]
        assert [(hit.distance, hit.id) for hit in hits] == nearest


def test_a_closed_index_says_so(make: Make) -> None:
    index = make()
    with index as same:
        assert same is index
    index.close()
    with pytest.raises(CatalogueError, match="closed"):
        len(index)
    with pytest.raises(ClothzooError):
        index.search(np.ones(DIM))
