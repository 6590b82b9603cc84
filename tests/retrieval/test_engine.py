from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clothzoo.errors import (
    CatalogueError,
    DatasetNotFound,
    FingerprintMismatch,
    InvalidInput,
    ItemNotFound,
    UnreadablePhoto,
)
from clothzoo.retrieval import from_folder
from clothzoo.retrieval.engine import RetrievalEngine
from tests.retrieval.colours import Colours, extractor, folder_of, picture, write

REDS = {"a.png": 10, "b.png": 40, "deep/c.png": 80, "deep/d.png": 200}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "photos", REDS)


@pytest.fixture
def engine(photos: Path) -> RetrievalEngine:
    made = RetrievalEngine(extractor())
    made.add_folder(photos)
    return made


class TestSearch:
    def test_finds_the_nearest_first(self, engine: RetrievalEngine) -> None:
        hits = engine.search(picture(85), k=3)
        assert [hit.id for hit in hits] == ["deep/c.png", "b.png", "a.png"]
        assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)

    def test_leaves_out_the_query_by_id(self, engine: RetrievalEngine) -> None:
        assert [hit.id for hit in engine.search("b.png", k=2)] == ["a.png", "deep/c.png"]

    def test_leaves_out_the_query_by_content(
        self, engine: RetrievalEngine, photos: Path, tmp_path: Path
    ) -> None:
        copy = shutil.copy(photos / "b.png", tmp_path / "other name.png")
        assert [hit.id for hit in engine.search(Path(copy), k=9)] == [
            "a.png",
            "deep/c.png",
            "deep/d.png",
        ]

    def test_leaves_out_copies_of_an_item_that_is_asked_for_by_id(
        self, engine: RetrievalEngine, photos: Path
    ) -> None:
        engine.add(photos / "b.png", ids="copy of b")
        assert "copy of b" not in [hit.id for hit in engine.search("b.png")]
        assert len(engine.search("b.png", k=3)) == 3

    def test_leaves_out_a_picture_in_memory_by_its_pixels(self) -> None:
        engine = RetrievalEngine(extractor())
        engine.add([picture(10), picture(20)], ids=["x", "y"])
        assert [hit.id for hit in engine.search(picture(10))] == ["y"]
        assert [hit.id for hit in engine.search(Image.fromarray(picture(10)))] == ["y"]

    def test_takes_a_descriptor_and_leaves_nothing_out(self, engine: RetrievalEngine) -> None:
        vector = engine.index.get("a.png").vector
        assert engine.search(vector, k=1)[0].id == "a.png"
        assert [h[0].id for h in engine.search(np.stack([vector, vector]), k=1)] == ["a.png"] * 2

    def test_answers_many_queries_as_it_answers_each(
        self, engine: RetrievalEngine, photos: Path
    ) -> None:
        queries = [photos / "a.png", "deep/d.png", picture(120), str(photos / "b.png")]
        together = engine.search(queries, k=3)
        assert together == [engine.search(query, k=3) for query in queries]
        assert engine.search([], k=3) == []

    def test_a_string_that_is_neither_file_nor_id_is_named(self, engine: RetrievalEngine) -> None:
        with pytest.raises(
            InvalidInput, match=r"'nowhere.jpg' is neither .* nor the id .* 4 items"
        ):
            engine.search("nowhere.jpg")

    def test_a_file_goes_before_an_id(
        self, engine: RetrievalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path / "a.png", picture(199))
        monkeypatch.chdir(tmp_path)
        assert engine.search("a.png", k=1)[0].id == "deep/d.png"

    def test_an_unreadable_query_is_named(self, engine: RetrievalEngine, tmp_path: Path) -> None:
        (tmp_path / "broken.jpg").write_bytes(b"no picture")
        with pytest.raises(UnreadablePhoto, match="broken"):
            engine.search(tmp_path / "broken.jpg")
        with pytest.raises(UnreadablePhoto, match="gone"):
            engine.search(tmp_path / "gone.jpg")

    def test_filters_by_attributes(self) -> None:
        engine = RetrievalEngine(extractor())
        engine.add(
            [picture(r) for r in (10, 20, 30)],
            ids=["x", "y", "z"],
            attributes=[{"kind": "hat"}, {"kind": "skirt", "price": 5}, {"kind": "hat"}],
        )
        assert [hit.id for hit in engine.search(picture(1), where={"kind": "hat"})] == ["x", "z"]
        assert [hit.id for hit in engine.search(picture(1), where={"price": (0, 9)})] == ["y"]

    def test_hits_show_the_users_attributes_only_and_their_photos(self, photos: Path) -> None:
        engine = RetrievalEngine(extractor())
        engine.add(photos / "a.png", ids="x", attributes={"kind": "hat"})
        (hit,) = engine.search(picture(1))
        assert hit.attributes == engine.attributes("x") == {"kind": "hat"}
        engine.add_folder(photos)
        assert engine.search(picture(41), k=1).to_html().count("<img") == 1

    def test_an_empty_catalogue_has_no_hits(self) -> None:
        assert RetrievalEngine(extractor()).search(picture(1)) == []

    def test_k_must_be_positive(self, engine: RetrievalEngine) -> None:
        with pytest.raises(InvalidInput, match="k must be"):
            engine.search(picture(1), k=0)


