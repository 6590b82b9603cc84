from __future__ import annotations

import numpy as np
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from clothzoo.training import losses

seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, classes: int = 4, count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = np.eye(classes, dtype=np.float32)[rng.integers(0, classes, count)]
    return targets, (5 * rng.standard_normal((count, classes))).astype(np.float32)


@given(seeds, st.floats(0, 0.5))
def test_cross_entropy_is_that_of_smoothed_labels(seed: int, smoothing: float) -> None:
    targets, logits = draw(seed)
    smooth = targets * (1 - smoothing) + smoothing / 4
    expected = -(smooth * scipy.special.log_softmax(logits.astype(float), axis=1)).sum(axis=1)
    found = ops.convert_to_numpy(losses.cross_entropy(targets, logits, smoothing))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(seeds, st.floats(0.5, 8))
def test_distillation_is_the_cross_entropy_to_the_softened_teacher(
    seed: int, temperature: float
) -> None:
    teacher, student = draw(seed)[1], draw(seed + 1)[1]
    soft = scipy.special.softmax(teacher.astype(float) / temperature, axis=1)
    log = scipy.special.log_softmax(student.astype(float) / temperature, axis=1)
    expected = -(temperature**2) * (soft * log).sum(axis=1)
    found = ops.convert_to_numpy(losses.distillation(ops.array(teacher), student, temperature))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@given(seeds)
def test_what_has_no_weight_does_not_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random(8).astype(np.float32)
    weights = rng.integers(0, 3, 8).astype(np.float32)
    found = float(losses.weighted_mean(ops.array(values), weights))
    expected = np.average(values, weights=weights) if weights.any() else 0.0
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(
        float(losses.weighted_mean(ops.array(values), None)), values.mean(), rtol=1e-5
    )


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=4), seeds)
def test_uncertain_tasks_weigh_less(values: list[float], seed: int) -> None:
    s = np.random.default_rng(seed).standard_normal(len(values))
    expected = sum(np.exp(-a) * b + a / 2 for a, b in zip(s, values, strict=True))
    found = float(losses.uncertainty_weighted(ops.array(values), ops.array(s, "float32")))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0.1, 9)), min_size=2, max_size=4))
def test_dynamic_weights_sum_to_the_number_of_tasks(pairs: list[tuple[float, float]]) -> None:
    now, before = np.array(pairs, np.float32).T
    found = ops.convert_to_numpy(losses.dynamic_weights(ops.array(now), ops.array(before)))
    np.testing.assert_allclose(
        found, len(pairs) * scipy.special.softmax(now / before / 2), rtol=1e-4
    )
    np.testing.assert_allclose(found.sum(), len(pairs), rtol=1e-5)


def test_tasks_weigh_the_same_before_there_are_two_epochs() -> None:
    zeros = ops.zeros(3)
    np.testing.assert_allclose(ops.convert_to_numpy(losses.dynamic_weights(zeros, zeros)), 1)
