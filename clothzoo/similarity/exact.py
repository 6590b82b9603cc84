"""The distances themselves, in float64: what every search and every matrix returns.

Their sums are made in the same order on every processor, and by `plain.py`: number i goes to the
partial sum i mod `LANES`, and the upper half of these is added to the lower until one is left.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clothzoo.similarity.compilation import inlined, kernel
from clothzoo.similarity.metrics import BRAYCURTIS, EUCLIDEAN, MANHATTAN, Metric
from clothzoo.similarity.plain import LANES
from clothzoo.similarity.registers import (
    absolute,
    add,
    load,
    load_first,
    multiply,
    splat,
    subtract,
    total,
    width,
    zeros,
)
from clothzoo.similarity.vectors import Batch, Floats

_NEAR = 1 << 17  # bytes of rows that one pass over the queries keeps in the level 2 cache


class Rows(NamedTuple):
    """Where a gallery's numbers lie; `stride` is in bytes."""

    address: int
    stride: int
    dims: int


@inlined
def address_of(array: Any) -> Any:
    """Where an array begins."""
    return np.int64(array.ctypes.data)


def located(rows: NDArray[Any]) -> Rows:
    """Where rows lie; the caller keeps the array alive."""
    return Rows(rows.ctypes.data, rows.strides[0], rows.shape[1])


@inlined
def _l1_sums(query: int, row: int, dims: int, storage: Any) -> Any:
    """Σ|u − v| and Σ|u + v|."""
    apart = zeros(LANES)
    together = zeros(LANES)
    whole = dims - dims % LANES
    for i in range(0, whole, LANES):
        u = load(query + 8 * i, np.float64, LANES)
        v = load(row + width(storage) * i, storage, LANES)
        apart = add(apart, absolute(subtract(u, v)))
        together = add(together, absolute(add(u, v)))
    if whole < dims:
        u = load(query + 8 * whole, np.float64, LANES)
        v = load_first(row + width(storage) * whole, dims - whole, storage, LANES)
        apart = add(apart, absolute(subtract(u, v)))
        together = add(together, absolute(add(u, v)))
    return total(apart), total(together)


@inlined
def _squares(query: int, row: int, unit: float, dims: int, storage: Any) -> Any:
    """Σ(u − v · unit)²."""
    scale = splat(unit, LANES)
    squares = zeros(LANES)
    whole = dims - dims % LANES
    for i in range(0, whole, LANES):
        v = multiply(load(row + width(storage) * i, storage, LANES), scale)
        x = subtract(load(query + 8 * i, np.float64, LANES), v)
        squares = add(squares, multiply(x, x))
    if whole < dims:
        v = load_first(row + width(storage) * whole, dims - whole, storage, LANES)
        x = subtract(load(query + 8 * whole, np.float64, LANES), multiply(v, scale))
        squares = add(squares, multiply(x, x))
    return total(squares)


@inlined
def distance(
    measure: int, query: int, query_unit: float, row: int, unit: float, dims: int, storage: Any
) -> Any:
    """The distance of a query, of unit length for the cosine, from a row.

    1 − cos is half a squared chord, which does not cancel for near-duplicates as 1 − u·v does.
    """
    if measure <= BRAYCURTIS:
        difference, denominator = _l1_sums(query, row, dims, storage)
        if measure == MANHATTAN or difference == 0.0:
            return difference
        return difference / denominator if denominator > 0.0 else np.inf
    if measure == EUCLIDEAN:
        return np.sqrt(_squares(query, row, 1.0, dims, storage))
    if query_unit == 0.0 or unit == 0.0:
        return 0.0 if query_unit == unit else 1.0
    return min(0.5 * _squares(query, row, unit, dims, storage), 2.0)


def matrix(metric: Metric, rows: NDArray[Any], unit: Floats, batch: Batch) -> Floats:
    """Every distance between queries and rows.

    Args:
        metric: the measure.
        rows: (rows, dims), as from `as_rows`.
        unit: (rows,), 1 / ‖v‖ or 0 for the cosine, else 1.
        batch: the queries.

    Returns:
        float64 (queries, rows).
    """
    result = np.empty((len(batch), len(rows)))
    _fill(metric.code, located(rows), rows.dtype.type, unit, batch.exact, batch.unit, result)
    return result


@kernel
def _fill(
    measure: int,
    rows: Rows,
    storage: Any,
    unit: Floats,
    queries: Floats,
    query_unit: Floats,
    result: Floats,
) -> None:
    near = max(1, _NEAR // max(1, width(storage) * rows.dims))
    for first in range(0, result.shape[1], near):
        for q in range(len(queries)):
            query = address_of(queries) + 8 * q * queries.shape[1]
            for r in range(first, min(first + near, result.shape[1])):
                row = rows.address + r * rows.stride
                result[q, r] = distance(
                    measure, query, query_unit[q], row, unit[r], rows.dims, storage
                )
