"""Bags of visual words over SURF and SIFT, tuned on the pictures to choose by."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from clothzoo.datasets.record import Record
from clothzoo.retrieval.classics import VisualWords
from clothzoo.retrieval.classics.points import SAMPLING, find_points
from clothzoo.retrieval.evaluation import Relevance, judge_distances
from clothzoo.similarity import pairwise_distances

# How bags are scaled, and the measure that goes with it.
_SCALED = (("l1", "braycurtis"), ("hellinger", "cosine"), ("l2", "cosine"))


class Setting(NamedTuple):
    """One way to make and compare bags, and how good it is where it is chosen.

    Args:
        score: P@10, a mean over the meanings of alike.
        sampling: of the local features.
        words: how many.
        pyramid: its levels.
        normalisation: of the bags.
        metric: that compares them.
    """

    score: float
    sampling: str
    words: int
    pyramid: int
    normalisation: str
    metric: str

    def learn(self, kind: str, records: Sequence[Record]) -> VisualWords:
        """The words of these pictures."""
        words = VisualWords(
            kind, self.sampling, words=self.words, pyramid=self.pyramid,
            normalisation=self.normalisation,
        )  # fmt: skip
        return words.fit([record.image for record in records])


def settings(
    kind: str, records: Sequence[Record], meanings: Sequence[Relevance], sizes: Sequence[int]
) -> Iterator[Setting]:
    """Try sampling × words × pyramid × scaling on the pictures to choose by."""
    for sampling in SAMPLING:
        side = VisualWords().side
        points = [find_points(record.image, kind, sampling, side) for record in records]
        for size in sizes:
            bags = VisualWords(kind, sampling, words=size).fit(points)
            for bags.pyramid, (bags.normalisation, metric) in itertools.product((1, 2, 3), _SCALED):
                distances = pairwise_distances(bags.describe(points), metric=metric)
                found = [judge_distances(lambda rows, d=distances: d[rows], m) for m in meanings]
                score = float(np.mean([judged["P@k"] for judged in found]))
                yield Setting(score, sampling, size, bags.pyramid, bags.normalisation, metric)
