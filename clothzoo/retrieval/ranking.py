"""From candidate rows to hits."""

from __future__ import annotations

import sqlite3

import numpy as np
import numpy.typing as npt

from clothzoo.retrieval import items
from clothzoo.retrieval.hits import Hit, Hits
from clothzoo.retrieval.segments import Keys


def ranked(
    db: sqlite3.Connection,
    keys: Keys,
    distances: npt.NDArray[np.float64],
    *,
    k: int,
    excluded: set[int],
) -> list[Hits]:
    """Of the candidates of each query the k nearest, equal distances by id.

    Args:
        db: where ids and attributes are.
        keys: int64 (Q, K); -1 is no candidate.
        distances: float64 (Q, K).
        k: how many hits at most.
        excluded: keys that may not be hits.
    """
    near = [_nearest(row, found, k, excluded) for row, found in zip(keys, distances, strict=True)]
    known = items.described(db, {key for candidates in near for _, key in candidates})
    return [
        Hits(
            Hit(name, distance, dict(attributes))
            for distance, name, attributes in sorted(
                ((distance, *known[key]) for distance, key in candidates),
                key=lambda hit: hit[:2],
            )[:k]
        )
        for candidates in near
    ]


def _nearest(
    keys: Keys, distances: npt.NDArray[np.float64], k: int, excluded: set[int]
) -> list[tuple[float, int]]:
    """The k nearest and all that are as near as the last of them, in any order."""
    candidates = sorted(
        (distance, key)
        for distance, key in zip(distances.tolist(), keys.tolist(), strict=True)
        if key >= 0 and key not in excluded
    )
    if len(candidates) <= k:
        return candidates
    return [candidate for candidate in candidates if candidate[0] <= candidates[k - 1][0]]
