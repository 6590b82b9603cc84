"""What the distances should be: scipy in float64, with our values where scipy has none."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

NAMES = {"manhattan": "cityblock"}
METRICS = ("euclidean", "cosine", "manhattan", "braycurtis")


def distances(x, y, metric):
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    with np.errstate(all="ignore"):
        expected = cdist(x, y, NAMES.get(metric, metric))
    zero = ~x.any(axis=1)[:, None], ~y.any(axis=1)[None]
    if metric == "cosine":
        # scipy computes 1 − cos, which cancels: half the squared chord does not.
        norms = [np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y)]
        units = [a / np.where(n, n, 1) for a, n in zip((x, y), norms, strict=True)]
        expected = 0.5 * cdist(*units, "sqeuclidean")
        expected[zero[0] | zero[1]] = 1.0
    expected[zero[0] & zero[1]] = 0.0
    return expected


def ranking(matrix, k, mask=None):
    """Indices and distances of the k nearest, ties by the lower index."""
    allowed = np.arange(matrix.shape[1]) if mask is None else np.flatnonzero(mask)
    order = np.argsort(matrix[:, allowed], axis=1, kind="stable")[:, :k]
    return allowed[order], np.take_along_axis(matrix[:, allowed], order, axis=1)
