"""How well a search finds what is alike: figures over rankings, with intervals.

What counts as alike is the caller's: records with the same value of one label or of several. A
record is never its own hit, nor is another picture of the same content, and on demand none of the
same group: other photos by the same person, other views of the same garment.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.record import Record
from clothzoo.errors import InvalidInput
from clothzoo.retrieval.content import mark
from clothzoo.similarity import pairwise_distances

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MEASURES = ("P@k", "R@k", "recall@k", "mAP", "mAP@R", "nDCG@k")
"""What is measured of each query.

P@k: part of the first k hits that are alike. R@k: 1 where one of the first k is, as metric
learning counts it. recall@k: part of all that are alike that is among the first k. mAP: mean of
the precisions at the place of each that is alike. mAP@R: the same over the first R places, R
being how many are alike. nDCG@k: gains of the first k, each discounted by its place, of what
would be the best.
"""

_BLOCK = 256  # queries that are ranked together


@dataclass(frozen=True)
class Relevance:
    """What is alike among N records, and what may not be a hit.

    Args:
        kinds: int (N,), equal where alike; −1 where it is not known, which is no query and no
            hit.
        contents: int (N,), equal where the content is the same.
        groups: int (N,), by which intervals are drawn.
        other_groups: whether only hits of another group count.
    """

    kinds: Ints
    contents: Ints
    groups: Ints
    other_groups: bool = False

    @classmethod
    def of(
        cls,
        records: Sequence[Record],
        labels: Sequence[str],
        *,
        other_groups: bool = False,
    ) -> Relevance:
        """Alike are records with equal values of every label.

        Args:
            records: labelled pictures.
            labels: names of labels, e.g. ["category", "kids"].
            other_groups: leave out hits of the query's own group.

        Raises:
            InvalidInput: no record has one of the labels; or `other_groups`, and a record has no
                group.
            UnreadablePhoto: a file cannot be opened.
        """
        if not labels:
            raise InvalidInput("name at least one label by which photos are alike")
        for label in labels:
            if all(record.labels.get(label) is None for record in records):
                known = sorted({name for record in records for name in record.labels})
                raise InvalidInput(
                    f"no record has a label {label!r}; there are: {', '.join(known) or 'none'}"
                )
        if other_groups and any(record.group is None for record in records):
            lone = next(record.id for record in records if record.group is None)
            raise InvalidInput(
                f"record {lone!r} has no group, so that hits of other groups cannot be told"
            )
        values = [tuple(record.labels.get(label) for label in labels) for record in records]
        with ThreadPoolExecutor() as pool:
            contents = list(pool.map(lambda record: mark(record.image), records))
        return cls(
            _numbered([None if None in value else value for value in values]),
            _numbered(contents),
            _numbered([record.id if record.group is None else record.group for record in records]),
            other_groups,
        )

    def __len__(self) -> int:
        return len(self.kinds)

    def take(self, rows: NDArray[Any]) -> Relevance:
        """That of some of the records."""
        return Relevance(
            self.kinds[rows], self.contents[rows], self.groups[rows], self.other_groups
        )

    def allowed(self, queries: Ints) -> Bools:
        """Which records may be hits, (Q, N), for the queries of these rows."""
        allowed = self.contents[queries, None] != self.contents
        allowed &= self.kinds >= 0
        allowed[np.arange(len(queries)), queries] = False
        if self.other_groups:
            allowed &= self.groups[queries, None] != self.groups
        return np.asarray(allowed)


@dataclass(frozen=True)
class Judged:
    """The figures of every query.

    Args:
        k: how many hits P@k, R@k, recall@k and nDCG@k look at.
        values: {measure: float64 (Q,)}.
        queries: rows of the records that were queries: those that have something alike.
        groups: int (Q,), by which intervals are drawn.
        n: number of records that could be hits.
    """

    k: int
    values: Mapping[str, Floats]
    queries: Ints = field(repr=False)
    groups: Ints = field(repr=False)
    n: int = 0

    def __getitem__(self, measure: str) -> float:
        """The mean of a measure over the queries."""
        return float(np.mean(self.values[measure]))

    def interval(self, measure: str, *, rounds: int = 2000, seed: int = 0) -> tuple[float, float]:
        """A 95 % interval of the mean, by bootstrap over groups."""
        return bootstrap(self.values[measure], self.groups, rounds=rounds, seed=seed)

    def ahead_of(
        self, other: Judged, measure: str, *, rounds: int = 2000, seed: int = 0
    ) -> tuple[float, float, float]:
        """How far this is ahead of another search of the same queries, query by query.

        Returns:
            The mean difference, and its 95 % interval by bootstrap over groups.

        Raises:
            InvalidInput: the queries are not the same.
        """
        self._check_same(other)
        difference = self.values[measure] - other.values[measure]
        low, high = bootstrap(difference, self.groups, rounds=rounds, seed=seed)
        return float(difference.mean()), low, high

    def ratio_to(
        self, other: Judged, measure: str, *, rounds: int = 2000, seed: int = 0
    ) -> tuple[float, float, float]:
        """The ratio of a measure to that of another search of the same queries.

        Returns:
            The ratio of the means, and its 95 % interval by bootstrap over groups.

        Raises:
            InvalidInput: the queries are not the same.
        """
        self._check_same(other)
        mine, others = self.values[measure], other.values[measure]
        sums = _resampled(np.stack([mine, others], axis=1), self.groups, rounds, seed)
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = np.nanpercentile(sums[:, 0] / sums[:, 1], (2.5, 97.5))
            ratio = float(np.float64(mine.sum()) / others.sum())
        return ratio, float(low), float(high)

    def _check_same(self, other: Judged) -> None:
        if self.k != other.k or not np.array_equal(self.queries, other.queries):
            raise InvalidInput(
                f"only searches of the same queries can be compared, and these have "
                f"{len(self.queries):,} at k={self.k} and {len(other.queries):,} at k={other.k}"
            )


def judge(vectors: NDArray[Any], relevance: Relevance, metric: str, *, k: int = 10) -> Judged:
    """Rank every record for every record, and measure the rankings.

    Args:
        vectors: real numbers (N, D), the descriptors of the records.
        relevance: what is alike among them.
        metric: a name from `clothzoo.similarity.METRICS`.
        k: how many hits are looked at.

    Returns:
        The figures. Records that have nothing alike are no queries.

    Raises:
        InvalidInput: the numbers of vectors and records differ, k is below 1, or no record has
            anything alike.
    """
    if len(vectors) != len(relevance):
        raise InvalidInput(f"{len(vectors):,} vectors were given for {len(relevance):,} records")

    def distances(queries: Ints) -> Floats:
        return pairwise_distances(vectors[queries], vectors, metric=metric)

    return judge_distances(distances, relevance, k=k)


def judge_distances(
    distances: Callable[[Ints], NDArray[Any]], relevance: Relevance, *, k: int = 10
) -> Judged:
    """Measure the rankings of any search.

    Args:
        distances: rows of queries, int (Q,) → their distances from all records, (Q, N); of equal
            ones the record that comes first is nearer.
        relevance: what is alike.
        k: how many hits are looked at.

    Raises:
        InvalidInput: k is below 1, or no record has anything alike.
    """
    if k < 1:
        raise InvalidInput(f"k={k}: at least one hit must be looked at")
    known = np.flatnonzero(relevance.kinds >= 0)
    parts: list[Mapping[str, Floats]] = []
    queries: list[Ints] = []
    for start in range(0, len(known), _BLOCK):
        rows = known[start : start + _BLOCK]
        allowed = relevance.allowed(rows)
        alike = allowed & (relevance.kinds[rows, None] == relevance.kinds)
        asks = alike.any(axis=1)
        if not asks.any():
            continue
        rows, allowed, alike = rows[asks], allowed[asks], alike[asks]
        far = np.where(allowed, distances(rows), np.inf)
        order = np.argsort(far, axis=1, kind="stable")
        parts.append(_measured(np.take_along_axis(alike, order, axis=1), k))
        queries.append(rows)
    if not queries:
        raise InvalidInput("no record has another one that is alike; there is nothing to find")
    values = {name: np.concatenate([part[name] for part in parts]) for name in MEASURES}
    rows = np.concatenate(queries)
    return Judged(k, values, rows, relevance.groups[rows], len(known))


def _measured(alike: Bools, k: int) -> dict[str, Floats]:
    """Each measure of Q rankings.

    Args:
        alike: (Q, N), whether the hit at each place is alike; at least one in every row.
        k: how many hits are looked at.
    """
    count = alike.sum(axis=1)
    place = np.arange(1, alike.shape[1] + 1)
    precision = np.cumsum(alike, axis=1) / place
    first = alike[:, :k]
    gains = first / np.log2(place[:k] + 1)
    best = np.cumsum(1 / np.log2(place[:k] + 1))
    within = place <= count[:, None]
    return {
        "P@k": first.sum(axis=1) / k,
        "R@k": first.any(axis=1).astype(np.float64),
        "recall@k": first.sum(axis=1) / count,
        "mAP": (precision * alike).sum(axis=1) / count,
        "mAP@R": (precision * (alike & within)).sum(axis=1) / count,
        "nDCG@k": gains.sum(axis=1) / best[np.minimum(count, len(best)) - 1],
    }


def bootstrap(
    values: Floats, groups: Ints, *, rounds: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """A 95 % interval of a mean, whole groups drawn with replacement.

    Args:
        values: (Q,), one for each query.
        groups: int (Q,), e.g. the sender of each query's photo.
        rounds: number of draws.
        seed: of the draws.

    Returns:
        (low, high), percentiles 2.5 and 97.5.
    """
    sums = _resampled(np.stack([values, np.ones_like(values)], axis=1), groups, rounds, seed)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], (2.5, 97.5))
    return float(low), float(high)


def _resampled(columns: Floats, groups: Ints, rounds: int, seed: int) -> Floats:
    """Sums of columns (Q, C) over groups drawn with replacement, (rounds, C)."""
    names, member = np.unique(groups, return_inverse=True)
    per_group = np.zeros((len(names), columns.shape[1]))
    np.add.at(per_group, member, columns)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
    return np.asarray(drawn @ per_group)


def _numbered(values: Sequence[Hashable]) -> Ints:
    """Equal values as equal numbers, in the order in which they come; None is −1."""
    numbers: dict[Hashable, int] = {None: -1}
    for value in values:
        numbers.setdefault(value, len(numbers) - 1)
    return np.array([numbers[value] for value in values], np.int64)
