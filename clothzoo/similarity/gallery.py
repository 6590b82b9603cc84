"""Exact nearest neighbours: a gallery that is prepared once and searched often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clothzoo.errors import InvalidInput
from clothzoo.similarity import plain
from clothzoo.similarity.metrics import find_metric
from clothzoo.similarity.prepared import Prepared, prepare
from clothzoo.similarity.threads import thread_count
from clothzoo.similarity.vectors import (
    Batch,
    Floats,
    Integers,
    as_batch,
    as_rows,
    in_memory,
    units,
)

if TYPE_CHECKING:
    from clothzoo.similarity.scanner import Scanner

BYTE_BUDGET = 1 << 25  # for the queries that are searched together, and as much for their hits
_TOGETHER = 128  # queries at most: more would not fit the cache beside the rows
_CODES_FROM = (512, 32)  # rows and dims from which codes are tried
_ONE_SHOT = 1000  # queries for which `nearest` makes codes


class Gallery:
    """Rows to be searched by a distance, exactly.

    The answer is always that of the distances in float64, sorted, equal distances by the lower
    index. A gallery does not change and may be searched from several threads at once.

    Args:
        array: (rows, dims) of float16, float32, float64 or uint8 (other real numbers become
            float64). It is not copied if its rows are contiguous, so leave it as it is. A
            memory-mapped array stays on disk.
        metric: "braycurtis", "cosine", "euclidean" or "manhattan".
        codes: whether to keep the rows in bytes too, for a first, faster look; they take
            `rows × dims` bytes. None: where it pays, and not for a memory-mapped array, whose
            codes would not be on disk. Cosine and Euclidean distance have none.
        prepared: the state of an earlier gallery of the same array, in place of preparing it.
        threads: how many threads prepare it; None: NUMBA_NUM_THREADS.

    Raises:
        InvalidInput: an unknown metric, an array that is no 2-D array of finite real numbers, or a
            prepared state of another array or metric.

    Example:
        >>> gallery = Gallery([[0.0, 1.0], [1.0, 1.0], [3.0, 0.0]], metric="manhattan")
        >>> indices, distances = gallery.search([1.0, 0.0], k=2)
        >>> indices.tolist(), distances.tolist()
        ([[1, 0]], [[1.0, 2.0]])
    """

    def __init__(
        self,
        array: ArrayLike,
        metric: str = "braycurtis",
        *,
        codes: bool | None = None,
        prepared: Prepared | None = None,
        threads: int | None = None,
    ) -> None:
        self.metric = find_metric(metric).name
        self._metric = find_metric(metric)
        self._rows = as_rows(array, "the gallery")
        if prepared is not None:
            if (prepared.metric, prepared.shape) != (metric, self._rows.shape):
                raise InvalidInput(
                    f"the prepared state is of a {prepared.metric} gallery of shape "
                    f"{prepared.shape}, this one is {metric} of shape {self._rows.shape}"
                )
            self.prepared = prepared
            return
        on_trial = codes is None and in_memory(self._rows)
        wanted = bool(codes) or (
            on_trial and all(n >= m for n, m in zip(self._rows.shape, _CODES_FROM, strict=True))
        )
        self.prepared = prepare(self._rows, metric, wanted, thread_count(threads))
        if on_trial and self.prepared.codes is not None and not self._scanner().codes_pay():
            self.prepared = Prepared(
                self.prepared.metric, self.prepared.shape, self.prepared.summary, None
            )

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def dims(self) -> int:
        """The length of a row."""
        return int(self._rows.shape[1])

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        mask: ArrayLike | None = None,
        threads: int | None = None,
    ) -> tuple[Integers, Floats]:
        """The nearest rows of each query.

        Args:
            queries: (dims,) or (queries, dims), of any real dtype.
            k: how many rows to find.
            mask: bool (rows,); only rows where it is True can be found.
            threads: how many threads search; None: NUMBA_NUM_THREADS, which is by default the
                number of processors.

        Returns:
            Indices, int64 (queries, k'), and distances, float64 (queries, k'), nearest first,
            equal distances by the lower index; k' is k, or the number of rows that can be found
            if there are fewer.

        Raises:
            InvalidInput: queries or mask of a wrong shape or dtype, a query with NaN or infinity
                (its row is named), or k below 1.
        """
        given = np.asarray(queries)
        rows = as_rows(given[None] if given.ndim == 1 else given, "queries", self.dims)
        allowed = None if mask is None else self._checked(mask)
        if k < 1:
            raise InvalidInput(f"k={k}: at least one neighbour must be asked for")
        k = min(k, len(self) if allowed is None else int(np.count_nonzero(allowed)))
        workers = thread_count(threads)
        indices = np.empty((len(rows), k), np.int64)
        distances = np.empty((len(rows), k))
        if k:
            together = min(
                _TOGETHER, BYTE_BUDGET // (8 * self.dims), BYTE_BUDGET // (16 * k * workers)
            )
            for start in range(0, len(rows), max(1, together)):
                some = slice(start, start + max(1, together))
                batch = as_batch(rows[some], self._metric, start)
                indices[some], distances[some] = self._nearest(batch, k, allowed, workers)
        return indices, distances

    def _checked(self, mask: ArrayLike) -> NDArray[np.bool_]:
        allowed = np.asarray(mask)
        if allowed.dtype != bool or allowed.shape != (len(self),):
            raise InvalidInput(
                f"the mask is {allowed.dtype} of shape {allowed.shape}; "
                f"bool of shape ({len(self)},) is needed"
            )
        return allowed

    def _nearest(
        self, batch: Batch, k: int, allowed: NDArray[np.bool_] | None, workers: int
    ) -> tuple[Integers, Floats]:
        if plain.ALLOWANCE.covers(self._rows.size * len(batch)):
            return self._nearest_of_all(batch, k, allowed)
        return self._scanner().nearest(batch, k, allowed, workers)

    def _nearest_of_all(
        self, batch: Batch, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[Integers, Floats]:
        numbers = np.arange(len(self)) if allowed is None else np.flatnonzero(allowed)
        rows = self._rows if allowed is None else self._rows[numbers]
        unit = units(self._metric, self.prepared.summary, len(self))[numbers]
        distances = plain.matrix(self._metric, rows, unit, batch)
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return numbers[order], np.take_along_axis(distances, order, 1)

    def _scanner(self) -> Scanner:
        from clothzoo.similarity.scanner import Scanner  # which loads the compiler

        return Scanner(self._rows, self._metric, self.prepared)


def nearest(
    queries: ArrayLike,
    gallery: ArrayLike,
    k: int = 10,
    metric: str = "braycurtis",
    *,
    mask: ArrayLike | None = None,
    threads: int | None = None,
) -> tuple[Integers, Floats]:
    """The nearest rows of each query, in one call: `Gallery(gallery, metric).search(queries, k)`.

    Args:
        queries: (dims,) or (queries, dims).
        gallery: (rows, dims).
        k: how many rows to find.
        metric: "braycurtis", "cosine", "euclidean" or "manhattan".
        mask: bool (rows,); only rows where it is True can be found.
        threads: how many threads to use; None: NUMBA_NUM_THREADS.

    Returns:
        Indices, int64 (queries, k'), and distances, float64 (queries, k'); see `Gallery.search`.

    Raises:
        InvalidInput: see `Gallery` and `Gallery.search`.

    Example:
        >>> indices, distances = nearest([1.0, 0.0], [[0.0, 1.0], [1.0, 1.0]], k=1)
        >>> indices.tolist(), distances.tolist()
        ([[1]], [[0.3333333333333333]])
    """
    many = np.ndim(queries) > 1 and len(np.asarray(queries)) >= _ONE_SHOT
    prepared = Gallery(gallery, metric, codes=None if many else False, threads=threads)
    return prepared.search(queries, k, mask, threads)
