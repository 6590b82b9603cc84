"""A search with the kernels: a filter chosen for the rows, several threads, one list of hits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.similarity.filters import Allowed, CodeFilter, Filter, MinimumFilter, ProductFilter
from clothzoo.similarity.metrics import Metric
from clothzoo.similarity.prepared import Prepared
from clothzoo.similarity.refinement import Best
from clothzoo.similarity.threads import share_out
from clothzoo.similarity.vectors import Batch, Floats, Integers, as_batch

_SMALL = 1 << 18  # differences that are not worth waking a second thread
_TRIALS = 16  # rows that are searched for, to see whether codes pay


class Scanner:
    """Searches of one gallery.

    Args:
        rows: (rows, dims), as from `as_rows`.
        metric: the measure.
        prepared: what is known of the rows.
    """

    def __init__(self, rows: NDArray[Any], metric: Metric, prepared: Prepared) -> None:
        self._rows, self._metric, self._prepared = rows, metric, prepared

    def nearest(
        self, batch: Batch, k: int, allowed: Allowed, workers: int
    ) -> tuple[Integers, Floats]:
        """The nearest rows of each query.

        Args:
            batch: the queries.
            k: how many rows to find; so many there are.
            allowed: bool (rows,), or None for all.
            workers: how many threads search.

        Returns:
            Indices and distances, (queries, k), nearest first.
        """
        if self._prepared.codes is None:
            best = self._scan(self._plain_filter(batch), batch, k, allowed, workers)
            return _merged(best, k)
        allowance = self._allowance(k)
        coded = CodeFilter(self._rows, self._metric, self._prepared, batch, allowance)
        best = self._scan(coded, batch, k, allowed, workers)
        indices, distances = _merged(best, k)
        given_up = np.flatnonzero(np.any([b.refined > allowance for b in best], axis=0))
        if len(given_up):
            # The codes are too coarse to tell these queries' neighbours from the other rows.
            rest = batch.take(given_up)
            best = self._scan(self._plain_filter(rest), rest, k, allowed, workers)
            indices[given_up], distances[given_up] = _merged(best, k)
        return indices, distances

    def codes_pay(self) -> bool:
        """Whether most searches end without falling back to the rows themselves."""
        chosen = np.linspace(0, len(self._rows) - 1, _TRIALS).astype(int)
        batch = as_batch(self._rows[chosen], self._metric)
        k = min(10, len(self._rows))
        allowance = self._allowance(k)
        coded = CodeFilter(self._rows, self._metric, self._prepared, batch, allowance)
        best = self._scan(coded, batch, k, None, 1)
        return int(np.count_nonzero(best[0].refined > allowance)) <= _TRIALS // 2

    def _plain_filter(self, batch: Batch) -> Filter:
        kind = MinimumFilter if self._metric.of_differences else ProductFilter
        return kind(self._rows, self._metric, self._prepared, batch)

    def _scan(
        self, chosen: Filter, batch: Batch, k: int, allowed: Allowed, workers: int
    ) -> list[Best]:
        count = len(self._rows)
        if self._rows.size * len(batch) < _SMALL:
            workers = 1
        step = min(chosen.task, -(-count // (8 * workers)) * 8)
        tasks = [(start, min(start + step, count)) for start in range(0, count, step)]

        def work(mine: Iterator[tuple[int, int]]) -> Best:
            best = Best(
                np.full((len(batch), k), np.inf),
                np.full((len(batch), k), np.iinfo(np.int64).max),
                np.zeros(len(batch), np.int64),
            )
            for first, last in mine:
                chosen.scan(first, last, allowed, best)
            return best

        return share_out(tasks, work, workers)

    def _allowance(self, k: int) -> int:
        # Beyond this many refinements a scan of the rows themselves would have been cheaper.
        return 16 * k + len(self._rows) // 16


def _merged(best: list[Best], k: int) -> tuple[Integers, Floats]:
    """The k nearest of what several threads have found."""
    indices = np.concatenate([b.indices for b in best], axis=1)
    distances = np.concatenate([b.distances for b in best], axis=1)
    order = np.lexsort((indices, distances), axis=1)[:, :k]
    return np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1)
