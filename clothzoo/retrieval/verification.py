"""What can be wrong with a local catalogue, found by reading all of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import numpy as np

from clothzoo.retrieval.segments import Segments
from clothzoo.retrieval.snapshot import dead_keys, recent


def damage(db: sqlite3.Connection, segments: Segments, dim: int) -> list[str]:
    """Compare the database with itself, the files with their checksums, and each with the other.

    Returns:
        What is wrong, a sentence each; [] where all is well.
    """
    found = [
        f"the database is damaged: {text}"
        for (text,) in db.execute("PRAGMA integrity_check")
        if text != "ok"
    ]
    found += _segment_damage(db, segments, dim)
    return found or list(_misplaced(db, segments, dim))


def _segment_damage(db: sqlite3.Connection, segments: Segments, dim: int) -> Iterator[str]:
    for number, rows, checksums in db.execute("SELECT * FROM segments").fetchall():
        wrong = list(segments.damage(json.loads(checksums)))
        yield from wrong
        if not wrong:
            (segment,) = segments.open([number])
            if segment.vectors.shape != (rows, dim) or segment.keys.shape != (rows,):
                yield (
                    f"segment {number} holds {len(segment.keys)} keys and vectors of shape "
                    f"{segment.vectors.shape}, not {rows} of dimension {dim}"
                )


def _misplaced(db: sqlite3.Connection, segments: Segments, dim: int) -> Iterator[str]:
    numbers = [number for (number,) in db.execute("SELECT number FROM segments")]
    dead = dead_keys(db)
    held = [recent(db, dim)[0]]
    held += [part.keys[~np.isin(part.keys, dead)] for part in segments.open(numbers)]
    keys, times = np.unique(np.concatenate(held), return_counts=True)
    items = np.array([key for (key,) in db.execute("SELECT key FROM items")], np.int64)
    for kind, wrong in (
        ("items without a vector", np.setdiff1d(items, keys)),
        ("vectors without an item", np.setdiff1d(keys, items)),
        ("items with more than one vector", keys[times > 1]),
    ):
        if len(wrong):
            yield f"there are {kind}: {len(wrong)}, the first has the key {wrong[0]}"
