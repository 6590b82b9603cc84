"""An index to a Parquet file, and Parquet files into an index.

Columns: `id` string; `vector` fixed_size_list of float32; `attributes` string, a JSON object;
`size`, `mtime_ns` and `sha256` of the file that the vector came from, null where there is none.
The schema's metadata has, under `clothzoo`, a JSON object with `metric`, `dim`, `fingerprint`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clothzoo.errors import InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval import durable
from clothzoo.retrieval.database import explained
from clothzoo.retrieval.index import Batch, FileFacts, Index, check_fingerprint

_ABOUT = b"clothzoo"
_GROUP_BYTES = 64 << 20


def export(index: Index, path: str | os.PathLike[str]) -> int:
    """Write all items of an index to one Parquet file.

    Args:
        index: any index.
        path: of the new file; it is there only once it is whole.

    Returns:
        How many items were written.

    Raises:
        InvalidInput: there is a file of that name already.
        CatalogueError: it cannot be written.
        ExtraMissing: pyarrow is not installed.
    """
    writer = require("pyarrow.parquet", "parquet")
    path = Path(path)
    if path.exists():
        raise InvalidInput(f"{str(path)!r} is there already; choose another name or remove it")
    about = {"metric": index.metric, "dim": index.dim, "fingerprint": index.fingerprint}
    schema = schema_of(index.dim, about)
    partial = path.with_name(path.name + durable.PARTIAL)
    rows = 0
    with explained(path, "file"):
        try:
            with writer.ParquetWriter(partial, schema, write_page_checksum=True) as file:
                for batch in index.batches(rows_of_a_group(index.dim)):
                    file.write_batch(record(batch, schema))
                    rows += len(batch.ids)
            durable.adopt(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    return rows


def ingest(index: Index, *paths: str | os.PathLike[str]) -> int:
    """Add the items of Parquet files to an index; ids that are there already are replaced.

    Every row group is added as a whole, so an ingest that was stopped can simply run again.

    Args:
        index: any index of the same dimension.
        paths: the files.

    Returns:
        How many items were added.

    Raises:
        InvalidInput: a file is not such a Parquet file, or of another dimension.
        FingerprintMismatch: a file's vectors were made by another extractor than the index's.
        CatalogueError: a file cannot be read, or the index cannot be written.
        ExtraMissing: pyarrow is not installed.
    """
    rows = 0
    for path in paths:
        for batch in batches(path, index):
            index.add(*batch)
            rows += len(batch.ids)
    return rows


def rows_of_a_group(dim: int) -> int:
    """How many rows are written, read and added at a time."""
    return max(1, _GROUP_BYTES // (4 * dim))


def schema_of(dim: int, about: Mapping[str, Any]) -> Any:
    """The schema of a file of vectors.

    Args:
        dim: length of the vectors.
        about: what is known of all of them; plain JSON values.

    Raises:
        ExtraMissing: pyarrow is not installed.
    """
    arrow = require("pyarrow", "parquet")
    return arrow.schema(
        [
            arrow.field("id", arrow.string(), nullable=False),
            arrow.field("vector", arrow.list_(arrow.float32(), dim), nullable=False),
            arrow.field("attributes", arrow.string(), nullable=False),
            ("size", arrow.int64()),
            ("mtime_ns", arrow.int64()),
            ("sha256", arrow.string()),
        ],
        metadata={_ABOUT: json.dumps(about)},
    )


def about_of(schema: Any) -> dict[str, Any]:
    """What `schema_of` was told, from the schema that a file has; {} where it is not ours."""
    return dict(json.loads((schema.metadata or {}).get(_ABOUT, b"{}")))


def record(batch: Batch, schema: Any) -> Any:
    """Items as a `pyarrow.RecordBatch` of that schema."""
    arrow = require("pyarrow", "parquet")
    dim = batch.vectors.shape[1]
    facts = [(f.size, f.mtime_ns, f.sha256) if f else (None, None, None) for f in batch.files]
    columns_of_facts = zip(*facts, strict=True) if facts else ((), (), ())
    columns = [
        arrow.array(batch.ids, arrow.string()),
        arrow.FixedSizeListArray.from_arrays(arrow.array(batch.vectors.ravel()), dim),
        arrow.array(
            [json.dumps(row, ensure_ascii=False) for row in batch.attributes], arrow.string()
        ),
        *(
            arrow.array(column, schema.field(name).type)
            for name, column in zip(("size", "mtime_ns", "sha256"), columns_of_facts, strict=True)
        ),
    ]
    return arrow.record_batch(columns, schema=schema)


def batches(path: str | os.PathLike[str], index: Index, *, content: Any = None) -> Iterator[Batch]:
    """The items of a Parquet file, a row group at a time, as `index` takes them.

    Args:
        path: the file.
        index: what they are going to be added to.
        content: the file, opened for reading, where only its opener can; `path` then names it.

    Raises:
        InvalidInput, FingerprintMismatch, CatalogueError, ExtraMissing: as `ingest`.
    """
    arrow, reader = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    try:
        with (
            explained(path, "file"),
            reader.ParquetFile(
                path if content is None else content,
                memory_map=content is None,
                page_checksum_verification=True,
            ) as file,
        ):
            about = about_of(file.schema_arrow)
            made_by = about.get("fingerprint") or {}
            if index.fingerprint and made_by:
                check_fingerprint(index.fingerprint, made_by, path)
            for group in range(file.num_row_groups):
                yield _batch(file.read_row_group(group), index.dim, path)
    except (arrow.ArrowInvalid, KeyError, TypeError, json.JSONDecodeError) as error:
        raise InvalidInput(
            f"{str(path)!r} is not a Parquet file of vectors as clothzoo writes it: {error}"
        ) from error


def _batch(table: Any, dim: int, path: str | os.PathLike[str]) -> Batch:
    vectors = table["vector"].combine_chunks()
    values = np.asarray(vectors.flatten(), np.float32)
    facts = zip(*(table[name].to_pylist() for name in ("size", "mtime_ns", "sha256")), strict=True)
    if len(values) != len(table) * dim:
        raise InvalidInput(
            f"the vectors in {str(path)!r} have {len(values) / max(1, len(table)):g} dimensions, "
            f"those of the catalogue {dim}"
        )
    return Batch(
        table["id"].to_pylist(),
        values.reshape(len(table), dim),
        [json.loads(text) for text in table["attributes"].to_pylist()],
        [FileFacts(*row) if row[2] is not None else None for row in facts],
    )
