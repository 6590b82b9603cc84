"""The rows of a catalogue's table: what each item is, written and read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import sql
from psycopg.types.json import Jsonb

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.index import Batch, FileFacts, Scalar, Vectors
from clothzoo.retrieval.pgvector.address import Address
from clothzoo.retrieval.pgvector.filters import term
from clothzoo.retrieval.pgvector.schema import Names, check_format
from clothzoo.retrieval.pgvector.server import Cursor

_PAGE = 1000
_TOGETHER = 10_000  # ids that one statement takes
_LONGEST_ID = 2_600  # bytes; PostgreSQL's index has no room for more
_TYPES = ("text", "vector", "text", "jsonb", "int8", "int8", "text", "bool")
_LARGEST, _SMALLEST = 2.0**40, 2.0**-40


def check_length(ids: Iterable[str]) -> None:
    """Refuse ids that are too long for the server.

    Raises:
        InvalidInput: one is.
    """
    for name in ids:
        if len(name) > _LONGEST_ID // 4 and len(name.encode()) > _LONGEST_ID:
            raise InvalidInput(
                f"the id {name[:50]!r}… is too long: PostgreSQL takes ids of up to "
                f"{_LONGEST_ID:,} bytes"
            )


def extreme(vectors: Vectors, metric: str) -> npt.NDArray[np.bool_]:
    """Which rows could overflow or vanish in sums of float32; see `candidates`.

    A zero vector is one of them for the cosine, which pgvector does not define for it.
    """
    peaks = np.abs(vectors).max(axis=1)
    found: npt.NDArray[np.bool_] = peaks > _LARGEST
    return found | (peaks < _SMALLEST) if metric == "cosine" else found


def lock(cursor: Cursor, names: Names, address: Address) -> None:
    """Wait until no other writer is at work; released with the transaction.

    Raises:
        CatalogueError: a later clothzoo has changed the catalogue meanwhile.
    """
    cursor.execute(sql.SQL("SELECT format FROM {} FOR UPDATE").format(names.about))
    (found,) = cursor.fetchone() or (0,)
    check_format(found, address)


def upsert(
    cursor: Cursor,
    names: Names,
    metric: str,
    ids: Sequence[str],
    vectors: Vectors,
    attributes: Sequence[Mapping[str, Scalar]],
    files: Sequence[FileFacts | None],
) -> None:
    """Add items, in place of those whose ids are there; the lock is held."""
    gone = _delete(cursor, names, ids)
    wild = extreme(vectors, metric).tolist()
    if any(wild):
        cursor.execute(sql.SQL("UPDATE {} SET extremes = true").format(names.about))
    statement = sql.SQL(
        "COPY {} (id, vector, attributes, terms, size, mtime_ns, sha256, extreme) "
        "FROM STDIN (FORMAT binary)"
    ).format(names.table)
    with cursor.copy(statement) as copy:
        copy.set_types(_TYPES)
        for name, vector, row, facts, far in zip(
            ids, vectors, attributes, files, wild, strict=True
        ):
            text = json.dumps(row, ensure_ascii=False)
            copy.write_row((name, vector, text, Jsonb(_terms(row)), *columns(facts), far))
    _count(cursor, names, len(ids) - gone)


def forget(cursor: Cursor, names: Names, ids: Sequence[str]) -> int:
    """Delete the items that are there, and say how many there were; the lock is held."""
    gone = _delete(cursor, names, ids)
    _count(cursor, names, -gone)
    return gone


def count(cursor: Cursor, names: Names) -> int:
    """How many items there are, as the writers have counted them."""
    row = cursor.execute(sql.SQL("SELECT items FROM {}").format(names.about)).fetchone()
    return int(row[0]) if row else 0


def item(cursor: Cursor, names: Names, name: str) -> tuple[Vectors, dict[str, Scalar]] | None:
    """Vector and attributes of an id, or None where there is none."""
    row = cursor.execute(
        sql.SQL("SELECT vector, attributes FROM {} WHERE id = %s").format(names.table), (name,)
    ).fetchone()
    return (row[0].to_numpy().copy(), json.loads(row[1])) if row else None


def has(cursor: Cursor, names: Names, name: str) -> bool:
    """Whether there is an item of that id."""
    statement = sql.SQL("SELECT 1 FROM {} WHERE id = %s").format(names.table)
    return cursor.execute(statement, (name,)).fetchone() is not None


def ids_after(cursor: Cursor, names: Names, last: str) -> list[str]:
    """The next page of ids, in order; [] after the last one."""
    rows = cursor.execute(
        sql.SQL("SELECT id FROM {} WHERE id > %s ORDER BY id LIMIT %s").format(names.table),
        (last, _PAGE),
    )
    return [name for (name,) in rows]


def batch_after(cursor: Cursor, names: Names, last: str, rows: int) -> Batch | None:
    """The next items in the order of their ids; None after the last one."""
    found = cursor.execute(
        sql.SQL(
            "SELECT id, vector, attributes, size, mtime_ns, sha256 FROM {} "
            "WHERE id > %s ORDER BY id LIMIT %s"
        ).format(names.table),
        (last, rows),
    ).fetchall()
    if not found:
        return None
    ids, vectors, attributes, *facts = map(list, zip(*found, strict=True))
    return Batch(
        ids,
        np.stack([vector.to_numpy() for vector in vectors]),
        [json.loads(text) for text in attributes],
        [
            FileFacts(*values) if values[2] is not None else None
            for values in zip(*facts, strict=True)
        ],
    )


def file_facts(cursor: Cursor, names: Names) -> dict[str, FileFacts]:
    """File facts by id, of the items that have them."""
    rows = cursor.execute(
        sql.SQL("SELECT id, size, mtime_ns, sha256 FROM {} WHERE sha256 IS NOT NULL").format(
            names.table
        )
    )
    return {name: FileFacts(*facts) for name, *facts in rows}


def update_file_facts(cursor: Cursor, names: Names, files: Mapping[str, FileFacts]) -> None:
    """Replace the file facts of the ids that are there; the lock is held."""
    values: list[list[Any]] = [
        list(files),
        *map(list, zip(*(columns(facts) for facts in files.values()), strict=True)),
    ]
    cursor.execute(
        sql.SQL(
            "UPDATE {} AS kept SET size = new.size, mtime_ns = new.mtime_ns, sha256 = new.sha256 "
            "FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[]) "
            "AS new (id, size, mtime_ns, sha256) WHERE kept.id = new.id"
        ).format(names.table),
        values,
    )


def notes(cursor: Cursor, names: Names) -> dict[str, Any]:
    """What `keep_notes` has kept."""
    row = cursor.execute(sql.SQL("SELECT notes FROM {}").format(names.about)).fetchone()
    found: dict[str, Any] = json.loads(row[0]) if row else {}
    return found


def keep_notes(cursor: Cursor, names: Names, values: Mapping[str, Any]) -> None:
    """Keep small JSON values with the catalogue; the lock is held."""
    cursor.execute(
        sql.SQL("UPDATE {} SET notes = %s").format(names.about), (json.dumps(dict(values)),)
    )


def columns(facts: FileFacts | None) -> tuple[int, int, str] | tuple[None, None, None]:
    """File facts as the table keeps them."""
    return (facts.size, facts.mtime_ns, facts.sha256) if facts else (None, None, None)


def _terms(attributes: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: term(value) for name, value in attributes.items() if value is not None}


def _delete(cursor: Cursor, names: Names, ids: Sequence[str]) -> int:
    statement = sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(names.table)
    gone = 0
    for start in range(0, len(ids), _TOGETHER):
        cursor.execute(statement, (list(ids[start : start + _TOGETHER]),))
        gone += cursor.rowcount
    return gone


def _count(cursor: Cursor, names: Names, more: int) -> None:
    if more:
        cursor.execute(sql.SQL("UPDATE {} SET items = items + %s").format(names.about), (more,))
