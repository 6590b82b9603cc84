"""The scans: sums over every row, several queries at a time, block by block.

A block of rows goes through all queries while it is in the processor's cache, and its sums are
settled at once, so neither a matrix of distances nor a second pass is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clothzoo.similarity.compilation import inlined, kernel
from clothzoo.similarity.exact import Rows, address_of
from clothzoo.similarity.refinement import (
    UNLIMITED,
    Best,
    Queries,
    Terms,
    fill_terms,
    row_at,
    settle,
)
from clothzoo.similarity.registers import (
    absolute_differences,
    add,
    add_lanes,
    add_minimum,
    add_product,
    add_totals,
    lanes,
    load,
    load_first,
    load_repeated,
    width,
    zeros,
)

_BLOCK = 64  # rows whose sums are settled together
DEPTH = 4096  # bytes of a row that are summed before the next row's: a block fits level 2


@inlined
def _load_four(rows: Any, offset: int, storage: Any, element: Any) -> Any:
    return (
        load(rows[0] + offset, storage, element),
        load(rows[1] + offset, storage, element),
        load(rows[2] + offset, storage, element),
        load(rows[3] + offset, storage, element),
    )


@inlined
def _load_rest(rows: Any, offset: int, count: int, storage: Any, element: Any) -> Any:
    return (
        load_first(rows[0] + offset, count, storage, element),
        load_first(rows[1] + offset, count, storage, element),
        load_first(rows[2] + offset, count, storage, element),
        load_first(rows[3] + offset, count, storage, element),
    )


@inlined
def _add_four(combine: Any, sums: Any, u: Any, v: Any) -> Any:
    return (
        combine(sums[0], u, v[0]),
        combine(sums[1], u, v[1]),
        combine(sums[2], u, v[2]),
        combine(sums[3], u, v[3]),
    )


@inlined
def _four_zeros(element: Any) -> Any:
    return zeros(element), zeros(element), zeros(element), zeros(element)


@inlined
def _one_query(
    combine: Any, query: int, rows: Any, dims: int, storage: Any, element: Any, sums: int
) -> None:
    """Add one query's sums with four rows to four numbers."""
    a = _four_zeros(element)
    rest = dims % lanes(element)
    for i in range(0, dims - rest, lanes(element)):
        v = _load_four(rows, width(storage) * i, storage, element)
        a = _add_four(combine, a, load(query + width(element) * i, element, element), v)
    if rest:
        i = dims - rest
        v = _load_rest(rows, width(storage) * i, rest, storage, element)
        a = _add_four(combine, a, load(query + width(element) * i, element, element), v)
    add_totals(a[0], a[1], a[2], a[3], sums)


@inlined
def _four_queries(
    combine: Any,
    query: int,
    stride: int,
    rows: Any,
    dims: int,
    storage: Any,
    element: Any,
    sums: int,
    sums_stride: int,
) -> None:
    """As `_one_query` for four queries: each number that is read serves four sums."""
    a = _four_zeros(element)
    b = _four_zeros(element)
    c = _four_zeros(element)
    d = _four_zeros(element)
    rest = dims % lanes(element)
    for i in range(0, dims - rest, lanes(element)):
        v = _load_four(rows, width(storage) * i, storage, element)
        o = query + width(element) * i
        a = _add_four(combine, a, load(o, element, element), v)
        b = _add_four(combine, b, load(o + stride, element, element), v)
        c = _add_four(combine, c, load(o + 2 * stride, element, element), v)
        d = _add_four(combine, d, load(o + 3 * stride, element, element), v)
    if rest:
        v = _load_rest(rows, width(storage) * (dims - rest), rest, storage, element)
        o = query + width(element) * (dims - rest)
        a = _add_four(combine, a, load(o, element, element), v)
        b = _add_four(combine, b, load(o + stride, element, element), v)
        c = _add_four(combine, c, load(o + 2 * stride, element, element), v)
        d = _add_four(combine, d, load(o + 3 * stride, element, element), v)
    add_totals(a[0], a[1], a[2], a[3], sums)
    add_totals(b[0], b[1], b[2], b[3], sums + sums_stride)
    add_totals(c[0], c[1], c[2], c[3], sums + 2 * sums_stride)
    add_totals(d[0], d[1], d[2], d[3], sums + 3 * sums_stride)


