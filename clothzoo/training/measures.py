"""Figures of classification, from true classes and probabilities; NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets import Record
from clothzoo.datasets.record import Label
from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.training.data import spoken

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Measure = Callable[[Ints, Floats], float]


def targets(records: Sequence[Record], task: str, names: Sequence[Label]) -> Ints:
    """The number of each record's class; −1 where it is not known.

    Args:
        records: N of them.
        task: which of their labels.
        names: of the classes, in order; true and false are also known as yes and no.

    Returns:
        int64 (N,).

    Raises:
        InvalidInput: a record has a label that is not among `names`.
    """
    number = {spoken(name): i for i, name in enumerate(names)}
    found = np.full(len(records), -1, np.int64)
    for row, record in enumerate(records):
        label = record.labels.get(task)
        if label is None:
            continue
        if spoken(label) not in number:
            raise InvalidInput(
                f"record {record.id!r} has the unknown {task} {label!r}"
                f"{did_you_mean(spoken(label), number)}"
            )
        found[row] = number[spoken(label)]
    return found


def accuracy(truth: Ints, scores: Floats) -> float:
    """Part of the pictures whose highest score is the true class's."""
    return float(np.mean(scores.argmax(axis=1) == truth))


def top_3(truth: Ints, scores: Floats) -> float:
    """Part of the pictures whose true class is among the three highest scores."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :3]
    return float(np.mean((best == truth[:, None]).any(axis=1)))


def balanced_accuracy(truth: Ints, scores: Floats) -> float:
    """Mean over the classes that occur of the part of each that is recognised."""
    right = scores.argmax(axis=1) == truth
    counts = np.bincount(truth)
    hits = np.bincount(truth, weights=right, minlength=len(counts))
    return float(np.mean(hits[counts > 0] / counts[counts > 0]))


def average_precision(truth: Ints, scores: Floats) -> float:
    """Area under the precision-recall steps of class 1 of two; NaN where there is none of it.

    Reference:
        scikit-learn's `average_precision_score`: Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores.
    """
    score = scores[:, 1]
    order = np.argsort(-score, kind="stable")
    positive = (truth == 1)[order]
    if not positive.any():
        return float("nan")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    found = np.cumsum(positive)[ends]
    precision = found / (ends + 1)
    return float(np.sum(np.diff(found, prepend=0) * precision) / positive.sum())


def calibration_error(truth: Ints, scores: Floats, bins: int = 15) -> float:
    """Expected calibration error of the highest probability, in bins of equal width.

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", 2017,
        https://arxiv.org/abs/1706.04599, equation 5.
    """
    confidence = scores.max(axis=1)
    right = scores.argmax(axis=1) == truth
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


def confusion_matrix(truth: Ints, scores: Floats) -> Ints:
    """(classes, classes) counts; rows are true classes, columns the highest scores'."""
    classes = scores.shape[1]
    pairs = truth * classes + scores.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def precision_recall(matrix: Ints) -> tuple[Floats, Floats]:
    """Per class: part of what was called so that is, and part of what is so that was called so.

    Args:
        matrix: a confusion matrix.

    Returns:
        Two arrays (classes,); 0 where nothing was called so, or nothing is.
    """
    hits = np.diag(matrix)
    return hits / np.maximum(matrix.sum(axis=0), 1), hits / np.maximum(matrix.sum(axis=1), 1)


def bootstrap(
    measure: Measure,
    truth: Ints,
    scores: Floats,
    groups: Sequence[Any] | None,
    *,
    seed: int = 0,
    rounds: int = 1000,
) -> tuple[float, float]:
    """A 95 % interval: the measure on pictures drawn with replacement, whole groups at a time.

    Args:
        measure: of (truth, scores).
        truth: (N,) classes.
        scores: (N, classes).
        groups: (N,) e.g. the sender of each picture; None for pictures drawn one by one.
        seed: of the draws.
        rounds: number of draws.

    Returns:
        (low, high), percentiles 2.5 and 97.5; draws in which the measure is not defined are
        left out.
    """
    rng = np.random.default_rng(seed)
    names = range(len(truth)) if groups is None else groups
    _, group_of = np.unique(np.array(names, dtype=str), return_inverse=True)
    order = np.argsort(group_of, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group_of))[:-1])
    values = []
    for _ in range(rounds):
        rows = np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])
        values.append(measure(truth[rows], scores[rows]))
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)
