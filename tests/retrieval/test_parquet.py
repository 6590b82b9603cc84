"""An index to Parquet and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from clothzoo.errors import CatalogueError, ClothzooError, FingerprintMismatch, InvalidInput
from clothzoo.retrieval import parquet
from clothzoo.retrieval.index import FileFacts, Index
from clothzoo.retrieval.local import LocalIndex

DIM = 5


def made(**settings: object) -> LocalIndex:
    return LocalIndex.create(None, **{"dim": DIM, "metric": "manhattan", **settings})


@pytest.fixture
def index() -> Iterator[Index]:
    with made(fingerprint={"weights": "abc"}) as index:
        index.add(
            ["a", "é", "c"],
            np.random.default_rng(0).normal(size=(3, DIM)),
            [{"text": "Größe", "yes": True, "none": None, "part": 0.1, "whole": 2**62}, {}, {}],
            [None, FileFacts(1, 2**62, "aa"), None],
        )
        yield index


def same(one: Index, other: Index) -> bool:
    return (
        list(one) == list(other)
        and one.files() == other.files()
        and all(
            one.get(name).attributes == other.get(name).attributes
            and (one.get(name).vector == other.get(name).vector).all()
            for name in one
        )
    )


def test_what_is_exported_comes_back_bit_for_bit(index: Index, tmp_path: Path) -> None:
    assert parquet.export(index, tmp_path / "all.parquet") == 3
    with made(metric="cosine", fingerprint={"weights": "abc"}) as copy:
        assert parquet.ingest(copy, tmp_path / "all.parquet") == 3
        assert same(copy, index)
        assert parquet.ingest(copy, tmp_path / "all.parquet") == 3
        assert same(copy, index)
    assert [file.name for file in tmp_path.iterdir()] == ["all.parquet"]


def test_several_files_and_row_groups_are_all_read(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 4 * DIM * 2)
    parquet.export(index, tmp_path / "one.parquet")
    assert pyarrow.parquet.ParquetFile(tmp_path / "one.parquet").num_row_groups == 2
    with made() as other:
        other.add(["d"], np.ones((1, DIM)))
        parquet.export(other, tmp_path / "two.parquet")
    with made() as both:
        assert parquet.ingest(both, tmp_path / "one.parquet", tmp_path / "two.parquet") == 4
        assert list(both) == ["a", "c", "d", "é"]


def test_an_empty_index_makes_a_file_without_rows(tmp_path: Path) -> None:
    with made() as index:
        assert parquet.export(index, tmp_path / "none.parquet") == 0
        assert parquet.ingest(index, tmp_path / "none.parquet") == 0


def test_a_file_of_another_extractor_is_refused(index: Index, tmp_path: Path) -> None:
    parquet.export(index, tmp_path / "all.parquet")
    with made(fingerprint={"weights": "xyz"}) as other:
        with pytest.raises(FingerprintMismatch, match=r"xyz.*abc"):
            parquet.ingest(other, tmp_path / "all.parquet")
        assert len(other) == 0


def test_a_file_of_another_dimension_is_refused(index: Index, tmp_path: Path) -> None:
    parquet.export(index, tmp_path / "all.parquet")
    with made(dim=4) as other, pytest.raises(InvalidInput, match="5 dimensions"):
        parquet.ingest(other, tmp_path / "all.parquet")


def test_an_existing_file_is_not_overwritten(index: Index, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    with pytest.raises(InvalidInput, match="there already"):
        parquet.export(index, tmp_path / "precious")
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_a_folder_that_is_not_there_is_named(index: Index, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="nowhere"):
        parquet.export(index, tmp_path / "nowhere" / "all.parquet")
    with pytest.raises(CatalogueError, match="nowhere"):
        parquet.ingest(index, tmp_path / "nowhere.parquet")


def test_what_is_no_parquet_file_of_vectors_is_refused(index: Index, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no")
    pyarrow.parquet.write_table(pyarrow.table({"id": ["a"]}), tmp_path / "ids")
    for name in ("text", "ids"):
        with pytest.raises(ClothzooError, match=name):
            parquet.ingest(index, tmp_path / name)
    assert len(index) == 3
