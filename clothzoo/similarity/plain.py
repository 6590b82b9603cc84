"""The distances without a compiler: for the little that a short-lived process asks.

Loading the kernels takes longer than many a search. So a process begins without them, and loads
them when it has spent about as long on doing without. The numbers are the same, bit for bit:
see `exact.py` for the order of the sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.similarity.metrics import BRAYCURTIS, EUCLIDEAN, MANHATTAN, Metric
from clothzoo.similarity.vectors import Batch, Floats

LANES = 8  # partial sums
_ROWS = 1024  # that are compared together: what they need fits the level 2 cache


class Allowance:
    """How much a process does without the kernels.

    Args:
        numbers: pairs of numbers that are compared until the kernels are worth loading.
    """

    def __init__(self, numbers: int) -> None:
        self._left = numbers

    def covers(self, numbers: int) -> bool:
        """Whether so many more are to be compared without; if not, none will be from now on."""
        self._left = self._left - numbers if numbers <= self._left else 0
        return self._left > 0


ALLOWANCE = Allowance(1 << 27)


def matrix(metric: Metric, rows: NDArray[Any], unit: Floats, batch: Batch) -> Floats:
    """Every distance between queries and rows.

    Args:
        metric: the measure.
        rows: (rows, dims).
        unit: (rows,), 1 / ‖v‖ or 0 for the cosine, else 1.
        batch: the queries.

    Returns:
        float64 (queries, rows), what `exact.matrix` gives.
    """
    result = np.empty((len(batch), len(rows)))
    for start in range(0, len(rows), _ROWS):
        some = slice(start, start + _ROWS)
        for query, query_unit, found in zip(batch.exact, batch.unit, result, strict=True):
            found[some] = _distances(metric, rows[some], unit[some], query, query_unit)
    return result


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def _distances(
    metric: Metric, rows: NDArray[Any], unit: Floats, query: Floats, query_unit: float
) -> Floats:
    dims = rows.shape[1]
    first, second = np.zeros((2, len(rows), LANES))
    for i in range(0, dims, LANES):
        v = rows[:, i : i + LANES].astype(np.float64)
        lanes = slice(v.shape[1])
        u = query[i : i + LANES][lanes]
        if metric.of_differences:
            first[:, lanes] += np.abs(u - v)
            if metric.code == BRAYCURTIS:
                second[:, lanes] += np.abs(u + v)
        else:
            first[:, lanes] += np.square(u - v * unit[:, None])
    sums = _total(first)
    if metric.code == MANHATTAN:
        return sums
    if metric.code == BRAYCURTIS:
        return np.where(sums == 0.0, 0.0, sums / _total(second))
    if metric.code == EUCLIDEAN:
        return np.sqrt(sums)
    apart = np.minimum(0.5 * sums, 2.0)
    return np.where((unit == 0.0) | (query_unit == 0.0), unit != query_unit, apart)


def _total(sums: Floats) -> Floats:
    while (half := sums.shape[1] // 2) > 0:
        sums = sums[:, :half] + sums[:, half:]
    return sums[:, 0]
