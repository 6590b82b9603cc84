"""A catalogue on a map: what looks alike lies together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.optional import require
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.similarity import pairwise_distances

FEWEST = 5


@dataclass(frozen=True, eq=False)
class CatalogueMap:
    """Places of a catalogue's items on a map.

    Args:
        ids: of the items.
        places: float32 (N, 2), from 0 to 1 along the map's longer side; only what lies near what
            means something, not the axes.
        method: what made the map.
        total: how many items the catalogue has.
    """

    ids: tuple[str, ...]
    places: NDArray[np.float32]
    method: str
    total: int


def catalogue_map(
    engine: RetrievalEngine, *, method: str = "tsne", limit: int = 2000, seed: int = 0
) -> CatalogueMap:
    """Lay the items of a catalogue out so that what looks alike lies together.

    Alike means what it means in a search: the engine's measure between its descriptors.

    Args:
        engine: whose catalogue.
        method: "tsne" or "umap".
        limit: so many items at most, drawn at random from a larger catalogue.
        seed: of the drawing and the map. On one machine the same seed gives the same map.

    Returns:
        The map; `catalogue_figure` draws it with thumbnails.

    Raises:
        InvalidInput: the catalogue has fewer than five items, or there is no such method.
        ExtraMissing: scikit-learn, or for "umap" umap-learn, is not installed.

    Reference:
        van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008,
        https://www.jmlr.org/papers/v9/vandermaaten08a.html; McInnes et al., "UMAP", 2018,
        https://arxiv.org/abs/1802.03426.
    """
    if method not in _METHODS:
        raise InvalidInput(f"no method {method!r}{did_you_mean(str(method), _METHODS)}")
    if len(engine) < FEWEST or limit < FEWEST:
        raise InvalidInput(
            f"a map needs {FEWEST} or more items; the catalogue has {len(engine):,}, and the "
            f"limit is {limit:,}"
        )
    place = _METHODS[method]
    ids, vectors = _sample(engine, limit, seed)
    distances = pairwise_distances(vectors, metric=engine.metric)
    finite = np.isfinite(distances)
    distances[~finite] = distances[finite].max()
    places = place(distances, seed)
    places = places - places.min(axis=0)
    span = places.max()
    return CatalogueMap(
        tuple(ids),
        np.asarray(places / (span if span > 0 else 1), np.float32),
        method,
        len(engine),
    )


def _sample(
    engine: RetrievalEngine, limit: int, seed: int
) -> tuple[list[str], NDArray[np.float32]]:
    total = len(engine)
    chosen = np.arange(total)
    if total > limit:
        chosen = np.sort(np.random.default_rng(seed).choice(total, limit, replace=False))
    ids: list[str] = []
    parts, start = [], 0
    for batch in engine.index.batches():
        end = start + len(batch.ids)
        rows = chosen[(start <= chosen) & (chosen < end)] - start
        ids += [batch.ids[row] for row in rows]
        parts.append(batch.vectors[rows])
        start = end
    return ids, np.concatenate(parts)


def _tsne(distances: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    manifold = require("sklearn.manifold", "explain")
    made = manifold.TSNE(
        metric="precomputed",
        init="random",  # what starts from principal components needs the vectors
        perplexity=min(30.0, (len(distances) - 1) / 3),
        random_state=seed,
    ).fit_transform(distances)
    return np.asarray(made, np.float64)


def _umap(distances: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    made = (
        require("umap", "umap")
        .UMAP(
            metric="precomputed",
            n_neighbors=min(15, len(distances) - 1),
            init="random",
            random_state=seed,
            n_jobs=1,  # what the seed asks for in any case
        )
        .fit_transform(distances)
    )
    return np.asarray(made, np.float64)


_METHODS: dict[str, Callable[[NDArray[np.float64], int], NDArray[np.float64]]] = {
    "tsne": _tsne,
    "umap": _umap,
}
