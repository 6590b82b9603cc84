"""From bounds to neighbours: which rows are computed in float64, and which of them are kept.

Every search is a filter and a refinement in one pass. A filter (packed bytes, or sums
over the rows in their own precision) gives a *lower bound* of each distance; a row whose
bound is not above the query's k-th distance so far is computed in float64 at once, and kept if it
belongs. A row is dropped only on the certificate that it cannot belong, so all filters give the
same answer, that of the float64 distances, down to the order of ties.

A bound is `sum · scale[row] + low[row] + low[query]`, to be compared with the k-th distance times
`size[row] + size[query]`; `filters.py` says what these terms are for each measure.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clothzoo.similarity.compilation import inlined
from clothzoo.similarity.exact import Rows, address_of, distance
from clothzoo.similarity.metrics import COSINE, EUCLIDEAN
from clothzoo.similarity.registers import add, lanes, load, multiply, not_above, splat
from clothzoo.similarity.vectors import Floats, Integers

UNLIMITED = np.iinfo(np.int64).max  # an allowance of refinements that no query exceeds


class Queries(NamedTuple):
    """The queries as a filter sees them, and as they are.

    With signed vectors and Bray-Curtis `values` has twice the rows: u, then −u, whose distance
    to v is the Σ|u + v| of the denominator.
    """

    values: NDArray[Any]
    exact: Floats
    unit: Floats
    low: Floats
    size: Floats


class Terms(NamedTuple):
    """The rows to search, and what their part of the bounds is made of.

    `numbers` has the rows' numbers, or is empty where they are `length` neighbours from `first` on.
    A number n that only fills up a group of codes is written as −1 − n. Two numbers are known of
    each row, x and y, of which its terms are sums: scale[0] + scale[1]·y, low[0]·x + low[1]·y and
    size[0]·x + size[1]·y.
    """

    first: int
    length: int
    numbers: Integers
    x: Floats
    y: Floats
    scale: tuple[float, float]
    low: tuple[float, float]
    size: tuple[float, float]


class Best(NamedTuple):
    """The k nearest rows so far, a heap for each query, and how often one was refined."""

    distances: Floats
    indices: Integers
    refined: Integers


@inlined
def _keep(distances: Floats, indices: Integers, distance: float, index: int) -> None:
    """Replace the worst of a heap; of equal distances the higher index is the worse."""
    k = len(distances)
    hole = 0
    while 2 * hole + 1 < k:
        child = 2 * hole + 1
        if child + 1 < k and (
            distances[child + 1] > distances[child]
            or (distances[child + 1] == distances[child] and indices[child + 1] > indices[child])
        ):
            child += 1
        if distances[child] < distance or (distances[child] == distance and indices[child] < index):
            break
        distances[hole] = distances[child]
        indices[hole] = indices[child]
        hole = child
    distances[hole] = distance
    indices[hole] = index


@inlined
def row_at(terms: Terms, place: int) -> Any:
    """The number of the row at a place; behind the last place the last row's."""
    place = min(place, terms.length - 1)
    if len(terms.numbers) == 0:
        return terms.first + place
    number = terms.numbers[place]
    return number if number >= 0 else -1 - number


@inlined
def fill_terms(terms: Terms, first: int, block: Floats) -> None:
    """Write scale, low and size of the places from `first` on into the three rows of a block."""
    for c in range(block.shape[1]):
        place = first + c
        open_place = place < terms.length and (len(terms.numbers) == 0 or terms.numbers[place] >= 0)
        x = terms.x[place] if open_place else 0.0
        y = terms.y[place] if open_place else 0.0
        block[0, c] = terms.scale[0] + terms.scale[1] * y
        block[1, c] = terms.low[0] * x + terms.low[1] * y if open_place else np.inf
        block[2, c] = terms.size[0] * x + terms.size[1] * y


@inlined
def settle(
    measure: int,
    rows: Rows,
    storage: Any,
    queries: Queries,
    terms: Terms,
    first: int,
    block: Floats,
    sums: Floats,
    best: Best,
    allowance: int,
) -> None:
    """Refine the rows of a block whose bound says that they may be among the nearest."""
    step = lanes(np.float64)
    columns = 8 * block.shape[1]
    found = len(queries.exact)
    signed = len(queries.values) > found
    margin = 1.0 + rows.dims * 2.0**-50  # for the rounding of the float64 distances themselves
    for q in range(found):
        if best.refined[q] > allowance:
            continue
        worst = best.distances[q, 0] * margin
        limit = splat(worst * worst if measure == EUCLIDEAN else worst, np.float64)
        query_low = splat(queries.low[q], np.float64)
        query_size = splat(queries.size[q], np.float64)
        for c in range(0, min(block.shape[1], terms.length - first), step):
            at = address_of(block) + 8 * c
            scale = load(at, np.float64, np.float64)
            low = add(load(at + columns, np.float64, np.float64), query_low)
            size = add(load(at + 2 * columns, np.float64, np.float64), query_size)
            at = address_of(sums) + q * columns + 8 * c
            bound = add(multiply(load(at, np.float64, np.float64), scale), low)
            if signed:
                other = load(at + found * columns, np.float64, np.float64)
                size = add(multiply(other, scale), size)
            open_lanes = not_above(bound, multiply(limit, size))
            if open_lanes == 0:
                continue
            for lane in range(step):
                if not open_lanes >> lane & 1:
                    continue
                if block[1, c + lane] == np.inf:
                    continue
                best.refined[q] += 1
                index = row_at(terms, first + c + lane)
                exact = distance(
                    measure,
                    address_of(queries.exact) + 8 * q * queries.exact.shape[1],
                    queries.unit[q],
                    rows.address + index * rows.stride,
                    terms.y[first + c + lane] if measure == COSINE else 1.0,
                    rows.dims,
                    storage,
                )
                worst = best.distances[q, 0]
                if exact < worst or (exact == worst and index < best.indices[q, 0]):
                    _keep(best.distances[q], best.indices[q], exact, index)
                    worst = best.distances[q, 0] * margin
                    limit = splat(worst * worst if measure == EUCLIDEAN else worst, np.float64)
