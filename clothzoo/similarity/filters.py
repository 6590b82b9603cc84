"""Three ways to bound distances from below, and the terms of their bounds for each measure.

Reference: Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., §3.1 and §4.2 for
the rounding errors of sums and products: n additions lose at most n·u/(1 − n·u) of the sum of
magnitudes, in whatever order they are done.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clothzoo.similarity.codes import GROUP
from clothzoo.similarity.exact import located
from clothzoo.similarity.metrics import Metric
from clothzoo.similarity.prepared import Prepared
from clothzoo.similarity.refinement import Best, Queries, Terms
from clothzoo.similarity.registers import lane_count
from clothzoo.similarity.scans import DEPTH, scan_codes, scan_minima, scan_products
from clothzoo.similarity.vectors import Batch, Floats, Integers, reciprocals

Allowed = NDArray[np.bool_] | None

_FLOAT32_SAFE = 2.0**120  # sums of this size are well inside float32
_WORK = 1 << 25  # differences to compute in one task, some milliseconds


class Filter(Protocol):
    """A scan over some rows of a gallery for all queries of a batch."""

    task: int

    def scan(self, first: int, last: int, allowed: Allowed, best: Best) -> None:
        """Search rows `first` to `last` (a multiple of eight apart, or the end)."""


class _Places:
    """The rows of a range that may be hits, and their terms."""

    def __init__(self, first: int, last: int, allowed: Allowed, grouped: bool = False) -> None:
        self._first = first
        self._numbers: Integers = np.empty(0, np.int64)
        self.rows: slice | Integers = slice(first, last)  # whose x and y are wanted
        self.count = last - first
        if allowed is None:
            return
        self._numbers = first + np.flatnonzero(allowed[first:last])
        if grouped:
            groups = np.unique(self._numbers // GROUP)
            every = (GROUP * groups[:, None] + np.arange(GROUP)).ravel()
            wanted = np.zeros(len(every), bool)
            wanted[np.searchsorted(every, self._numbers)] = True
            self._numbers = np.where(wanted, every, -1 - every)
            self.rows = np.minimum(every, last - 1)
        else:
            self.rows = self._numbers
        self.count = len(self._numbers)

    def terms(
        self,
        x: Floats,
        y: Floats,
        scale: tuple[float, float],
        low: tuple[float, float],
        size: tuple[float, float],
    ) -> Terms:
        """See `Terms`."""
        return Terms(
            self._first, self.count, self._numbers, _read_only(x), _read_only(y), scale, low, size
        )


def _read_only(values: Floats) -> Floats:
    # Mapped arrays are; to Numba the others would be of another type and need another kernel.
    view = values.view(np.ndarray)
    view.flags.writeable = False
    return view


def _is_signed(metric: Metric, prepared: Prepared, batch: Batch) -> bool:
    """Whether Σ|u + v| has to be summed: for vectors without a minus sign it is Σu + Σv."""
    return metric.name == "braycurtis" and min(prepared.summary.low, batch.summary.low) < 0


def _element(rows: NDArray[Any], magnitude: float) -> Any:
    """float32 where it holds the gallery's numbers and everything that is computed from them."""
    narrow = rows.dtype != np.float64 and magnitude < _FLOAT32_SAFE
    return np.float32 if narrow else np.float64


