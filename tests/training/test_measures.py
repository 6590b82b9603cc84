from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from clothzoo.datasets import Record
from clothzoo.errors import InvalidInput
from clothzoo.training import measures

seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 60))
    scores = rng.dirichlet(np.ones(classes), count)
    return rng.integers(0, classes, count), np.round(scores, 2)  # rounding makes ties


@given(seeds)
def test_figures_of_many_classes_are_those_of_scikit_learn(seed: int) -> None:
    truth, scores = draw(seed, 5)
    called = scores.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that nothing was called
        assert measures.accuracy(truth, scores) == pytest.approx(
            reference.accuracy_score(truth, called)
        )
        assert measures.balanced_accuracy(truth, scores) == pytest.approx(
            reference.balanced_accuracy_score(truth, called)
        )
        matrix = measures.confusion_matrix(truth, scores)
        np.testing.assert_array_equal(
            matrix, reference.confusion_matrix(truth, called, labels=range(5))
        )
        precision, recall, _, _ = reference.precision_recall_fscore_support(
            truth, called, labels=range(5), zero_division=0
        )
    found = measures.precision_recall(matrix)
    np.testing.assert_allclose(found[0], precision)
    np.testing.assert_allclose(found[1], recall)


@given(seeds)
def test_top_3_is_that_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, scores = rng.integers(0, 5, 30), rng.random((30, 5))
    assert measures.top_3(truth, scores) == pytest.approx(
        reference.top_k_accuracy_score(truth, scores, k=3, labels=range(5))
    )


@given(seeds)
def test_average_precision_is_that_of_scikit_learn(seed: int) -> None:
    truth, scores = draw(seed, 2)
    found = measures.average_precision(truth, scores)
    if truth.any():
        assert found == pytest.approx(reference.average_precision_score(truth, scores[:, 1]))
    else:
        assert np.isnan(found)


def test_calibration_error_is_the_gap_between_confidence_and_truth() -> None:
    scores = np.array([[0.9, 0.1]] * 10 + [[0.3, 0.7]] * 10)
    truth = np.array([0] * 9 + [1] + [1] * 5 + [0] * 5)
    assert measures.calibration_error(truth, scores) == pytest.approx(0.1)


def test_an_interval_by_groups_is_wider_where_groups_are_alike() -> None:
    groups = np.repeat(np.arange(20), 30)
    right = np.arange(20) % 2
    scores = np.eye(2)[np.repeat(right, 30)]
    truth = np.ones(600, int)
    alone = measures.bootstrap(measures.accuracy, truth, scores, None)
    by_group = measures.bootstrap(measures.accuracy, truth, scores, groups.tolist())
    assert alone[0] < 0.5 < alone[1]
    assert by_group[1] - by_group[0] > 3 * (alone[1] - alone[0])


def test_an_interval_is_the_same_for_the_same_seed() -> None:
    truth, scores = draw(7, 4)
    first, again = (
        measures.bootstrap(measures.accuracy, truth, scores, None, seed=5) for _ in range(2)
    )
    assert first == again


def test_targets_are_numbers_and_minus_one_where_nothing_is_known() -> None:
    records = [Record("", {"kids": label}, str(n)) for n, label in enumerate((True, None, False))]
    assert measures.targets(records, "kids", ("no", "yes")).tolist() == [1, -1, 0]
    with pytest.raises(InvalidInput, match=r"record '0' has the unknown kids True.*known: no"):
        measures.targets(records, "kids", ("no",))
