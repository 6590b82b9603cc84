"""One unchanging state of a local catalogue's vectors, as a search sees it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from clothzoo.retrieval import items
from clothzoo.retrieval.database import Retry
from clothzoo.retrieval.index import Vectors
from clothzoo.retrieval.segments import Keys, Segment, Segments, gathered
from clothzoo.retrieval.where import Condition
from clothzoo.similarity import Gallery

_FILTERS_KEPT = 16

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The segments of one generation, the recent vectors among them.

    Args:
        generation: of the database, which counts its transactions.
        next_key: all keys are below it.
        segments: the parts to search.
        dead: int64, the keys that no longer are any item.
    """

    generation: int
    next_key: int
    segments: tuple[Segment, ...]
    dead: Keys
    _masks: dict[tuple[Condition, ...], list[Mask | None]] = field(default_factory=dict)
    _newer: dict[int, list[Mask]] = field(default_factory=dict)

    def masks(self, db: sqlite3.Connection, conditions: tuple[Condition, ...]) -> list[Mask | None]:
        """For each segment which of its rows may be hits; None for all of them."""
        known = self._masks.get(conditions)
        if known is None:
            allowed = items.matching(db, conditions, self.next_key)
            allowed[self.dead] = False
            known = [_mask(allowed[segment.keys]) for segment in self.segments]
            for oldest in list(self._masks)[: len(self._masks) - _FILTERS_KEPT + 1]:
                self._masks.pop(oldest, None)  # another thread may have been first
            self._masks[conditions] = known
        return known

    @cached_property
    def live_keys(self) -> Keys:
        """The keys of all items, int64 (N,), ascending."""
        return np.flatnonzero(self._rows >= 0)

    def is_live(self, keys: Keys) -> Mask:
        """Which keys are items of this state, bool of the same shape."""
        live = (keys >= 0) & (keys < self.next_key)
        live[live] = self._rows[keys[live]] >= 0
        return live

    def vectors_of(self, keys: Keys) -> Vectors:
        """The vectors of live keys, float32 (N, D)."""
        pieces = [(segment.keys, segment.vectors) for segment in self.segments]
        return gathered(pieces, self._rows[keys])

    def masks_from(self, first: int) -> list[Mask]:
        """As `masks`, without condition but for items whose keys are not below `first`."""
        known = self._newer.get(first)
        if known is None:
            newer = self._rows >= 0
            newer[:first] = False
            known = [newer[segment.keys] for segment in self.segments]
            self._newer[first] = known
        return known

    @cached_property
    def _rows(self) -> npt.NDArray[np.int64]:
        """For each key the row that it has in the segments laid end to end, or -1."""
        rows = np.full(self.next_key, -1, np.int64)
        laid_out = np.concatenate([segment.keys for segment in self.segments] or [self.dead])
        rows[laid_out] = np.arange(len(laid_out))
        rows[self.dead] = -1
        return rows

    def nearest(
        self, queries: Vectors, k: int, masks: Sequence[Mask | None]
    ) -> tuple[Keys, npt.NDArray[np.float64]]:
        """The k nearest rows of every segment.

        Args:
            queries: float32 (Q, D).
            k: how many of each segment at most.
            masks: from `masks`.

        Returns:
            Keys int64 (Q, K) and distances float64 (Q, K) in no order, K at most k a segment.
        """
        keys, distances = [np.empty((len(queries), 0), np.int64)], [np.empty((len(queries), 0))]
        for segment, mask in zip(self.segments, masks, strict=True):
            if mask is not None and not mask.any():
                continue
            rows, found = segment.gallery.search(queries, k, mask=mask)
            keys.append(segment.keys[rows])
            distances.append(found)
        return np.hstack(keys), np.hstack(distances)


def load(
    db: sqlite3.Connection, segments: Segments, dim: int, metric: str, before: Snapshot | None
) -> Snapshot:
    """The database's present state; `before` itself where nothing has changed.

    Raises:
        Retry: a segment was replaced while this looked for it.
    """
    generation, next_key = db.execute("SELECT generation, next_key FROM state").fetchone()
    if before is not None and before.generation == generation:
        return before
    numbers = [number for (number,) in db.execute("SELECT number FROM segments ORDER BY number")]
    try:
        opened = segments.open(numbers)
    except FileNotFoundError as error:
        raise Retry(generation, f"a segment file is missing: {error.filename}") from error
    keys, vectors = recent(db, dim)
    if len(keys):
        # They change with every add: whatever preparing them longer would save is soon lost.
        opened.append(Segment(keys, vectors, Gallery(vectors, metric, codes=False)))
    return Snapshot(generation, next_key, tuple(opened), dead_keys(db))


def recent(db: sqlite3.Connection, dim: int) -> tuple[Keys, Vectors]:
    """The vectors that are in no segment yet and are not dead, in the order of their ids."""
    rows = db.execute("SELECT keys, vectors FROM recent ORDER BY number").fetchall()
    keys = np.frombuffer(b"".join(keys for keys, _ in rows), np.int64)
    vectors = np.frombuffer(b"".join(vectors for _, vectors in rows), np.float32)
    ordered = items.in_id_order(db, keys)
    # Keys grow from one add to the next, so they can be looked up as they are.
    return ordered, vectors.reshape(-1, dim)[np.searchsorted(keys, ordered)]


def dead_keys(db: sqlite3.Connection) -> Keys:
    """Keys in segments or among the recent that no longer are any item."""
    return np.array([key for (key,) in db.execute("SELECT key FROM dead")], np.int64)


def _mask(allowed: Mask) -> Mask | None:
    return None if allowed.all() else allowed
