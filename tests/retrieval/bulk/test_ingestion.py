from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clothzoo.errors import CatalogueError, FingerprintMismatch, InvalidInput
from clothzoo.retrieval import bulk
from clothzoo.retrieval.index import Index
from clothzoo.retrieval.local import LocalIndex
from clothzoo.retrieval.places import place_of
from tests.postgres_server import PostgresServer
from tests.retrieval.bulk.sensitive import photos_in, sensitive
from tests.retrieval.bulk.test_extraction import contents
from tests.retrieval.colours import Colours, extractor, picture, write

SHARD = 8


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos_in(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def made(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "s"
    bulk.extract(photos, out, sensitive(), labels="folders", shard_rows=SHARD)
    return out


@pytest.fixture
def shards(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "shards"))


class Recording(LocalIndex):
    """Notes how many rows each add has, and breaks at one of them."""

    breaks_at: int | None = None
    adds: list[int]

    def add(self, ids: Sequence[str], *rest: Any) -> None:
        if len(self.adds) == self.breaks_at:
            raise KeyboardInterrupt
        super().add(ids, *rest)
        self.adds.append(len(ids))


def recording(path: Path, breaks_at: int | None = None) -> Recording:
    if not path.exists():
        LocalIndex.create(
            path, dim=12, metric="braycurtis", fingerprint=sensitive().fingerprint
        ).close()
    index = Recording.open(path)
    index.adds, index.breaks_at = [], breaks_at
    return index


def everything(made: Path) -> dict[str, Any]:
    with LocalIndex.create(None, dim=12, metric="manhattan") as index:
        bulk.ingest(made, index)
        return contents(index)


def test_one_shard_at_a_time_is_added_and_a_second_run_adds_nothing(
    shards: Path, tmp_path: Path
) -> None:
    with recording(tmp_path / "c") as index:
        report = bulk.ingest(shards, index)
        assert (report.added, report.before, report.missing) == (39, 0, 0)
        assert len(index.adds) == 6
        assert max(index.adds) <= SHARD
        report = bulk.ingest(shards, index)
        assert (report.added, report.before) == (0, 39)
        assert len(index.adds) == 6
        assert contents(index) == everything(shards)


def test_what_was_broken_off_goes_on(shards: Path, tmp_path: Path) -> None:
    with recording(tmp_path / "c", breaks_at=3) as index, pytest.raises(KeyboardInterrupt):
        bulk.ingest(shards, index)
    with recording(tmp_path / "c") as index:
        there = len(index)
        report = bulk.ingest(shards, index)
        assert (report.before, report.added) == (there, 39 - there)
        assert len(index.adds) == 3
        assert contents(index) == everything(shards)
        assert bulk.ingest(shards, index).before == 39


def test_the_ledger_goes_with_the_catalogue(shards: Path, tmp_path: Path) -> None:
    bulk.ingest(shards, tmp_path / "c")
    shutil.rmtree(tmp_path / "c")
    assert bulk.ingest(shards, tmp_path / "c").added == 39


def test_shards_that_come_later_are_added_then(shards: Path, tmp_path: Path) -> None:
    late = shards / "shards" / "00002.parquet"
    late.rename(tmp_path / "late")
    report = bulk.ingest(shards, tmp_path / "c")
    assert report.missing == 1
    assert "shards not extracted yet: 1" in str(report)
    (tmp_path / "late").rename(late)
    again = bulk.ingest(shards, tmp_path / "c")
    assert (again.before, again.added, again.missing) == (report.added, 39 - report.added, 0)


def test_a_shard_that_was_made_again_is_added_again(photos: Path, tmp_path: Path) -> None:
    photos, out = Path(shutil.copytree(photos, tmp_path / "p")), tmp_path / "s"
    bulk.extract(photos, out, sensitive(), shard_rows=SHARD)
    bulk.ingest(out, tmp_path / "c")
    write(photos / "empty.png", picture(1))
    bulk.extract(photos, out, sensitive(), retry_skipped=True)
    report = bulk.ingest(out, tmp_path / "c")
    assert report.added > 0
    assert report.before + report.added == 40
    with LocalIndex.open(tmp_path / "c") as index:
        assert contents(index) == everything(out)


def test_removed_photos_stay_away_unless_all_is_wanted_again(shards: Path, tmp_path: Path) -> None:
    bulk.ingest(shards, tmp_path / "c")
    with LocalIndex.open(tmp_path / "c") as index:
        index.remove(["a/00.png"])
        assert bulk.ingest(shards, index).added == 0
        assert "a/00.png" not in index
        assert bulk.ingest(shards, index, again=True).added == 39
        assert contents(index) == everything(shards)


def test_the_last_of_two_extractions_wins(photos: Path, shards: Path, tmp_path: Path) -> None:
    bulk.extract(photos, tmp_path / "other", sensitive(), shard_rows=SHARD)  # without labels
    for source in (shards, tmp_path / "other", shards):
        assert bulk.ingest(source, tmp_path / "c").added == 39
        with LocalIndex.open(tmp_path / "c") as index:
            assert contents(index) == everything(source)


def test_a_catalogue_of_another_extractor_or_metric_is_refused(
    shards: Path, photos: Path, tmp_path: Path
) -> None:
    bulk.extract(photos, tmp_path / "other", extractor(Colours(), pooling="max"), shard_rows=4)
    bulk.ingest(tmp_path / "other", tmp_path / "c", metric="cosine")
    with pytest.raises(FingerprintMismatch, match="pooling differ"):
        bulk.ingest(shards, tmp_path / "c")
    with pytest.raises(FingerprintMismatch, match="has the metric 'cosine', not 'manhattan'"):
        bulk.ingest(tmp_path / "other", tmp_path / "c", metric="manhattan")
    with LocalIndex.open(tmp_path / "c") as index:
        assert contents(index) == everything(tmp_path / "other")


def test_what_is_no_sound_shard_is_refused(shards: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="there are no shards"):
        bulk.ingest(tmp_path, tmp_path / "c")
    assert not (tmp_path / "c").exists()
    first = shards / "shards" / "00000.parquet"
    whole = first.read_bytes()
    first.write_bytes(whole[:-20])
    with pytest.raises(InvalidInput, match=r"shards/00000.parquet' is damaged"):
        bulk.ingest(shards, tmp_path / "c")
    at = whole.index(b"a/00.png")
    first.write_bytes(whole[:at] + b"z" + whole[at + 1 :])
    with pytest.raises((InvalidInput, CatalogueError), match=r"00000\.parquet"):
        bulk.ingest(shards, tmp_path / "c")
    bulk.extract(photos, tmp_path / "other", sensitive(), shard_rows=SHARD)
    shutil.copy(tmp_path / "other" / "shards" / "00000.parquet", first)
    with pytest.raises(InvalidInput, match="does not belong to the extraction"):
        bulk.ingest(shards, tmp_path / "c")
    with LocalIndex.open(tmp_path / "c") as index:
        assert len(index) == 0
    first.unlink()
    bulk.extract(photos, shards, sensitive(), labels="folders")
    assert bulk.ingest(shards, tmp_path / "c").added == 39


def test_a_table_of_a_server_takes_shards_once(
    shards: Path, postgres: PostgresServer, tmp_path: Path
) -> None:
    late = shards / "shards" / "00002.parquet"
    late.rename(tmp_path / "late")
    url = f"{postgres.dsn}?table=ingested"
    assert bulk.ingest(shards, url, metric="manhattan").missing == 1
    (tmp_path / "late").rename(late)
    report = bulk.ingest(shards, url)
    assert report.added > 0
    assert report.before + report.added == 39
    assert bulk.ingest(shards, url).before == 39
    with place_of(url).open() as index:
        assert index.metric == "manhattan"
        assert contents(index) == everything(shards)


def test_an_index_in_memory_takes_shards(shards: Path) -> None:
    index: Index
    with LocalIndex.create(None, dim=12, metric="cosine") as index:
        assert bulk.ingest(shards, index).added == 39
        assert contents(index) == everything(shards)
