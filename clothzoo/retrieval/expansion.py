"""Query expansion: search again with the mean of the query and what it found first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput

_BOUNDED = ("braycurtis", "cosine")


@dataclass(frozen=True)
class Expansion:
    """αQE: the nearest hits join the query, each by its closeness to the power α.

    It finds more of what the first hits have in common, and strays where they are wrong.

    Args:
        hits: how many of the nearest join.
        alpha: 0 counts them all as much as the query, a high one only those that are very near.

    Raises:
        InvalidInput: a number is out of range.

    Reference:
        Radenović, Tolias, Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation",
        2018, https://arxiv.org/abs/1711.02512, section 3.5.
    """

    hits: int = 5
    alpha: float = 3.0

    def __post_init__(self) -> None:
        if self.hits < 1 or not 0 <= self.alpha < float("inf"):
            raise InvalidInput(
                "query expansion needs hits ≥ 1 and a finite alpha ≥ 0, "
                f"not {self.hits!r} and {self.alpha!r}"
            )

    def check_metric(self, metric: str) -> None:
        """Refuse a measure whose distances do not say how near is near.

        Raises:
            InvalidInput: it is not a distance from 0 to 1.
        """
        if metric not in _BOUNDED:
            raise InvalidInput(
                f"query expansion weighs hits by 1 − distance, which means nothing under {metric}; "
                f"use a catalogue with {' or '.join(_BOUNDED)}"
            )

    def expanded(
        self, query: NDArray[Any], neighbours: NDArray[Any], distances: NDArray[Any]
    ) -> NDArray[np.float32]:
        """The query to search with a second time.

        Args:
            query: (D,).
            neighbours: (n, D), the vectors of the nearest hits.
            distances: (n,), theirs from the query.

        Returns:
            float32 (D,), the weighted mean.

        Example:
            >>> one, other = np.array([1.0, 0.0]), np.array([[0.0, 1.0]])
            >>> Expansion(alpha=1).expanded(one, other, np.array([0.5])).round(2).tolist()
            [0.6700000166893005, 0.33000001311302185]
        """
        closeness = np.clip(1 - np.asarray(distances, np.float64), 0, 1) ** self.alpha
        total = query + closeness @ np.asarray(neighbours, np.float64).reshape(-1, len(query))
        return np.asarray(total / (1 + closeness.sum()), np.float32)
