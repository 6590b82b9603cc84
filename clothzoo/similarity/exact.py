"""The distances themselves, in float64: what every search and every matrix returns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clothzoo.similarity.compilation import inlined, kernel
from clothzoo.similarity.registers import (
    absolute,
    add,
    lanes,
    load,
    load_first,
    multiply,
    splat,
    subtract,
    total,
    width,
    zeros,
)

MANHATTAN, BRAYCURTIS, EUCLIDEAN, COSINE = range(4)

PADDING = 64  # vectors of our own are padded with zeros to a multiple of this: whole registers
_NEAR = 1 << 17  # bytes of rows that one pass over the queries keeps in the level 2 cache

Floats = NDArray[np.float64]


class Rows(NamedTuple):
    """Where a gallery's numbers lie; `stride` is in bytes."""

    address: int
    stride: int
    dims: int


@inlined
def address_of(array: Any) -> Any:
    """Where an array begins."""
    return np.int64(array.ctypes.data)


@inlined
def _l1_sums(query: int, row: int, dims: int, storage: Any) -> Any:
    """Σ|u − v| and Σ|u + v|; four chains of additions hide their latency."""
    step = lanes(np.float64)
    size = width(storage)
    a = zeros(np.float64)
    b = zeros(np.float64)
    c = zeros(np.float64)
    d = zeros(np.float64)
    whole = dims - dims % (2 * step)
    for i in range(0, whole, 2 * step):
        u = load(query + 8 * i, np.float64, np.float64)
        v = load(row + size * i, storage, np.float64)
        a = add(a, absolute(subtract(u, v)))
        c = add(c, absolute(add(u, v)))
        u = load(query + 8 * (i + step), np.float64, np.float64)
        v = load(row + size * (i + step), storage, np.float64)
        b = add(b, absolute(subtract(u, v)))
        d = add(d, absolute(add(u, v)))
    for i in range(whole, dims, step):
        u = load(query + 8 * i, np.float64, np.float64)
        v = load_first(row + size * i, dims - i, storage, np.float64)
        a = add(a, absolute(subtract(u, v)))
        c = add(c, absolute(add(u, v)))
    return total(add(a, b)), total(add(c, d))


@inlined
def _squares(query: int, row: int, unit: float, dims: int, storage: Any) -> Any:
    """Σ(u − v · unit)²."""
    step = lanes(np.float64)
    size = width(storage)
    scale = splat(unit)
    a = zeros(np.float64)
    b = zeros(np.float64)
    whole = dims - dims % (2 * step)
    for i in range(0, whole, 2 * step):
        v = multiply(load(row + size * i, storage, np.float64), scale)
        x = subtract(load(query + 8 * i, np.float64, np.float64), v)
        a = add(a, multiply(x, x))
        v = multiply(load(row + size * (i + step), storage, np.float64), scale)
        x = subtract(load(query + 8 * (i + step), np.float64, np.float64), v)
        b = add(b, multiply(x, x))
    for i in range(whole, dims, step):
        v = multiply(load_first(row + size * i, dims - i, storage, np.float64), scale)
        x = subtract(load(query + 8 * i, np.float64, np.float64), v)
        a = add(a, multiply(x, x))
    return total(add(a, b))


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


@kernel
def matrix(
    measure: int,
    rows: Rows,
    storage: Any,
    unit: Floats,
    queries: Floats,
    query_unit: Floats,
    result: Floats,
) -> None:
    """Every distance between queries and rows.

    Args:
        measure: one of the four.
        rows: the rows, whose addresses start at row 0.
        storage: their dtype.
        unit: (rows,), 1 / ‖v‖ or 0, for the cosine.
        queries: (queries, dims padded), for the cosine of unit length.
        query_unit: as `unit`, of the queries.
        result: (queries, rows); filled.
    """
    near = max(1, _NEAR // max(1, width(storage) * rows.dims))
    for first in range(0, result.shape[1], near):
        for q in range(len(queries)):
            query = address_of(queries) + 8 * q * queries.shape[1]
            for r in range(first, min(first + near, result.shape[1])):
                row = rows.address + r * rows.stride
                result[q, r] = distance(
                    measure, query, query_unit[q], row, unit[r], rows.dims, storage
                )