@inlined
def _scan_rows(
    combine: Any,
    measure: int,
    rows: Rows,
    storage: Any,
    element: Any,
    queries: Queries,
    terms: Terms,
    best: Best,
) -> None:
    values = queries.values
    count = len(values)
    stride = width(element) * values.shape[1]
    depth = DEPTH // width(element)
    block = np.empty((3, _BLOCK))
    sums = np.empty((count, _BLOCK))
    sums_stride = 8 * _BLOCK
    for first in range(0, terms.length, _BLOCK):
        places = min(_BLOCK, terms.length - first)
        fill_terms(terms, first, block)
        sums[:] = 0.0
        for d in range(0, rows.dims, depth):
            dims = min(depth, rows.dims - d)
            start = address_of(values) + width(element) * d
            origin = rows.address + width(storage) * d
            for q in range(0, count, 4):
                target = address_of(sums) + q * sums_stride
                for p in range(first, first + places, 4):
                    four = (
                        origin + row_at(terms, p) * rows.stride,
                        origin + row_at(terms, p + 1) * rows.stride,
                        origin + row_at(terms, p + 2) * rows.stride,
                        origin + row_at(terms, p + 3) * rows.stride,
                    )
                    column = 8 * (p - first)
                    if q + 4 <= count:
                        _four_queries(
                            combine,
                            start + q * stride,
                            stride,
                            four,
                            dims,
                            storage,
                            element,
                            target + column,
                            sums_stride,
                        )
                    else:
                        for r in range(q, count):
                            _one_query(
                                combine,
                                start + r * stride,
                                four,
                                dims,
                                storage,
                                element,
                                address_of(sums) + r * sums_stride + column,
                            )
        settle(
            measure,
            rows,
            storage,
            queries,
            terms,
            first,
            block,
            sums,
            best,
            UNLIMITED,
        )


@kernel
def scan_minima(
    measure: int,
    rows: Rows,
    storage: Any,
    element: Any,
    queries: Queries,
    terms: Terms,
    best: Best,
) -> None:
    """Search rows by their Σmin(u, v) with the queries.

    Args:
        measure: MANHATTAN or BRAYCURTIS.
        rows: the gallery.
        storage: its dtype.
        element: the dtype to sum in, that of `queries.values`.
        queries: the queries.
        terms: the rows to search, and their terms.
        best: the nearest so far; updated.
    """
    _scan_rows(add_minimum, measure, rows, storage, element, queries, terms, best)


@kernel
def scan_products(
    measure: int,
    rows: Rows,
    storage: Any,
    element: Any,
    queries: Queries,
    terms: Terms,
    best: Best,
) -> None:
    """As `scan_minima` by their products u·v, for EUCLIDEAN and COSINE."""
    _scan_rows(add_product, measure, rows, storage, element, queries, terms, best)


@inlined
def _one_code_query(query: int, group: int, steps: int, sums: int) -> None:
    """Add Σ|u − v| of one query's codes and eight rows' to eight sums."""
    a = zeros(np.int64)
    for s in range(steps):
        v = load(group + 64 * s, np.uint8, np.uint8)
        a = add(a, absolute_differences(load_repeated(query + 8 * s), v))
    add_lanes(a, sums)


@inlined
def _four_code_queries(
    query: int, stride: int, group: int, steps: int, sums: int, sums_stride: int
) -> None:
    """As `_one_code_query` for four queries: each code that is read serves four sums."""
    a = zeros(np.int64)
    b = zeros(np.int64)
    c = zeros(np.int64)
    d = zeros(np.int64)
    for s in range(steps):
        v = load(group + 64 * s, np.uint8, np.uint8)
        u = query + 8 * s
        a = add(a, absolute_differences(load_repeated(u), v))
        b = add(b, absolute_differences(load_repeated(u + stride), v))
        c = add(c, absolute_differences(load_repeated(u + 2 * stride), v))
        d = add(d, absolute_differences(load_repeated(u + 3 * stride), v))
    add_lanes(a, sums)
    add_lanes(b, sums + sums_stride)
    add_lanes(c, sums + 2 * sums_stride)
    add_lanes(d, sums + 3 * sums_stride)


@kernel
def scan_codes(
    measure: int,
    rows: Rows,
    storage: Any,
    codes: int,
    queries: Queries,
    terms: Terms,
    best: Best,
    allowance: int,
) -> None:
    """Search rows by the Σ|u − v| of their codes.

    Args:
        measure: MANHATTAN or BRAYCURTIS.
        rows: the gallery.
        storage: its dtype.
        codes: address of the packed codes, see `codes.Codes`.
        queries: the queries; `values` has their codes.
        terms: the rows to search, whole groups of eight, and their terms.
        best: the nearest so far; updated.
        allowance: how many refinements a query may cost before it is given up.
    """
    values = queries.values
    count, stride = values.shape
    group_size = 64 * (stride // 8)
    block = np.empty((3, _BLOCK))
    sums = np.empty((count, _BLOCK))
    sums_stride = 8 * _BLOCK
    for first in range(0, terms.length, _BLOCK):
        places = min(_BLOCK, terms.length - first)
        fill_terms(terms, first, block)
        sums[:] = 0.0
        for d in range(0, stride, DEPTH // 2):
            steps = min(DEPTH // 2, stride - d) // 8
            start = address_of(values) + d
            for q in range(0, count - 3, 4):
                for c in range(0, places, 8):
                    group = codes + (row_at(terms, first + c) >> 3) * group_size + 8 * d
                    target = address_of(sums) + q * sums_stride + 8 * c
                    _four_code_queries(
                        start + q * stride, stride, group, steps, target, sums_stride
                    )
            for q in range(count - count % 4, count):
                for c in range(0, places, 8):
                    group = codes + (row_at(terms, first + c) >> 3) * group_size + 8 * d
                    target = address_of(sums) + q * sums_stride + 8 * c
                    _one_code_query(start + q * stride, group, steps, target)
        settle(
            measure,
            rows,
            storage,
            queries,
            terms,
            first,
            block,
            sums,
            best,
            allowance,
        )
