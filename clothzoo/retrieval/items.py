"""The rows of a local catalogue's database: what each item is, and which ones match a filter."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clothzoo.retrieval.index import FileFacts, Scalar, encodable
from clothzoo.retrieval.segments import Keys
from clothzoo.retrieval.where import Between, Condition, OneOf

_PAGE = 1000
_VALUES = "SELECT group_concat(key) FROM attributes WHERE name = ?"


def insert(
    db: sqlite3.Connection,
    ids: Sequence[str],
    attributes: Sequence[dict[str, Scalar]],
    files: Sequence[FileFacts | None],
) -> Keys:
    """Add items whose ids are not there.

    Returns:
        Their new keys, int64 (N,).
    """
    (first,) = db.execute("SELECT next_key FROM state").fetchone()
    db.execute("UPDATE state SET next_key = ?", (first + len(ids),))
    db.executemany(
        "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)",
        (
            (key, name, json.dumps(row, ensure_ascii=False), *_columns(facts))
            for key, (name, row, facts) in enumerate(
                zip(ids, attributes, files, strict=True), first
            )
        ),
    )
    db.executemany("INSERT INTO attributes VALUES (?, ?, ?)", _filterable(first, attributes))
    return np.arange(first, first + len(ids), dtype=np.int64)


def forget(db: sqlite3.Connection, ids: Iterable[str]) -> int:
    """Delete the items that are there; their vectors stay behind as dead.

    Returns:
        How many there were.
    """
    found = [
        row
        for name in ids
        for row in db.execute("SELECT key, attributes FROM items WHERE id = ?", (name,))
    ]
    keys = [(key,) for key, _ in found]
    db.executemany("DELETE FROM items WHERE key = ?", keys)
    db.executemany(
        "DELETE FROM attributes WHERE name = ? AND value = ? AND key = ?",
        (row for key, text in found for row in _filterable(key, [json.loads(text)])),
    )
    db.executemany("INSERT INTO dead VALUES (?)", keys)
    return len(found)


def count(db: sqlite3.Connection) -> int:
    """How many items there are."""
    (rows,) = db.execute("SELECT count(*) FROM items").fetchone()
    return int(rows)


def keys_of(db: sqlite3.Connection, ids: Iterable[str]) -> set[int]:
    """The keys of those ids that are there."""
    return {
        key
        for name in ids
        if encodable(name)
        for (key,) in db.execute("SELECT key FROM items WHERE id = ?", (name,))
    }


def described(
    db: sqlite3.Connection, keys: Iterable[int]
) -> dict[int, tuple[str, dict[str, Scalar]]]:
    """Id and attributes by key, of those keys that are there."""
    return {
        key: (name, json.loads(text))
        for wanted in keys
        for key, name, text in db.execute(
            "SELECT key, id, attributes FROM items WHERE key = ?", (wanted,)
        )
    }


def rows(
    db: sqlite3.Connection, keys: Sequence[int]
) -> list[tuple[int, str, dict[str, Scalar], FileFacts | None]]:
    """Position in `keys`, id, attributes and file facts of those keys that are there."""
    return [
        (position, name, json.loads(text), FileFacts(*facts) if facts[2] is not None else None)
        for position, key in enumerate(keys)
        for name, text, *facts in db.execute(
            "SELECT id, attributes, size, mtime_ns, sha256 FROM items WHERE key = ?", (key,)
        )
    ]


def in_id_order(db: sqlite3.Connection, keys: Keys) -> Keys:
    """Those keys that are there, in the order of their ids."""
    return _numbers(
        db,
        "SELECT group_concat(key) FROM (SELECT key FROM items WHERE key IN "
        "(SELECT value FROM json_each(?)) ORDER BY id)",
        (json.dumps(keys.tolist()),),
    )


def ids_after(db: sqlite3.Connection, last: str) -> list[str]:
    """The next page of ids, in order; [] after the last one."""
    rows = db.execute("SELECT id FROM items WHERE id > ? ORDER BY id LIMIT ?", (last, _PAGE))
    return [name for (name,) in rows]


def file_facts(db: sqlite3.Connection) -> dict[str, FileFacts]:
    """File facts by id, of the items that have them."""
    rows = db.execute("SELECT id, size, mtime_ns, sha256 FROM items WHERE sha256 IS NOT NULL")
    return {name: FileFacts(*facts) for name, *facts in rows}


def update_file_facts(db: sqlite3.Connection, files: Iterable[tuple[str, FileFacts]]) -> None:
    """Replace the file facts of the ids that are there."""
    db.executemany(
        "UPDATE items SET size = ?, mtime_ns = ?, sha256 = ? WHERE id = ?",
        ((*_columns(facts), name) for name, facts in files),
    )


def matching(
    db: sqlite3.Connection, conditions: Iterable[Condition], next_key: int
) -> npt.NDArray[np.bool_]:
    """Which keys fulfil all conditions, bool (next_key,); a key of nothing may come out true.

    Every attribute has its index, so a condition costs what it lets through, not the catalogue.
    """
    result = np.ones(next_key, np.bool_)
    for condition in conditions:
        fits = np.zeros(next_key, np.bool_)
        if isinstance(condition, Between):
            fits[_numbers(db, *_range_query(condition))] = True
        else:
            _mark_equal(db, condition, fits)
        result &= fits
    return result


def _mark_equal(db: sqlite3.Connection, condition: OneOf, fits: npt.NDArray[np.bool_]) -> None:
    if None in condition.values:
        fits[:] = True
        fits[_numbers(db, _VALUES, (condition.name,))] = False
    for value in condition.values:
        fits[_numbers(db, f"{_VALUES} AND value = ?", (condition.name, value))] = True


def _range_query(condition: Between) -> tuple[str, tuple[Any, ...]]:
    # SQLite orders numbers before all strings, and strings before all blobs; an open end stops
    # at the border, lest {"price": (5, None)} find a price of "on request".
    text = isinstance(condition.low if condition.low is not None else condition.high, str)
    low, below = ("", b"") if text else (float("-inf"), "")
    lower = low if condition.low is None else condition.low
    if condition.high is None:
        return f"{_VALUES} AND value >= ? AND value < ?", (condition.name, lower, below)
    upper = condition.high
    return f"{_VALUES} AND value >= ? AND value <= ?", (condition.name, lower, upper)


def _numbers(db: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> Keys:
    if not all(encodable(value) for value in values if isinstance(value, str)):
        return np.empty(0, np.int64)  # no item has what cannot be kept
    # One long string crosses from SQLite three times faster than a row for each key.
    (text,) = db.execute(query, values).fetchone()
    return np.fromstring(text or "", np.int64, sep=",")


def _filterable(
    first: int, attributes: Iterable[dict[str, Scalar]]
) -> Iterator[tuple[str, Scalar, int]]:
    for key, row in enumerate(attributes, first):
        yield from ((name, value, key) for name, value in row.items() if value is not None)


def _columns(facts: FileFacts | None) -> tuple[int, int, str] | tuple[None, None, None]:
    return (facts.size, facts.mtime_ns, facts.sha256) if facts else (None, None, None)
