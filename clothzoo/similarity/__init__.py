"""Distances and exact nearest neighbours, with NumPy and Numba alone.

`pairwise_distances` and its four short forms give matrices as scikit-learn does, `Gallery` and
`nearest` find neighbours. Everything is computed in float64 in the end: what a search returns is
what a matrix of distances, sorted, would say.
"""

from __future__ import annotations

from clothzoo.similarity.gallery import Gallery, nearest
from clothzoo.similarity.metrics import METRICS, Metric
from clothzoo.similarity.pairwise import (
    braycurtis,
    braycurtis_distances,
    cosine,
    cosine_distances,
    euclidean,
    euclidean_distances,
    manhattan,
    manhattan_distances,
    pairwise_distances,
)
from clothzoo.similarity.prepared import Prepared

__all__ = [
    "METRICS",
    "Gallery",
    "Metric",
    "Prepared",
    "braycurtis",
    "braycurtis_distances",
    "cosine",
    "cosine_distances",
    "euclidean",
    "euclidean_distances",
    "manhattan",
    "manhattan_distances",
    "nearest",
    "pairwise_distances",
]
