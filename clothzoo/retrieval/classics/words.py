"""Bags of visual words: how often a photo shows each of some learnt patches, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval.classics.points import EXTRA, Points

NORMALISATION = ("hellinger", "l1", "l2")
"""What is done to a bag: scaled to sum 1, to length 1, or the root taken of the first."""

SAMPLE = 100_000
"""Features that a vocabulary is learnt from, at most; they are drawn evenly from all photos."""

Words = NDArray[np.int32]


def learn_vocabulary(points: Sequence[Points], words: int, seed: int) -> NDArray[np.float32]:
    """Cluster features into words.

    Args:
        points: of every photo.
        words: how many to make.
        seed: of the sample and of the clusters' beginnings.

    Returns:
        float32 (words, d), the clusters' centres.

    Raises:
        InvalidInput: the photos have fewer features than that.
        ExtraMissing: scikit-learn is not installed.
    """
    cluster = require("sklearn.cluster", EXTRA)
    count = sum(len(one.features) for one in points)
    if count < words:
        raise InvalidInput(
            f"{len(points):,} photos have {count:,} local features, too few for "
            f"{words:,} visual words; fit on more photos or set fewer words"
        )
    features = np.concatenate([one.features for one in points])
    if len(features) > SAMPLE:
        chosen = np.random.default_rng(seed).choice(len(features), SAMPLE, replace=False)
        features = features[np.sort(chosen)]
    means = cluster.MiniBatchKMeans(words, batch_size=4096, n_init=1, random_state=seed)
    return np.asarray(means.fit(features).cluster_centers_, np.float32)


def find_words(features: NDArray[np.float32], vocabulary: NDArray[np.float32]) -> Words:
    """The nearest word of each feature, int32 (n,)."""
    nearness = features @ vocabulary.T
    nearness -= 0.5 * np.einsum("ij,ij->i", vocabulary, vocabulary)
    return np.asarray(nearness.argmax(axis=1), np.int32)


def count_words(
    words: Words, places: NDArray[np.float32], size: int, levels: int
) -> NDArray[np.float32]:
    """Count the words of a photo in the cells of a pyramid.

    Args:
        words: int (n,).
        places: float32 (n, 2), from 0 to 1.
        size: how many words there are.
        levels: of the pyramid: the whole photo, its quarters, its sixteenths and so on.

    Returns:
        float32 (cells × size,), level by level, row by row. A level counts half of
        the next finer one, the finest is 1; only the whole photo counts as much as its quarters.

    Reference:
        Lazebnik, Schmid, Ponce: Beyond Bags of Features. CVPR 2006.
    """
    parts = []
    for level in range(levels):
        side = 2**level
        rows, columns = np.minimum((places * side).astype(int), side - 1).T
        cells = rows * side + columns
        counts = np.bincount(cells * size + words, minlength=side * side * size)
        parts.append(counts * 2.0 ** (max(level, 1) - max(levels - 1, 1)))
    return np.concatenate(parts, dtype=np.float32)


def rarity(bags: NDArray[np.float32]) -> NDArray[np.float32]:
    """How rare each word is: 1 for one that every photo has, more for others.

    Args:
        bags: (photos, words), how often each photo has each word.

    Returns:
        float32 (words,): 1 + ln((1 + photos) / (1 + photos with the word)), as scikit-learn's
        TfidfTransformer has it.
    """
    have = np.count_nonzero(bags, axis=0)
    return np.asarray(1 + np.log((1 + len(bags)) / (1 + have)), np.float32)


def normalised(bags: NDArray[Any], how: str) -> NDArray[np.float32]:
    """Bags in one scale, however many features a photo has; empty ones stay zero.

    Args:
        bags: non-negative, (photos, d).
        how: one of `NORMALISATION`.
    """
    sizes = np.linalg.norm(bags, axis=1, keepdims=True) if how == "l2" else bags.sum(1)[:, None]
    scaled = bags / np.where(sizes > 0, sizes, 1)
    return np.asarray(np.sqrt(scaled) if how == "hellinger" else scaled, np.float32)
