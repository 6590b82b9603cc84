"""How small sets of vectors become large ones, so that neither files nor galleries grow many."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from clothzoo.retrieval import items
from clothzoo.retrieval.index import Vectors
from clothzoo.retrieval.segments import Keys, Piece, Segments, gathered
from clothzoo.retrieval.snapshot import dead_keys, recent

RECENT_BYTES = 8 << 20
"""As many bytes of vectors are kept in the database before they become a segment."""
SEGMENT_BYTES = 2 << 30
"""A segment is not made larger than this."""
_BLOCK_BYTES = 4 << 20


def keep(db: sqlite3.Connection, segments: Segments, new: Piece) -> list[int]:
    """Keep new vectors: in the database while they are few, in a segment where they are many.

    Args:
        db: in the transaction that has inserted their items.
        segments: where segments go.
        new: keys, and vectors float32 (N, D).

    Returns:
        The segments that are replaced, to be dropped once the transaction is committed.
    """
    keys, vectors = new
    (recent_rows,) = db.execute("SELECT recent_rows FROM state").fetchone()
    if recent_rows * 4 * vectors.shape[1] + vectors.nbytes >= RECENT_BYTES:
        return roll(db, segments, vectors.shape[1], new)
    db.execute("INSERT INTO recent (keys, vectors) VALUES (?, ?)", (keys.data, vectors.data))
    db.execute("UPDATE state SET recent_rows = recent_rows + ?", (len(keys),))
    return []


def roll(
    db: sqlite3.Connection,
    segments: Segments,
    dim: int,
    new: Piece | None = None,
    *,
    everything: bool = False,
) -> list[int]:
    """Make one segment of new vectors, the recent ones and the segments that it absorbs.

    Dead rows among them are left out. What passes `SEGMENT_BYTES` becomes several segments.

    Args:
        db: in the transaction that has inserted the items of the new vectors.
        segments: where segments go.
        dim: D.
        new: keys, and vectors float32 (N, D).
        everything: take in every segment there is.

    Returns:
        As `keep`.
    """
    limit = max(1, SEGMENT_BYTES // (4 * dim))
    dead = dead_keys(db)
    numbers = [number for (number,) in db.execute("SELECT number FROM segments ORDER BY number")]
    opened = dict(zip(numbers, segments.open(numbers), strict=True))
    live = {n: int((~np.isin(part.keys, dead)).sum()) for n, part in opened.items()}
    pieces = [recent(db, dim), *([new] if new else [])]
    taken = numbers if everything else absorbed(sum(len(p[0]) for p in pieces), limit, live)
    pieces += [(opened[number].keys, opened[number].vectors) for number in taken]

    keys, rows = merged(db, pieces)
    for start in range(0, len(keys), limit):
        part = slice(start, start + limit)
        (number,) = db.execute("SELECT next_segment FROM state").fetchone()
        checksums = segments.write(number, keys[part], dim, blocks(pieces, rows[part], dim))
        db.execute("UPDATE state SET next_segment = ?", (number + 1,))
        db.execute(
            "INSERT INTO segments VALUES (?, ?, ?)",
            (number, len(keys[part]), json.dumps(checksums)),
        )
    db.executemany("DELETE FROM segments WHERE number = ?", ((number,) for number in taken))
    db.execute("DELETE FROM recent")
    db.execute("UPDATE state SET recent_rows = 0")
    still_held = [opened[number].keys for number in numbers if number not in taken]
    gone = dead[~np.isin(dead, np.concatenate([np.empty(0, np.int64), *still_held]))]
    db.executemany("DELETE FROM dead WHERE key = ?", ((key,) for key in gone.tolist()))
    return taken


def absorbed(rows: int, limit: int, segments: dict[int, int]) -> list[int]:
    """Which segments a new one takes in.

    It takes the smallest, one after another, while they are no larger than what it has by then.
    So each segment is more than twice the next smaller one's size, a million rows are some seven
    files, and a row is written again at most once for each doubling of the catalogue.

    Args:
        rows: of the new segment.
        limit: rows that a segment may have at most.
        segments: live rows by number.

    Returns:
        Their numbers.
    """
    taken = []
    for number, live in sorted(segments.items(), key=lambda item: (item[1], item[0])):
        if live > rows or rows + live > limit:
            break
        taken.append(number)
        rows += live
    return taken


def merged(db: sqlite3.Connection, pieces: Sequence[Piece]) -> tuple[Keys, npt.NDArray[np.int64]]:
    """The order in which the live rows of several pieces make one.

    Returns:
        Their keys in the order of their ids, and for each the row in the pieces laid end to end.
    """
    keys = np.concatenate([keys for keys, _ in pieces])
    ordered = items.in_id_order(db, keys)
    by_key = np.argsort(keys)
    return ordered, by_key[np.searchsorted(keys, ordered, sorter=by_key)]


def blocks(pieces: Sequence[Piece], rows: npt.NDArray[np.int64], dim: int) -> Iterator[Vectors]:
    """Rows of pieces laid end to end, a few megabytes at a time.

    Args:
        pieces: keys and vectors float32 (any, D) of each.
        rows: int64 (N,).
        dim: D.

    Yields:
        float32 (M, D), N rows in all.
    """
    step = max(1, _BLOCK_BYTES // (4 * dim))
    for start in range(0, len(rows), step):
        yield gathered(pieces, rows[start : start + step])
