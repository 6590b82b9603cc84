"""Near-duplicates: groups of items that a chain of small distances holds together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import cast

import numpy as np

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.index import Hits, Index, Vectors

_ROWS = 256
_FIRST_K = 8


def groups(index: Index, threshold: float) -> list[list[str]]:
    """The connected components of the graph whose edges are distances up to `threshold`.

    Memory grows with the number of ids, not with the number of pairs.

    Args:
        index: the catalogue.
        threshold: the largest distance between duplicates, in the catalogue's metric.

    Returns:
        Groups of at least two ids, each sorted; the largest group first, then by first id.

    Raises:
        InvalidInput: the threshold is negative or not finite.
    """
    if not (math.isfinite(threshold) and threshold >= 0):
        raise InvalidInput(f"threshold must be a distance of 0 or more, not {threshold!r}")
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.get(name, name)) != name:
            parent[name] = parent.get(above, above)  # halves the path for the next visit
            name = above
        return name

    for ids, vectors, *_ in index.batches(_ROWS):
        for name, near in zip(ids, _within(index, vectors, threshold), strict=True):
            for other in near:
                one, two = sorted((root(name), root(other)))
                if one != two:
                    parent[two] = one
    members = defaultdict(list)
    for name in list(parent):
        members[root(name)].append(name)
    found = [sorted({first, *rest}) for first, rest in members.items()]
    return sorted(found, key=lambda group: (-len(group), group))


def _within(index: Index, vectors: Vectors, threshold: float) -> Iterator[list[str]]:
    """For each vector the ids of all items within the threshold."""
    results: list[list[str]] = [[] for _ in vectors]
    rows, k = np.arange(len(vectors)), min(_FIRST_K, len(index))
    while rows.size:
        hits = cast("list[Hits]", index.search(vectors[rows], k=k))
        for row, found in zip(rows, hits, strict=True):
            results[row] = [hit.id for hit in found if hit.distance <= threshold]
        # Where even the last hit is near enough, there may be more behind it.
        full = np.array([len(results[row]) == k for row in rows]) & (k < len(index))
        rows, k = rows[full], min(8 * k, len(index))
    yield from results
