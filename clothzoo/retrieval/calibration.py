"""How much an approximate search of a catalogue finds, and how much faster it is."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import cast

import numpy as np

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.index import Hits, Index


@dataclass(frozen=True)
class Calibration:
    """What approximate search is worth on a catalogue.

    Args:
        recall: the part of the exact hits that it finds, 0 to 1.
        k: hits asked for.
        queries: how many of the catalogue's own items were searched for.
        exact_ms: milliseconds per query of the exact search.
        approximate_ms: milliseconds per query of the approximate search.
    """

    recall: float
    k: int
    queries: int
    exact_ms: float
    approximate_ms: float

    def __str__(self) -> str:
        return (
            f"recall@{self.k} {self.recall:.4f} over {self.queries} queries; "
            f"{self.approximate_ms:.2f} ms a query against {self.exact_ms:.2f} ms exact"
        )


def calibrate(index: Index, *, k: int, queries: int, seed: int) -> Calibration:
    """Search for a sample of the catalogue's own items both ways and compare.

    Args:
        index: the catalogue.
        k: hits to compare, besides the item itself.
        queries: how many items to sample.
        seed: of the sample.

    Raises:
        InvalidInput: the catalogue holds fewer than two items.
        ExtraMissing: approximate search is not installed.
    """
    if len(index) < 2:
        raise InvalidInput(
            f"the catalogue holds {len(index)} item(s); there is nothing to compare yet"
        )
    sample = random.Random(seed).sample(list(index), min(queries, len(index)))
    vectors = np.stack([index.get(name).vector for name in sample])
    found, milliseconds = [], []
    for approximate in (False, True):
        index.search(vectors[:1], k=k + 1, approximate=approximate)  # prepares what it needs
        start = time.perf_counter()
        hits = cast("list[Hits]", index.search(vectors, k=k + 1, approximate=approximate))
        milliseconds.append(1000 * (time.perf_counter() - start) / len(sample))
        found.append(
            [{hit.id for hit in row} - {own} for own, row in zip(sample, hits, strict=True)]
        )
    exact, approximated = found
    shared = sum(len(a & b) for a, b in zip(exact, approximated, strict=True))
    total = sum(map(len, exact))
    return Calibration(shared / total, k, len(sample), milliseconds[0], milliseconds[1])