class TestBox:
    def test_a_query_is_cut_to_it(self, tmp_path: Path) -> None:
        both = np.hstack([picture(10), picture(200)])
        engine = RetrievalEngine(extractor())
        engine.add(picture(200), ids="right")
        engine.add(picture(10), ids="left")
        assert engine.search(both, k=1, box=(16, 0, 16, 16))[0].id == "right"
        assert engine.search(both, k=1, box=(16, 0, 16, 16))[0].distance == pytest.approx(
            0, abs=1e-6
        )

    def test_an_addition_is_cut_to_it(self) -> None:
        engine = RetrievalEngine(extractor())
        engine.add(np.hstack([picture(10), picture(200)]), ids="x", box=(0, 0, 16, 16))
        assert engine.search(picture(10))[0].distance == pytest.approx(0, abs=1e-6)

    def test_it_must_lie_inside(self, engine: RetrievalEngine) -> None:
        with pytest.raises(InvalidInput, match="reaches outside"):
            engine.search(picture(1), box=(10, 0, 16, 16))

    def test_it_goes_with_a_photo_only(self, engine: RetrievalEngine) -> None:
        with pytest.raises(InvalidInput, match="box="):
            engine.search("a.png", box=(0, 0, 4, 4))


class TestAdd:
    def test_default_ids_are_the_path_or_the_contents_mark(self, photos: Path) -> None:
        engine = RetrievalEngine(extractor())
        path = photos / "a.png"
        first, second = engine.add([str(path), picture(3)])
        assert first == path.as_posix()
        assert len(second) == 16
        assert first in engine
        assert engine.photo(first) == path

    def test_an_unreadable_photo_leaves_the_catalogue_as_it_was(
        self, engine: RetrievalEngine, photos: Path
    ) -> None:
        (photos / "broken.jpg").write_bytes(b"")
        with pytest.raises(UnreadablePhoto, match="empty file"):
            engine.add([photos / "a.png", photos / "broken.jpg"])
        assert len(engine) == 4

    def test_counts_must_agree(self, engine: RetrievalEngine) -> None:
        with pytest.raises(InvalidInput, match="2 photos, but 1 ids"):
            engine.add([picture(1), picture(2)], ids=["x"])
        with pytest.raises(InvalidInput, match="2 photos, but 1 attributes"):
            engine.add([picture(1), picture(2)], attributes=[{}])

    def test_an_id_that_is_there_is_replaced(self, engine: RetrievalEngine) -> None:
        engine.add(picture(255), ids="a.png")
        assert len(engine) == 4
        assert engine.search(picture(250), k=1)[0].id == "a.png"

    def test_removed_items_are_gone(self, engine: RetrievalEngine) -> None:
        assert engine.remove(["a.png", "deep/c.png", "never there"]) == 2
        assert engine.remove("b.png") == 1
        assert list(engine) == ["deep/d.png"]
        assert "a.png" not in engine
        with pytest.raises(ItemNotFound):
            engine.attributes("a.png")


