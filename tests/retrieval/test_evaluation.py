from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from clothzoo.datasets.record import Record
from clothzoo.errors import InvalidInput
from clothzoo.retrieval.evaluation import (
    MEASURES,
    Judged,
    Relevance,
    bootstrap,
    judge,
    judge_distances,
)
from clothzoo.similarity import pairwise_distances
from tests.retrieval.colours import picture


def relevance(kinds: list[int], **changed: object) -> Relevance:
    rows = np.arange(len(kinds))
    values = {"kinds": np.array(kinds), "contents": rows, "groups": rows, **changed}
    return Relevance(**values)


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, Relevance, int]:
    count = draw(st.integers(4, 14))
    kinds = draw(st.lists(st.integers(-1, 2), min_size=count, max_size=count))
    kinds[:2] = [0, 0]
    contents = np.array(draw(st.lists(st.integers(2, 9), min_size=count, max_size=count)))
    contents[:2] = 0, 1
    groups = np.array(draw(st.lists(st.integers(2, 5), min_size=count, max_size=count)))
    groups[:2] = 0, 1
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    distances = rng.permuted(np.tile(np.arange(count) / count, (count, 1)), axis=1)
    other = draw(st.booleans())
    judged = relevance(kinds, contents=contents, groups=groups, other_groups=other)
    return distances, judged, draw(st.integers(1, count + 3))


@settings(deadline=None)
@given(searches())
def test_figures_are_those_of_scikit_learn_query_by_query(
    search: tuple[np.ndarray, Relevance, int],
) -> None:
    distances, alike, k = search
    found = judge_distances(lambda rows: distances[rows], alike, k=k)
    for row, query in enumerate(found.queries):
        allowed = [
            other
            for other in range(len(alike))
            if alike.kinds[other] >= 0
            and other != query
            and alike.contents[other] != alike.contents[query]
            and not (alike.other_groups and alike.groups[other] == alike.groups[query])
        ]
        truth = (alike.kinds[allowed] == alike.kinds[query]).astype(int)
        score = -distances[query, allowed]
        values = {name: found.values[name][row] for name in MEASURES}
        assert values["mAP"] == pytest.approx(average_precision_score(truth, score))
        if len(allowed) > 1:
            assert values["nDCG@k"] == pytest.approx(ndcg_score([truth], [score], k=k))
        ranked = truth[np.argsort(-score)]
        total = int(truth.sum())
        assert values["P@k"] == pytest.approx(ranked[:k].sum() / k)
        assert values["recall@k"] == pytest.approx(ranked[:k].sum() / total)
        assert values["R@k"] == float(ranked[:k].any())
        steps = [ranked[: n + 1].mean() for n in range(total) if ranked[n]]
        assert values["mAP@R"] == pytest.approx(sum(steps) / total)


def test_the_query_its_copies_and_the_unlabelled_are_no_hits() -> None:
    distances = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [2, 2, 0, 1], [3, 3, 1, 0]], float)
    alike = relevance([0, 0, 0, -1], contents=np.array([0, 0, 1, 2]))
    found = judge_distances(lambda rows: distances[rows], alike, k=1)
    assert found.queries.tolist() == [0, 1, 2]
    assert found.values["P@k"].tolist() == [1, 1, 1]
    assert found.values["mAP"].tolist() == [1, 1, 1]
    assert found.n == 3


def test_of_equal_distances_the_earlier_record_is_nearer() -> None:
    found = judge_distances(lambda rows: np.ones((len(rows), 4)), relevance([0, 0, 1, 1]), k=1)
    assert found.values["P@k"].tolist() == [1, 1, 0, 0]


def test_alike_are_records_with_equal_values_of_every_label() -> None:
    rows = [("hat", True, "a"), ("hat", True, "b"), ("hat", False, "b"), (None, True, "c")]
    records = [
        Record(picture(10 * n), {"kind": kind, "kids": kids}, str(n), group)
        for n, (kind, kids, group) in enumerate(rows)
    ]
    both = Relevance.of([*records, records[0]], ["kind", "kids"])
    assert both.kinds.tolist() == [0, 0, 1, -1, 0]
    assert both.contents.tolist() == [0, 1, 2, 3, 0]
    assert both.groups.tolist() == [0, 1, 1, 2, 0]
    apart = Relevance.of(records, ["kind"], other_groups=True)
    assert apart.allowed(np.array([1])).tolist() == [[True, False, False, False]]
    assert apart.take(np.array([1, 3])).kinds.tolist() == [0, -1]


def test_a_judgement_is_that_of_the_distances() -> None:
    vectors = np.random.default_rng(0).random((30, 6))
    alike = relevance([n % 3 for n in range(30)])
    exact = pairwise_distances(vectors, metric="braycurtis")
    found = judge(vectors, alike, "braycurtis", k=5)
    expected = judge_distances(lambda rows: exact[rows], alike, k=5)
    for name in MEASURES:
        np.testing.assert_array_equal(found.values[name], expected.values[name])
        assert found[name] == expected.values[name].mean()


def judged(values: list[float], groups: list[int]) -> Judged:
    rows = np.arange(len(values))
    return Judged(10, {"mAP": np.array(values)}, rows, np.array(groups), len(values))


def test_intervals_are_drawn_by_groups() -> None:
    values, groups = np.repeat([0.0, 1.0], 500), np.repeat(np.arange(2), 500)
    assert bootstrap(values, groups) == (0.0, 1.0)
    low, high = bootstrap(values, np.arange(1000))
    assert 0.45 < low < 0.5 < high < 0.55
    assert bootstrap(values, np.arange(1000)) == (low, high)


def test_two_searches_are_compared_query_by_query() -> None:
    rng = np.random.default_rng(0)
    worse = rng.random(400)
    better = judged((worse + 0.1).tolist(), list(range(400)))
    other = judged(worse.tolist(), list(range(400)))
    difference, low, high = better.ahead_of(other, "mAP")
    assert (difference, low, high) == pytest.approx((0.1, 0.1, 0.1))
    ratio, low, high = better.ratio_to(other, "mAP")
    assert ratio == pytest.approx((worse.mean() + 0.1) / worse.mean())
    assert 1 < low < ratio < high
    with pytest.raises(InvalidInput, match="same queries"):
        better.ahead_of(judged([1.0], [0]), "mAP")


def test_what_cannot_be_judged_is_refused() -> None:
    records = [Record(picture(n), {"kind": "hat"}, str(n)) for n in range(2)]
    for wrong, message in (
        (lambda: Relevance.of(records, []), "at least one label"),
        (lambda: Relevance.of(records, ["kids"]), "no record has a label 'kids'; there are: kind"),
        (lambda: Relevance.of(records, ["kind"], other_groups=True), "'0' has no group"),
        (lambda: judge(np.ones((3, 2)), relevance([0, 0]), "cosine"), "3 vectors .* 2 records"),
        (lambda: judge(np.ones((2, 2)), relevance([0, 0]), "cosine", k=0), "k=0"),
        (lambda: judge(np.ones((2, 2)), relevance([0, 1]), "cosine"), "nothing to find"),
    ):
        with pytest.raises(InvalidInput, match=message):
            wrong()
