"""Distances of all pairs, and of one, after scikit-learn's conventions: `f(X, Y=None)`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from clothzoo.errors import InvalidInput
from clothzoo.similarity import plain
from clothzoo.similarity.metrics import find_metric
from clothzoo.similarity.threads import share_out, thread_count
from clothzoo.similarity.vectors import Floats, as_batch, as_rows, summarise, units

_BYTE_BUDGET = 1 << 22  # for the rows of X that one thread holds in float64


def pairwise_distances(
    X: ArrayLike, Y: ArrayLike | None = None, *, metric: str, threads: int | None = None
) -> Floats:
    """The distance of every row of X from every row of Y, computed in float64.

    Args:
        X: (n, dims) of any real dtype.
        Y: (m, dims); None: X itself.
        metric: "braycurtis", "cosine", "euclidean" or "manhattan".
        threads: how many threads to use; None: NUMBA_NUM_THREADS.

    Returns:
        float64 (n, m). Equal rows are at exactly 0. Bray-Curtis of two zero vectors is 0, and
        infinite for u = −v; the cosine distance of a zero vector is 1, and 0 from another one.

    Raises:
        InvalidInput: an unknown metric, arrays that do not fit, or a row with NaN or infinity.

    Example:
        >>> pairwise_distances([[1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]], metric="manhattan").tolist()
        [[2.0, 0.0]]
    """
    measure = find_metric(metric)
    x = as_rows(X, "X")
    y = x if Y is None else as_rows(Y, "Y", x.shape[1])
    workers = thread_count(threads)
    summary = summarise(y, measure, "X" if Y is None else "Y", workers)
    unit = units(measure, summary, len(y))
    result = np.empty((len(x), len(y)))
    matrix = plain.matrix
    if not plain.ALLOWANCE.covers(len(x) * y.size):
        from clothzoo.similarity.exact import matrix

    def fill(blocks: Iterator[slice]) -> None:
        for block in blocks:
            batch = as_batch(x[block], measure, block.start, "X")
            result[block] = matrix(measure, y, unit, batch)

    step = max(1, min(_BYTE_BUDGET // (8 * x.shape[1]), -(-len(x) // workers)))
    share_out([slice(s, min(s + step, len(x))) for s in range(0, len(x), step)], fill, workers)
    return result


def euclidean_distances(X: ArrayLike, Y: ArrayLike | None = None) -> Floats:
    """√Σ(u − v)² of every row u of X and v of Y; see `pairwise_distances`."""
    return pairwise_distances(X, Y, metric="euclidean")


def cosine_distances(X: ArrayLike, Y: ArrayLike | None = None) -> Floats:
    """1 − u·v / (‖u‖‖v‖) of every row u of X and v of Y; see `pairwise_distances`."""
    return pairwise_distances(X, Y, metric="cosine")


def manhattan_distances(X: ArrayLike, Y: ArrayLike | None = None) -> Floats:
    """Σ|u − v| of every row u of X and v of Y; see `pairwise_distances`."""
    return pairwise_distances(X, Y, metric="manhattan")


def braycurtis_distances(X: ArrayLike, Y: ArrayLike | None = None) -> Floats:
    """Σ|u − v| / Σ|u + v| of every row u of X and v of Y; see `pairwise_distances`.

    Reference: Bray and Curtis, "An Ordination of the Upland Forest Communities of Southern
    Wisconsin", Ecological Monographs 27 (1957).
    """
    return pairwise_distances(X, Y, metric="braycurtis")


def _pair(u: ArrayLike, v: ArrayLike, metric: str) -> float:
    vectors = np.asarray(u), np.asarray(v)
    for name, vector in zip("uv", vectors, strict=True):
        if vector.ndim != 1:
            raise InvalidInput(f"{name} has shape {vector.shape}; a vector is needed")
    first, second = (vector[None] for vector in vectors)
    return float(pairwise_distances(first, second, metric=metric, threads=1)[0, 0])


def euclidean(u: ArrayLike, v: ArrayLike) -> float:
    """√Σ(u − v)² of two vectors.

    Args:
        u: (dims,).
        v: (dims,).

    Returns:
        The distance, computed in float64.

    Raises:
        InvalidInput: not two vectors of one length, or NaN or infinity in them.
    """
    return _pair(u, v, "euclidean")


def cosine(u: ArrayLike, v: ArrayLike) -> float:
    """1 − u·v / (‖u‖‖v‖) of two vectors; 1 for a zero vector, 0 for two. See `euclidean`."""
    return _pair(u, v, "cosine")


def manhattan(u: ArrayLike, v: ArrayLike) -> float:
    """Σ|u − v| of two vectors. See `euclidean`."""
    return _pair(u, v, "manhattan")


def braycurtis(u: ArrayLike, v: ArrayLike) -> float:
    """Σ|u − v| / Σ|u + v| of two vectors; 0 for two zero vectors. See `euclidean`."""
    return _pair(u, v, "braycurtis")
