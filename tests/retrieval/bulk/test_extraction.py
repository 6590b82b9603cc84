from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from filelock import FileLock

from clothzoo.errors import (
    CatalogueError,
    DatasetNotFound,
    ExtraMissing,
    FingerprintMismatch,
    InvalidInput,
)
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval import bulk
from clothzoo.retrieval.bulk import describing
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.extractor import Extractor
from clothzoo.retrieval.index import Index
from tests.hub.samples import write_sample
from tests.retrieval.bulk.sensitive import BAD, Sensitive, photos_in, sensitive
from tests.retrieval.colours import Colours, extractor, folder_of, picture, write


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos_in(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def alone(photos: Path) -> Iterator[Index]:
    """What one process makes of the photos."""
    with RetrievalEngine(sensitive()) as engine:
        report = engine.add_folder(photos, labels="folders")
        assert set(report.skipped) == set(BAD)
        yield engine.index


def contents(index: Index) -> dict[str, tuple[bytes, object, object]]:
    files = index.files()
    return {
        name: (item.vector.tobytes(), item.attributes, files[name])
        for name in index
        for item in [index.get(name)]
    }


def ingested(out: Path | str) -> dict[str, tuple[bytes, object, object]]:
    with RetrievalEngine(sensitive()) as engine:
        bulk.ingest(out, engine.index)
        return contents(engine.index)


def skipped(out: Path) -> dict[str, str]:
    table = pyarrow.parquet.read_table(out / "skipped")
    return dict(zip(table["id"].to_pylist(), table["reason"].to_pylist(), strict=True))


def listed(file: Path, /, **columns: list[object]) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file


def test_descriptors_are_those_of_one_process_bit_for_bit(
    photos: Path, alone: Index, tmp_path: Path
) -> None:
    report = bulk.extract(photos, tmp_path / "s", sensitive(), labels="folders", shard_rows=8)
    assert (report.described, report.skipped, report.before, report.shards) == (39, 3, 0, 6)
    assert ingested(tmp_path / "s") == contents(alone)
    assert skipped(tmp_path / "s") == {
        "a/03.png": "not an image",
        "c/11.png": "not an image",
        "empty.png": "empty file",
    }


def test_shards_tell_how_they_were_made(photos: Path, tmp_path: Path) -> None:
    bulk.extract(photos, tmp_path / "s", sensitive(), shard_rows=8)
    schema = pyarrow.parquet.read_schema(tmp_path / "s" / "shards" / "00000.parquet")
    assert schema.names == ["id", "vector", "attributes", "size", "mtime_ns", "sha256"]
    assert sensitive().fingerprint["weights_sha256"].encode() in schema.metadata[b"clothzoo"]


def test_a_killed_process_leaves_whole_shards_and_the_next_one_makes_the_rest(
    photos: Path, alone: Index, tmp_path: Path
) -> None:
    out = tmp_path / "s"
    done = subprocess.run(
        [sys.executable, "-m", "tests.retrieval.bulk.sensitive", str(photos), str(out), "20"],
        check=False,
    )
    assert done.returncode == -9
    there = sorted(path.name for path in (out / "shards").iterdir())
    assert there == ["00000.parquet", "00001.parquet"]
    (out / "shards" / "00002.parquet.0123.partial").write_bytes(b"half a shard")
    before = {name: (out / "shards" / name).stat().st_mtime_ns for name in there}
    network = Sensitive()
    report = bulk.extract(photos, out, extractor(network), labels="folders")
    assert (report.before, report.described + report.skipped) == (16, 26)
    assert network.described == report.described
    assert {name: (out / "shards" / name).stat().st_mtime_ns for name in there} == before
    assert not list(out.glob("**/*.partial"))
    assert ingested(out) == contents(alone)
    again = bulk.extract(photos, out, extractor(network), labels="folders")
    assert (again.described, again.before) == (0, 42)


def test_the_list_of_photos_is_that_of_the_first_run(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "p", {f"{n}.png": n for n in range(6)})
    with pytest.raises(KeyboardInterrupt):
        bulk.extract(photos, tmp_path / "s", extractor(Colours(breaks_after=4)), shard_rows=4)
    write(photos / "0000.png", picture(200))
    (photos / "5.png").unlink()
    report = bulk.extract(photos, tmp_path / "s", extractor())
    assert (report.before, report.described, report.skipped) == (4, 1, 1)
    assert skipped(tmp_path / "s") == {"5.png": "no such file or directory"}


def test_skipped_photos_are_tried_again_on_demand(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "p", {f"{n}.png": n for n in range(9)})
    (photos / "5.png").write_bytes(b"no picture")
    bulk.extract(photos, tmp_path / "s", sensitive(), shard_rows=4)
    write(photos / "5.png", picture(5))
    assert bulk.extract(photos, tmp_path / "s", sensitive()).before == 9
    report = bulk.extract(photos, tmp_path / "s", sensitive(), retry_skipped=True)
    assert (report.before, report.described, report.skipped) == (5, 4, 0)
    assert not list((tmp_path / "s" / "skipped").iterdir())
    with RetrievalEngine(sensitive()) as engine:
        engine.add_folder(photos)
        assert ingested(tmp_path / "s") == contents(engine.index)


def test_another_extractor_source_or_folder_is_refused(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "s"
    bulk.extract(photos, out, sensitive(), shard_rows=8)
    with pytest.raises(FingerprintMismatch, match=r"folder of shards .*s' was .*: pooling differ"):
        bulk.extract(photos, out, extractor(Sensitive(), pooling="max"))
    with pytest.raises(InvalidInput, match=r"was begun with the source .*go on with the same"):
        bulk.extract(photos, out, sensitive(), labels="folders")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(CatalogueError, match=r"something else in it \('letter.txt'\)"):
        bulk.extract(photos, tmp_path / "mine", sensitive())
    (out / "manifest.json").write_text("{}")
    with pytest.raises(CatalogueError, match="damaged"):
        bulk.extract(photos, out, sensitive())


def test_two_runs_do_not_work_on_one_folder(photos: Path, tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "lock"),
        pytest.raises(CatalogueError, match="another process is extracting"),
    ):
        bulk.extract(photos, tmp_path, sensitive())


def test_arguments_that_cannot_be_used_are_named(photos: Path, tmp_path: Path) -> None:
    def refused(source: Path | str, message: str, kind: type = InvalidInput, **given: object):
        with pytest.raises(kind, match=message):
            bulk.extract(source, tmp_path / "s", sensitive(), **given)
        assert not (tmp_path / "s" / "manifest.json").exists()

    refused(photos, "no engine 'rai'; did you mean 'ray'", engine="rai")
    refused(photos, "a multiple of 4", shard_rows=6)
    refused(photos, "column= says", column="path")
    refused("s3://bucket/photos", "a table of labels", labels="labels.csv")
    refused(tmp_path / "nowhere", "no folder", DatasetNotFound)
    refused(tmp_path, "there are no photos", DatasetNotFound)
    refused("wais://host/photos", "'wais://host/photos' cannot be reached")
    random = Extractor(
        Colours(), Preprocessing(size=(8, 8)), {**sensitive().fingerprint, "extractor": "resnet"}
    )
    with pytest.raises(InvalidInput, match="is a random network"):
        bulk.extract(photos, tmp_path / "s", random)


def test_without_ray_the_extra_is_named(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(ExtraMissing, match=r"clothzoo\[ray\]"):
        bulk.extract(photos, tmp_path / "s", sensitive, engine="ray")
    assert not (tmp_path / "s").exists()


class TestList:
    def test_its_columns_become_attributes(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"p/a.png": 1, "p/b.png": 2})
        source = listed(
            tmp_path / "list.parquet",
            id=["x", "y"],
            photo=["p/a.png", str(tmp_path / "p/b.png")],
            price=[9.5, None],
            kids=[True, False],
        )
        bulk.extract(source, tmp_path / "s", sensitive(), prefix="shop/")
        attributes = {name: row[1] for name, row in ingested(tmp_path / "s").items()}
        assert {n: {k: v for k, v in a.items() if k[0] != "_"} for n, a in attributes.items()} == {
            "shop/x": {"price": 9.5, "kids": True},
            "shop/y": {"kids": False},
        }

    def test_without_ids_the_paths_are_the_ids(self, tmp_path: Path) -> None:
        folder_of(tmp_path, {"p/a.png": 1, "p/b.png": 2})
        source = listed(tmp_path / "list.parquet", file=["p/b.png", "p/a.png"])
        with pytest.raises(InvalidInput, match=r"no column 'path' or .* its columns are 'file'"):
            bulk.extract(source, tmp_path / "s", sensitive())
        bulk.extract(source, tmp_path / "s", sensitive(), column="file")
        assert set(ingested(tmp_path / "s")) == {"p/a.png", "p/b.png"}

    def test_rows_that_cannot_be_kept_are_named(self, tmp_path: Path) -> None:
        path = tmp_path / "list.parquet"
        for columns, message in (
            ({"path": ["a.png", "b.png", "a.png"]}, "id 'a.png' is there twice"),
            ({"path": ["a.png", None]}, "names no photo"),
            ({"path": ["a.png"], "price": [float("nan")]}, "'price' cannot be nan"),
            ({"path": ["a.png"], "tags": [["x"]]}, "'tags' cannot be"),
            ({"path": ["a.png"], "id": [""]}, "cannot be an id"),
            ({"path": ["wais://x/a.png"]}, "wais"),
        ):
            with pytest.raises(InvalidInput, match=message):
                bulk.extract(listed(path, **columns), tmp_path / "s", sensitive())
        path.write_text("no list")
        with pytest.raises(InvalidInput, match="not a readable Parquet file"):
            bulk.extract(path, tmp_path / "s", sensitive())
        with pytest.raises(DatasetNotFound, match="no list"):
            bulk.extract(tmp_path / "none.parquet", tmp_path / "s", sensitive())

    def test_photos_are_fetched_from_their_addresses(
        self, photos: Path, alone: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(describing, "_ATTEMPTS", 1)
        names = sorted(path.relative_to(photos) for path in photos.rglob("*.png"))
        with server(photos) as address:
            source = listed(
                tmp_path / "list.parquet",
                id=[*(name.as_posix() for name in names), "gone", "refused"],
                url=[
                    *(f"{address}/{name.as_posix()}" for name in names),
                    f"{address}/gone.png",
                    "http://127.0.0.1:9/nobody.png",
                ],
            )
            report = bulk.extract(source, tmp_path / "s", sensitive(), shard_rows=8)
        assert (report.described, report.skipped) == (39, 5)
        reasons = skipped(tmp_path / "s")
        assert set(reasons) == {*BAD, "gone", "refused"}
        assert reasons["gone"] == "no such file"
        assert reasons["empty.png"] == "empty file"
        assert reasons["refused"].startswith("cannot be downloaded: ")
        found, expected = ingested(tmp_path / "s"), contents(alone)
        assert {name: row[0] for name, row in found.items()} == {
            name: row[0] for name, row in expected.items()
        }
        assert all(row[2].sha256 == expected[name][2].sha256 for name, row in found.items())


def test_an_object_store_can_be_source_and_target(photos: Path, alone: Index) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(photos), "/bucket/photos", recursive=True)
    store.pipe("/bucket/photos/.hidden/x.png", b"")
    store.pipe("/bucket/photos/notes.txt", b"no photo")
    try:
        source, out = "memory://bucket/photos", "memory://bucket/shards"
        report = bulk.extract(source, out, sensitive(), labels="folders", shard_rows=8)
        assert (report.described, report.skipped, report.shards) == (39, 3, 6)
        store.rm("/bucket/shards/shards/00003.parquet")
        report = bulk.extract(source, out, sensitive(), labels="folders")
        assert (report.described + report.skipped, report.before) == (8, 34)
        found = ingested(out)
        assert {name: row[:2] for name, row in found.items()} == {
            name: row[:2] for name, row in contents(alone).items()
        }
        with pytest.raises(DatasetNotFound, match="nothing at 'memory://bucket/none'"):
            bulk.extract("memory://bucket/none", "memory://bucket/other", sensitive())
    finally:
        store.rm("/bucket", recursive=True)


def test_a_real_network_gives_the_bits_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path / "presets")
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(tmp_path / "presets"))
    reds = {f"{number:02}.png": 3 * number for number in range(75)}
    photos = folder_of(tmp_path / "photos", reds)
    (photos / "40.png").write_bytes(b"no picture")
    network = Extractor.build("conventional_cnn.sample", runtime="keras")
    with RetrievalEngine(network) as engine:
        engine.add_folder(photos)
        report = bulk.extract(photos, tmp_path / "s", network, shard_rows=32)
        assert (report.described, report.shards) == (74, 3)
        bulk.ingest(tmp_path / "s", tmp_path / "catalogue", metric="cosine")
        with RetrievalEngine.open(tmp_path / "catalogue", runtime="keras") as opened:
            assert contents(opened.index) == contents(engine.index)
            assert opened.photo("07.png") == photos / "07.png"
            assert opened.add_folder(photos).unchanged == 74
            assert opened.metric == "cosine"


class server:  # noqa: N801 - used like a function
    """Serves a folder over HTTP on the loopback interface."""

    def __init__(self, folder: Path) -> None:
        handler = partial(_Silent, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def test_vectors_are_stored_as_float32(photos: Path, tmp_path: Path) -> None:
    bulk.extract(photos, tmp_path / "s", sensitive(), shard_rows=4)
    table = pyarrow.parquet.read_table(tmp_path / "s" / "shards")
    assert np.asarray(table["vector"].combine_chunks().flatten()).dtype == np.float32