def _rounding(element: Any, dims: int) -> float:
    """What a kernel's sums may lose of the sum of magnitudes; those of `Summary` included."""
    lanes = lane_count(8 * np.dtype(element).itemsize)
    additions = min(dims, DEPTH // np.dtype(element).itemsize) // lanes + lanes + 3
    loss: float = additions * float(np.finfo(element).eps) + dims * 2.0**-50
    return loss


def _task(work: int, dims: int, batch: Batch) -> int:
    return max(64, work // (dims * len(batch)) // 64 * 64)


class MinimumFilter:
    """Sums of minima over the rows themselves, for measures of differences.

    |u − v| = u + v − 2 min(u, v), whatever the signs, and a minimum is computed without error.
    """

    def __init__(
        self, rows: NDArray[Any], metric: Metric, prepared: Prepared, batch: Batch
    ) -> None:
        self._rows, self._metric, self._summary = rows, metric, prepared.summary
        dims, of = rows.shape[1], batch.summary
        self.task = _task(_WORK, dims, batch)
        self._element = _element(rows, dims * (self._summary.peak + of.peak))
        # The bound of 2 Σmin is in terms of Σ|u| + Σ|v|.
        self._loss = 2 * _rounding(self._element, dims)
        self._signed = _is_signed(metric, prepared, batch)
        values = batch.exact.astype(self._element)
        # Rounding the query to `values` moves Σmin by as much as it loses, and 2 Σmin twice.
        missed = 2 * np.abs(batch.exact - values).sum(axis=1) + self._loss * of.masses
        if metric.name == "manhattan":
            size, self._size = np.ones(len(batch)), (0.0, 0.0)
        elif self._signed:
            size, self._size = missed - of.sums, (1.0, self._loss)
            values = np.concatenate([values, -values])
        else:
            size, self._size = of.sums, (1.0, 0.0)
        self._queries = Queries(values, batch.exact, batch.unit, of.sums - missed, size)

    def scan(self, first: int, last: int, allowed: Allowed, best: Best) -> None:
        """See `Filter`."""
        places = _Places(first, last, allowed)
        if not places.count:
            return
        terms = places.terms(
            self._summary.sums[places.rows],
            self._summary.masses[places.rows],
            (-2.0, 0.0),
            (1.0, -self._loss),
            self._size,
        )
        scan_minima(
            self._metric.code,
            located(self._rows),
            self._rows.dtype.type,
            self._element,
            self._queries,
            terms,
            best,
        )


class ProductFilter:
    """Sums of products over the rows themselves, for the Euclidean distance and the cosine.

    ‖u − v‖² = ‖u‖² + ‖v‖² − 2 u·v. It cancels for near-duplicates, but only as a bound.
    """

    def __init__(
        self, rows: NDArray[Any], metric: Metric, prepared: Prepared, batch: Batch
    ) -> None:
        self._rows, self._metric, self._summary = rows, metric, prepared.summary
        dims, of = rows.shape[1], batch.summary
        self.task = _task(_WORK, dims, batch)
        peak = max(1.0, of.peak)
        self._element = _element(rows, dims * max(1.0, self._summary.peak) * peak)
        self._loss = _rounding(self._element, dims)
        self._tiny = 4 * dims * float(np.finfo(self._element).tiny)  # what underflow may take
        values = batch.exact.astype(self._element)
        missed = np.sqrt(np.square(batch.exact - values).sum(axis=1))
        if metric.name == "cosine":
            # A zero vector is at 0 from another one and at 1 from the rest: always computed.
            low = np.where(batch.unit == 0, -np.inf, 1 - self._loss - 2 * missed)
        else:
            farthest = float(self._summary.norms.max(initial=0.0))
            low = (1 - self._loss) * np.square(of.norms) - 3 * missed * farthest - self._tiny
        self._queries = Queries(values, batch.exact, batch.unit, low, np.ones(len(batch)))

    def scan(self, first: int, last: int, allowed: Allowed, best: Best) -> None:
        """See `Filter`."""
        places = _Places(first, last, allowed)
        if not places.count:
            return
        norms = self._summary.norms[places.rows]
        if self._metric.name == "cosine":
            unit = reciprocals(norms)
            terms = places.terms(unit, unit, (0.0, -1.0), (0.0, -self._tiny), (0.0, 0.0))
        else:
            squares = np.square(norms)
            terms = places.terms(squares, squares, (-2.0, 0.0), (1 - self._loss, 0.0), (0.0, 0.0))
        scan_products(
            self._metric.code,
            located(self._rows),
            self._rows.dtype.type,
            self._element,
            self._queries,
            terms,
            best,
        )


class CodeFilter:
    """Sums of absolute differences over the codes, for measures of differences.

    The distance of two rows differs from that of their codes by no more than both lose in coding.

    Args:
        allowance: how many rows may be refined for a query in one thread before it is given up.
    """

    def __init__(
        self,
        rows: NDArray[Any],
        metric: Metric,
        prepared: Prepared,
        batch: Batch,
        allowance: int,
    ) -> None:
        assert prepared.codes is not None
        self._rows, self._metric, self._codes = rows, metric, prepared.codes
        self._summary = prepared.summary
        self._allowance = allowance
        dims = rows.shape[1]
        self.task = _task(4 * _WORK, dims, batch)
        self._signed = _is_signed(metric, prepared, batch)
        grid = self._codes.grid
        width = GROUP * self._codes.packed.shape[1]
        codes, lost = grid.encode(batch.exact[:, :dims])
        values = np.zeros((len(batch) * (1 + self._signed), width), np.uint8)
        values[: len(batch), :dims] = codes
        if metric.name == "manhattan":
            size, self._size = np.ones(len(batch)), (0.0, 0.0)
        elif self._signed:
            values[len(batch) :, :dims], size = grid.encode(-batch.exact[:, :dims])
            self._size = (1.0, 0.0)
        else:
            size, self._size = batch.summary.sums, (0.0, 1.0)
        self._queries = Queries(values, batch.exact, batch.unit, -lost, size)

    def scan(self, first: int, last: int, allowed: Allowed, best: Best) -> None:
        """See `Filter`."""
        places = _Places(first, last, allowed, grouped=True)
        if not places.count:
            return
        terms = places.terms(
            self._codes.errors[places.rows],
            self._summary.sums[places.rows],
            (self._codes.grid.step, 0.0),
            (-1.0, 0.0),
            self._size,
        )
        scan_codes(
            self._metric.code,
            located(self._rows),
            self._rows.dtype.type,
            self._codes.packed.ctypes.data,
            self._queries,
            terms,
            best,
            self._allowance,
        )
