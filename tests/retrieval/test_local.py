"""The catalogue in a folder: what it adds to the contract of every index."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from clothzoo.errors import CatalogueError, FingerprintMismatch, InvalidInput
from clothzoo.retrieval import rolling
from clothzoo.retrieval.index import FileFacts, Hits
from clothzoo.retrieval.local import LocalIndex

DIM = 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue"


def made(path: Path | None, **settings: Any) -> LocalIndex:
    return LocalIndex.create(path, **{"dim": DIM, "metric": "manhattan", **settings})


def filled(path: Path, rows: int = 20) -> LocalIndex:
    index = made(path)
    index.add(names(rows), places(rows), [{"even": row % 2 == 0} for row in range(rows)])
    return index


def names(rows: int) -> list[str]:
    return [f"{row:05}" for row in range(rows)]


def places(rows: int) -> np.ndarray:
    return np.arange(rows, dtype=np.float32)[:, None] * np.ones(DIM, np.float32)


def found(index: LocalIndex, **arguments: Any) -> list[str]:
    hits = index.search(np.zeros(DIM), **{"k": 10**6, **arguments})
    return [hit.id for hit in cast("Hits", hits)]


def segment_files(path: Path) -> list[Path]:
    return sorted((path / "segments").glob("*"))


def test_a_catalogue_is_as_it_was_when_it_is_opened_again(path: Path) -> None:
    facts = FileFacts(1, 2, "aa")
    with made(path, metric="cosine", fingerprint={"level": "low", "size": (96, 96)}) as index:
        index.add(["a"], [[1, 2, 3]], [{"x": 1}], [facts])
    with LocalIndex.open(str(path)) as index:
        assert (index.dim, index.metric) == (DIM, "cosine")
        assert index.fingerprint == {"level": "low", "size": [96, 96]}
        assert index.get("a").attributes == {"x": 1}
        assert index.files() == {"a": facts}
        assert index.path == path


def test_the_fingerprint_handed_out_cannot_be_changed_from_outside() -> None:
    index = made(None, fingerprint={"layers": ["low"]})
    index.fingerprint["layers"].append("high")
    assert index.fingerprint == {"layers": ["low"]}


def test_another_extractor_is_refused_with_both_fingerprints_named(path: Path) -> None:
    made(path, fingerprint={"weights": "abc", "level": "low"}).close()
    LocalIndex.open(path, fingerprint={"level": "low", "weights": "abc"}).close()
    with pytest.raises(FingerprintMismatch, match=r"weights differ.*abc.*xyz"):
        LocalIndex.open(path, fingerprint={"level": "low", "weights": "xyz"})


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"metric": "manhatan"}, "did you mean 'manhattan'"),
        ({"dim": 0}, "dim"),
        ({"dim": 2.5}, "dim"),
        ({"fingerprint": {"x": object()}}, "fingerprint"),
    ],
)
def test_settings_that_make_no_catalogue_are_refused(
    path: Path, settings: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInput, match=named):
        made(path, **settings)
    assert not path.exists()


def test_a_folder_with_something_in_it_is_left_alone(path: Path) -> None:
    path.mkdir()
    (path / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(CatalogueError, match="not empty"):
        made(path)
    assert [file.name for file in path.iterdir()] == ["holiday.jpg"]


def test_a_file_is_not_taken_for_a_folder(path: Path) -> None:
    path.write_bytes(b"precious")
    with pytest.raises(CatalogueError):
        made(path)
    with pytest.raises(CatalogueError, match="no catalogue"):
        LocalIndex.open(path)
    assert path.read_bytes() == b"precious"


def test_an_empty_folder_becomes_a_catalogue(path: Path) -> None:
    path.mkdir()
    made(path).close()
    LocalIndex.open(path).close()


def test_a_catalogue_is_not_made_over_another(path: Path) -> None:
    filled(path).close()
    with pytest.raises(CatalogueError, match="already"):
        made(path)
    assert len(LocalIndex.open(path)) == 20


def test_a_catalogue_that_lost_its_header_is_not_taken_for_a_new_one(path: Path) -> None:
    filled(path).close()
    (path / "catalogue.json").unlink()
    with pytest.raises(CatalogueError, match="no catalogue"):
        LocalIndex.open(path)
    with pytest.raises(CatalogueError):
        made(path)
    shutil.rmtree(path / "segments", ignore_errors=True)
    with pytest.raises(CatalogueError, match=r"catalogue\.json"):
        made(path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "damaged"),
        ('{"format": 99}', "format 99"),
        ('{"format": 1, "dim": 3}', "damaged"),
        ('{"format": 1, "dim": 3, "metric": "x"}', "damaged"),
    ],
)
def test_a_header_that_cannot_be_used_is_named(path: Path, text: str, named: str) -> None:
    filled(path).close()
    (path / "catalogue.json").write_text(text)
    with pytest.raises(CatalogueError, match=named):
        LocalIndex.open(path)


def test_where_there_is_no_catalogue_it_says_so_and_makes_nothing(path: Path) -> None:
    with pytest.raises(CatalogueError, match="no catalogue"):
        LocalIndex.open(path)
    assert not path.exists()


def test_a_thousand_adds_make_a_handful_of_files(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 4 * DIM * 50)
    monkeypatch.setattr("os.fsync", lambda handle: None)  # a thousand take a while
    with made(path) as index:
        for row, name in enumerate(names(1000)):
            index.add([name], places(1000)[row : row + 1])
        assert len(segment_files(path)) <= 4 * 6
        assert found(index) == names(1000)
        index.compact()
        assert len({file.name[:8] for file in segment_files(path)}) == 1
        assert found(index) == names(1000)
        assert index.verify() == []


def test_a_large_add_goes_straight_to_a_segment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 4 * DIM * 100)
    with filled(path, 99) as index:
        assert segment_files(path) == []
        index.remove(names(99))
        index.add(names(100), places(100))
        assert len(np.load(segment_files(path)[0])) == 100
        assert found(index) == names(100)


def test_a_segment_has_a_largest_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 1)
    monkeypatch.setattr(rolling, "SEGMENT_BYTES", 4 * DIM * 8)
    with filled(path, 20) as index:
        for name in ("x", "y"):
            index.add([name], np.full((1, DIM), 99))
        index.compact()
        sizes = [len(np.load(file)) for file in (path / "segments").glob("*.keys.npy")]
        assert sorted(sizes) == [6, 8, 8]
        assert found(index) == [*names(20), "x", "y"]


def test_compact_gives_the_space_of_removed_items_back(path: Path) -> None:
    rows = 40_000
    with made(path) as index:
        index.add(names(rows), np.random.default_rng(0).random((rows, DIM)))
        before = size(path)
        index.remove(names(rows)[10:])
        index.compact()
        assert size(path) < before / 10
        assert sorted(found(index)) == names(10)
        assert index.verify() == []


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def test_replacing_everything_again_and_again_does_not_grow_the_catalogue(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 4 * DIM * 10)
    with made(path) as index:
        for _ in range(30):
            index.add(names(25), places(25))
        rows = [len(np.load(file)) for file in (path / "segments").glob("*.keys.npy")]
        assert sum(rows) <= 2 * 25
        assert found(index) == names(25)


def test_verify_names_a_damaged_segment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 1)
    filled(path).close()
    victim = next((path / "segments").glob("*.vectors.npy"))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    with LocalIndex.open(path) as index:
        (problem,) = index.verify()
        assert victim.name in problem
        assert "sha256" in problem


def test_a_missing_segment_is_named_by_verify_and_by_search(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 1)
    filled(path).close()
    victim = next((path / "segments").glob("*.vectors.npy"))
    victim.unlink()
    with LocalIndex.open(path) as index:
        assert victim.name in index.verify()[0]
        with pytest.raises(CatalogueError, match=victim.name):
            index.search(np.zeros(DIM))


def test_a_damaged_database_is_named(path: Path) -> None:
    filled(path).close()
    (path / "catalogue.sqlite").write_bytes(b"not a database " * 1000)
    with pytest.raises(CatalogueError, match="damaged"):
        LocalIndex.open(path)


def test_a_reader_sees_each_add_at_its_next_search(path: Path) -> None:
    with made(path) as writer, LocalIndex.open(path) as reader:
        for count in range(1, 5):
            writer.add([names(count)[-1]], places(count)[-1:])
            assert found(reader) == names(count)
            assert len(reader) == count


def test_more_filters_than_are_remembered_stay_right(path: Path) -> None:
    with made(path) as index:
        index.add(names(40), places(40), [{"row": row} for row in range(40)])
        for row in [*range(40), *range(40)]:
            assert found(index, where={"row": row}) == [f"{row:05}"]


def test_a_reader_goes_on_while_compact_replaces_its_segments(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 1)
    with filled(path) as writer, LocalIndex.open(path) as reader:
        batches = reader.batches(7)
        first = next(batches)
        old = segment_files(path)
        writer.add(["new"], np.ones((1, DIM)))
        writer.compact()
        assert not set(old) & set(segment_files(path))
        rest = [name for batch in batches for name in batch.ids]
        assert sorted([*first.ids, *rest]) == names(20)
        assert sorted(found(reader)) == [*names(20), "new"]


def test_a_second_writer_waits_a_while_and_then_says_why(path: Path) -> None:
    with made(path) as one, LocalIndex.open(path, timeout=0.1) as other:
        with one._database.writing(), pytest.raises(CatalogueError, match="another process"):
            other.add(["a"], np.ones((1, DIM)))
        other.add(["a"], np.ones((1, DIM)))
        assert list(one) == ["a"]


def test_threads_share_a_catalogue(path: Path) -> None:
    with filled(path, 200) as index:
        share(index)
    share(filled_in_memory())


def filled_in_memory() -> LocalIndex:
    index = made(None)
    index.add(names(200), places(200))
    return index


def share(index: LocalIndex) -> None:
    errors: list[BaseException] = []

    def search() -> None:
        try:
            for _ in range(40):
                assert found(index, k=5) == names(5)
        except BaseException as error:
            errors.append(error)

    def write(number: int) -> None:
        try:
            for step in range(10):
                index.add([f"t{number}-{step}"], np.full((1, DIM), 1000 + step))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    threads += [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(index) == 220


def test_a_catalogue_in_memory_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with made(None) as index:
        assert index.path is None
        index.add(names(20), places(20))
        index.compact()
        assert index.verify() == []
    assert list(tmp_path.iterdir()) == []


def test_the_header_is_plain_json(path: Path) -> None:
    made(path, fingerprint={"weights": "é"}).close()
    assert json.loads((path / "catalogue.json").read_text("utf-8")) == {
        "format": 1,
        "metric": "manhattan",
        "dim": DIM,
        "fingerprint": {"weights": "é"},
    }


NAMES = st.sampled_from([f"id{number}" for number in range(12)])
VALUES = st.sampled_from([None, True, 0, 1, 2.5, "a", "b"])
VECTORS = st.lists(st.integers(-3, 3), min_size=DIM, max_size=DIM)
ITEMS = st.dictionaries(NAMES, st.tuples(VECTORS, VALUES), min_size=1, max_size=8)


class Model(RuleBasedStateMachine):
    """A catalogue beside a dict that is asked the same."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.index = made(self.folder)
        self.items: dict[str, tuple[list[int], Any]] = {}

    @rule(items=ITEMS)
    def add(self, items: dict[str, tuple[list[int], Any]]) -> None:
        self.index.add(
            list(items),
            [vector for vector, _ in items.values()],
            [{"x": value} for _, value in items.values()],
        )
        self.items.update(items)

    @rule(ids=st.sets(NAMES, max_size=4))
    def remove(self, ids: set[str]) -> None:
        assert self.index.remove(ids) == len(ids & self.items.keys())
        for name in ids:
            self.items.pop(name, None)

    @rule()
    def compact(self) -> None:
        self.index.compact()

    @rule()
    def reopen(self) -> None:
        self.index.close()
        self.index = LocalIndex.open(self.folder)

    @rule(query=VECTORS, k=st.integers(1, 14), wanted=st.none() | st.lists(VALUES, max_size=2))
    def search(self, query: list[int], k: int, wanted: list[Any] | None) -> None:
        hits = self.index.search(query, k, None if wanted is None else {"x": wanted})
        expected = sorted(
            (float(np.abs(np.subtract(vector, query)).sum()), name)
            for name, (vector, value) in self.items.items()
            if wanted is None or value in wanted
        )
        assert [(hit.distance, hit.id) for hit in cast("Hits", hits)] == expected[:k]

    @invariant()
    def holds_what_was_added(self) -> None:
        if hasattr(self, "items"):
            assert list(self.index) == sorted(self.items)

    def teardown(self) -> None:
        if hasattr(self, "index"):
            assert self.index.verify() == []
            self.index.close()


def test_a_catalogue_behaves_like_a_dict_that_can_be_searched(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 4 * DIM * 6)
    monkeypatch.setattr("os.fsync", lambda handle: None)
    machine = type("ModelHere", (Model,), {"folder": path})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
