"""From whatever the user passes to rows that the kernels can read, checked."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clothzoo.errors import InvalidInput
from clothzoo.similarity.metrics import Metric
from clothzoo.similarity.threads import share_out

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PADDING = 64  # vectors of our own are padded with zeros to a multiple of this: whole registers
_NATIVE = tuple(np.dtype(t) for t in (np.float16, np.float32, np.float64, np.uint8))
_LARGEST = 1e150  # squares of larger numbers leave float64's range
_BLOCK = 1 << 17  # numbers that are looked at together
_NONE: Floats = np.empty(0)


def as_rows(array: ArrayLike, name: str, dims: int | None = None) -> NDArray[Any]:
    """A 2-D array of a dtype and layout that the kernels read; copied only where it is not.

    Args:
        array: (rows, dims) of float16, float32, float64, uint8, or anything that converts to
            float64; mapped arrays whose rows are contiguous stay mapped.
        name: how to call it in an error.
        dims: the length its rows must have, if that is known.

    Returns:
        float16, float32, float64 or uint8 (rows, dims), contiguous along the last axis.

    Raises:
        InvalidInput: not numbers, not 2-D, without columns, or of another length.
    """
    rows = np.asarray(array)
    if rows.dtype not in _NATIVE:
        if rows.dtype.kind not in "biuf":
            raise InvalidInput(f"{name} has dtype {rows.dtype}; real numbers are needed")
        rows = rows.astype(np.float64)
    if rows.ndim != 2 or not rows.shape[1]:
        raise InvalidInput(f"{name} has shape {rows.shape}; (rows, dims) is needed")
    if dims is not None and rows.shape[1] != dims:
        raise InvalidInput(f"{name} has {rows.shape[1]} dims where {dims} are needed")
    return rows if rows.strides[1] == rows.itemsize else np.ascontiguousarray(rows)


def in_memory(rows: NDArray[Any]) -> bool:
    """Whether an array's numbers lie in memory of its own rather than in a mapped file."""
    base: Any = rows
    while isinstance(base, np.ndarray):
        base = base.base
    return not isinstance(base, mmap.mmap)


@dataclass(frozen=True)
class Summary:
    """What is to be known of rows besides their numbers.

    Args:
        low: the least number.
        high: the greatest.
        sums: float64 (rows,), Σv; empty for measures of products.
        masses: float64 (rows,), Σ|v|, which is `sums` itself where nothing is negative.
        norms: float64 (rows,), ‖v‖; empty for measures of differences.
    """

    low: float
    high: float
    sums: Floats = field(default_factory=lambda: _NONE)
    masses: Floats = field(default_factory=lambda: _NONE)
    norms: Floats = field(default_factory=lambda: _NONE)

    @property
    def peak(self) -> float:
        """The greatest magnitude."""
        return max(abs(self.low), abs(self.high))


def summarise(
    rows: NDArray[Any], metric: Metric, name: str, threads: int = 1, start: int = 0
) -> Summary:
    """Look at every number once: extremes, sums or norms, and that all are finite.

    Args:
        rows: (rows, dims).
        metric: what will be measured.
        name: how to call `rows` in an error.
        threads: how many threads to use.
        start: the number of the first row, for errors.

    Returns:
        The summary.

    Raises:
        InvalidInput: a number is NaN, infinite or too large; the message names the first such row.
    """
    count = len(rows)
    low, high = np.empty(count), np.empty(count)
    first, second = np.empty(count), np.empty(count)

    @np.errstate(over="ignore", invalid="ignore")  # what is not finite is refused below
    def look(blocks: Iterator[slice]) -> None:
        for block in blocks:
            values = rows[block].astype(np.float64)
            values.min(axis=1, out=low[block])
            values.max(axis=1, out=high[block])
            if metric.of_differences:
                values.sum(axis=1, out=first[block])
                if low[block].min() < 0:
                    np.abs(values, out=values).sum(axis=1, out=second[block])
                else:
                    second[block] = first[block]
            else:
                # Scaled by a power of two, so that squares neither overflow nor vanish.
                _, exponent = np.frexp(np.maximum(-low[block], high[block]))
                np.ldexp(values, -exponent[:, None], out=values)
                squares = np.multiply(values, values, out=values).sum(axis=1)
                np.ldexp(np.sqrt(squares), exponent, out=first[block])

    step = max(1, _BLOCK // rows.shape[1])
    blocks = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    share_out(blocks, look, threads)
    _refuse_unusable(low, high, name, start)
    extremes = (float(low.min()), float(high.max())) if count else (0.0, 0.0)
    if not metric.of_differences:
        return Summary(*extremes, norms=first)
    return Summary(*extremes, sums=first, masses=second if extremes[0] < 0 else first)


def _refuse_unusable(low: Floats, high: Floats, name: str, start: int) -> None:
    usable = (low >= -_LARGEST) & (high <= _LARGEST)  # a NaN is neither
    if usable.all():
        return
    row = int(np.argmin(usable))
    if np.isfinite(low[row]) and np.isfinite(high[row]):
        raise InvalidInput(
            f"row {start + row} of {name} has a number beyond ±{_LARGEST:g}, whose square is no "
            "longer a float64; scale the data"
        )
    raise InvalidInput(
        f"row {start + row} of {name} has a NaN or infinite number; "
        "remove the row or replace the number"
    )


def reciprocals(norms: Floats) -> Floats:
    """1 / ‖v‖, and 0 for a zero vector (or one so small that its reciprocal is infinite)."""
    with np.errstate(divide="ignore", over="ignore"):
        units = 1.0 / norms
    return np.where(np.isfinite(units), units, 0.0)


def units(metric: Metric, summary: Summary, count: int) -> Floats:
    """What brings rows to the length that a measure asks for.

    Args:
        metric: the measure.
        summary: of the rows.
        count: how many there are.

    Returns:
        float64 (rows,), 1 / ‖v‖ or 0 for the cosine, else 1.
    """
    return reciprocals(summary.norms) if metric.name == "cosine" else np.ones(count)


@dataclass(frozen=True)
class Batch:
    """Queries, ready to be compared.

    Args:
        exact: float64 (queries, dims padded with zeros); of unit length for the cosine.
        unit: float64 (queries,), 1 / ‖u‖ or 0 for the cosine, else 1.
        summary: of the queries as given.
    """

    exact: Floats
    unit: Floats
    summary: Summary

    def __len__(self) -> int:
        return len(self.exact)

    def take(self, chosen: NDArray[np.int64]) -> Batch:
        """Some of the queries."""
        of = self.summary
        summary = Summary(
            of.low, of.high, *(a[chosen] if len(a) else a for a in (of.sums, of.masses, of.norms))
        )
        return Batch(self.exact[chosen], self.unit[chosen], summary)


def as_batch(rows: NDArray[Any], metric: Metric, start: int = 0, name: str = "queries") -> Batch:
    """Check queries and convert them to float64.

    Args:
        rows: (queries, dims), as from `as_rows`.
        metric: what will be measured.
        start: the number of the first one, for errors.
        name: how to call them in an error.

    Returns:
        The batch.

    Raises:
        InvalidInput: a number is NaN, infinite or too large.
    """
    summary = summarise(rows, metric, name, start=start)
    count, dims = rows.shape
    exact = np.zeros((count, -(-dims // PADDING) * PADDING))
    exact[:, :dims] = rows
    unit = units(metric, summary, count)
    if metric.name == "cosine":
        exact *= unit[:, None]
    return Batch(exact, unit, summary)