class TestAddFolder:
    def test_ids_are_relative_paths_and_skips_have_reasons(self, photos: Path) -> None:
        (photos / "deep" / "broken.jpg").write_bytes(b"no picture")
        (photos / "notes.txt").write_text("not a photo")
        engine = RetrievalEngine(extractor())
        report = engine.add_folder(photos)
        assert list(engine) == sorted(REDS)
        assert (report.added, report.updated, report.unchanged) == (4, 0, 0)
        assert report.skipped == {"deep/broken.jpg": "not an image"}
        assert str(report).startswith("4 added, 1 skipped in ")
        assert engine.photo("deep/c.png") == photos.resolve() / "deep" / "c.png"

    def test_a_second_run_reads_nothing_that_is_unchanged(
        self, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network = Colours()
        engine = RetrievalEngine(extractor(network))
        engine.add_folder(photos)
        write(photos / "e.png", picture(230))
        read: list[Path] = []
        facts = from_folder.file_facts
        monkeypatch.setattr(from_folder, "file_facts", lambda p: read.append(p) or facts(p))
        report = engine.add_folder(photos)
        assert (report.added, report.unchanged) == (1, 4)
        assert read == [photos.resolve() / "e.png"]
        assert network.described == 5

    def test_a_touched_file_is_hashed_once_but_not_described(self, photos: Path) -> None:
        network = Colours()
        engine = RetrievalEngine(extractor(network))
        engine.add_folder(photos)
        os.utime(photos / "a.png", ns=(1, 1))
        assert engine.add_folder(photos).unchanged == 4
        assert network.described == 4
        assert engine.index.files()["a.png"].mtime_ns == 1

    def test_a_changed_file_is_described_anew(self, engine: RetrievalEngine, photos: Path) -> None:
        write(photos / "a.png", picture(255))
        report = engine.add_folder(photos)
        assert (report.added, report.updated, report.unchanged) == (0, 1, 3)
        assert engine.search(picture(254), k=1)[0].id == "a.png"

    def test_a_run_that_was_broken_off_is_resumed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(from_folder, "_COMMIT_EVERY", 4)
        folder = folder_of(tmp_path / "photos", {f"{n:02}.png": 5 * n for n in range(20)})
        with RetrievalEngine(extractor(Colours(breaks_after=12)), path=tmp_path / "c") as engine:
            with pytest.raises(KeyboardInterrupt):
                engine.add_folder(folder)
            assert len(engine) == 12
        network = Colours()
        with RetrievalEngine(extractor(network), path=tmp_path / "c") as engine:
            assert engine.add_folder(folder).added == 8
            assert len(engine) == 20
        assert network.described == 8

    def test_folders_become_categories(self, photos: Path) -> None:
        engine = RetrievalEngine(extractor())
        engine.add_folder(photos, labels="folders")
        assert engine.attributes("deep/c.png") == {"category": "deep"}
        assert engine.attributes("a.png") == {}

    def test_a_table_gives_attributes_with_or_without_the_ending(
        self, photos: Path, tmp_path: Path
    ) -> None:
        table = tmp_path / "labels.csv"
        table.write_text(
            "image,kind,kids\na,hat,True\ndeep/c.png,skirt,\nphotos/b.png,sock,False\n"
        )
        engine = RetrievalEngine(extractor())
        engine.add_folder(photos, labels=table)
        assert engine.attributes("a.png") == {"kind": "hat", "kids": "True"}
        assert engine.attributes("deep/c.png") == {"kind": "skirt", "kids": None}
        assert engine.attributes("b.png")["kind"] == "sock"
        table.write_text("image,kind\nzzz,hat\n")
        with pytest.raises(InvalidInput, match=r"no row of .* names a photo"):
            engine.add_folder(photos, labels=table)

    def test_new_labels_are_noted_without_describing_again(
        self, photos: Path, tmp_path: Path
    ) -> None:
        network = Colours()
        engine = RetrievalEngine(extractor(network))
        engine.add_folder(photos)
        report = engine.add_folder(photos, labels="folders")
        assert (report.updated, report.unchanged) == (2, 2)
        assert engine.add_folder(photos).unchanged == 4
        write(photos / "deep" / "c.png", picture(81))
        engine.add_folder(photos)
        assert engine.attributes("deep/c.png") == {"category": "deep"}
        assert network.described == 5

    def test_the_same_name_in_another_folder_needs_a_prefix(
        self, engine: RetrievalEngine, tmp_path: Path
    ) -> None:
        other = folder_of(tmp_path / "other", {"a.png": 77})
        with pytest.raises(
            InvalidInput, match=r"'a.png' is in the catalogue as .* prefix='other/'"
        ):
            engine.add_folder(other)
        engine.add_folder(other, prefix="other/")
        assert engine.photo("other/a.png") == other.resolve() / "a.png"
        assert engine.photo("a.png") != engine.photo("other/a.png")
        assert len(engine) == 5

    def test_a_folder_that_has_moved_is_recognised(
        self, engine: RetrievalEngine, photos: Path, tmp_path: Path
    ) -> None:
        photos.rename(tmp_path / "moved")
        assert engine.photo("a.png") is None
        assert engine.add_folder(tmp_path / "moved").unchanged == 4
        assert engine.photo("a.png") == (tmp_path / "moved" / "a.png").resolve()

    def test_it_can_stay_out_of_subfolders(self, photos: Path) -> None:
        engine = RetrievalEngine(extractor())
        engine.add_folder(photos, recursive=False)
        assert list(engine) == ["a.png", "b.png"]

    def test_it_shows_progress(self, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
        RetrievalEngine(extractor()).add_folder(photos, progress=True)
        assert "4/4" in capsys.readouterr().err

    def test_a_folder_that_is_not_there_is_named(self, engine: RetrievalEngine) -> None:
        with pytest.raises(DatasetNotFound, match="nowhere"):
            engine.add_folder("nowhere")


class TestDuplicates:
    def test_chains_make_groups(self) -> None:
        engine = RetrievalEngine(extractor(), metric="euclidean")
        engine.add([picture(r) for r in (0, 10, 20, 100, 105, 250)], ids=list("abcdef"))
        step = engine.search("a", k=1)[0].distance
        assert engine.duplicates(1.2 * step) == [["a", "b", "c"], ["d", "e"]]
        assert engine.duplicates(0.8 * step) == [["d", "e"]]
        assert engine.duplicates(0) == []

    def test_large_groups_are_found_whole(self) -> None:
        engine = RetrievalEngine(extractor())
        names = [f"{n:03}" for n in range(100)]
        engine.add([picture(50)] * 100, ids=names)
        engine.add(picture(250), ids="other")
        assert engine.duplicates(1e-6) == [names]

    @pytest.mark.parametrize("threshold", [-1.0, float("nan"), float("inf")])
    def test_the_threshold_must_be_a_distance(self, threshold: float) -> None:
        with pytest.raises(InvalidInput, match="threshold"):
            RetrievalEngine(extractor()).duplicates(threshold)


class TestOnDisk:
    def test_it_is_opened_with_all_that_it_held(self, photos: Path, tmp_path: Path) -> None:
        with RetrievalEngine(extractor(), path=tmp_path / "c") as engine:
            engine.add_folder(photos, labels="folders")
            before = engine.search(picture(70))
        with RetrievalEngine.open(tmp_path / "c", extractor=extractor()) as engine:
            assert engine.search(picture(70)) == before
            assert engine.photo("a.png") == photos.resolve() / "a.png"
            assert engine.metric == "braycurtis"

    def test_a_catalogue_in_memory_can_be_saved(
        self, engine: RetrievalEngine, tmp_path: Path
    ) -> None:
        engine.save(tmp_path / "c")
        with RetrievalEngine.open(tmp_path / "c", extractor=extractor()) as opened:
            assert opened.search("a.png") == engine.search("a.png")
            assert opened.photo("a.png") == engine.photo("a.png")
            assert opened.add_folder(tmp_path / "photos").unchanged == 4
            opened.save(tmp_path / "c")
            with pytest.raises(CatalogueError):
                opened.save(tmp_path / "photos")

    def test_another_extractor_is_refused(self, tmp_path: Path) -> None:
        RetrievalEngine(extractor(), path=tmp_path / "c").close()
        other = extractor(level="high")
        with pytest.raises(FingerprintMismatch, match="level"):
            RetrievalEngine(other, path=tmp_path / "c")
        with pytest.raises(FingerprintMismatch, match="level"):
            RetrievalEngine.open(tmp_path / "c", extractor=other)
        with pytest.raises(FingerprintMismatch, match="metric 'braycurtis', not 'cosine'"):
            RetrievalEngine(extractor(), path=tmp_path / "c", metric="cosine")

    def test_a_model_of_ones_own_has_to_be_given_again(self, tmp_path: Path) -> None:
        RetrievalEngine(extractor(), path=tmp_path / "c").close()
        with pytest.raises(InvalidInput, match="extractor=model"):
            RetrievalEngine.open(tmp_path / "c")

    def test_there_must_be_a_catalogue(self, tmp_path: Path) -> None:
        with pytest.raises(CatalogueError):
            RetrievalEngine.open(tmp_path / "nothing")


def test_threads_may_add_and_search_at_once(engine: RetrievalEngine) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                engine.add(picture(30 * number + turn), ids=f"{number}-{turn}")
                hits = engine.search(picture(100), k=3)
                assert len(hits) == 3
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(engine) == 24


def test_calibration_says_what_approximate_search_finds(engine: RetrievalEngine) -> None:
    pytest.importorskip("usearch")
    found = engine.calibrate(k=2)
    assert (found.recall, found.queries, found.k) == (1.0, 4, 2)
    assert str(found).startswith("recall@2 1.0000 over 4 queries")
    with pytest.raises(InvalidInput, match="0 item"):
        RetrievalEngine(extractor()).calibrate()
