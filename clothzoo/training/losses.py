"""Losses on logits, and how those of several tasks are put together."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def cross_entropy(targets: Any, logits: Any, smoothing: float = 0.0) -> Any:
    """Cross-entropy with smoothed labels.

    Args:
        targets: (N, classes) probabilities.
        logits: (N, classes).
        smoothing: part of a label that is spread over all classes.

    Returns:
        (N,) in nats.

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016,
        https://arxiv.org/abs/1512.00567, section 7.
    """
    return keras.losses.categorical_crossentropy(
        targets, logits, from_logits=True, label_smoothing=smoothing
    )


def distillation(teacher: Any, logits: Any, temperature: float) -> Any:
    """Cross-entropy to a teacher at a temperature, scaled so that gradients keep their size.

    Args:
        teacher: (N, classes) logits of the network to learn from.
        logits: (N, classes).
        temperature: divides both.

    Returns:
        (N,): temperature² · H(softmax(teacher / temperature), softmax(logits / temperature)).

    Reference:
        Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015,
        https://arxiv.org/abs/1503.02531, section 2.
    """
    soft = ops.softmax(teacher / temperature)
    return temperature**2 * -ops.sum(soft * ops.log_softmax(logits / temperature), axis=-1)


def weighted_mean(values: Any, weights: Any) -> Any:
    """Mean over a batch; 0 where all weights are 0.

    Args:
        values: (N,).
        weights: (N,); a picture whose label is not known has 0. None for equal weights.

    Returns:
        A scalar.
    """
    if weights is None:
        return ops.mean(values)
    weights = ops.cast(weights, values.dtype)
    return ops.divide_no_nan(ops.sum(values * weights), ops.sum(weights))


def uncertainty_weighted(losses: Any, log_variances: Any) -> Any:
    """Sum of the tasks' losses, each weighted by a learnt uncertainty.

    Args:
        losses: (tasks,).
        log_variances: (tasks,) learnt values s.

    Returns:
        Σ exp(−s) · loss + s / 2, a scalar: the form for classification.

    Reference:
        Kendall, Gal, Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses", 2018,
        https://arxiv.org/abs/1705.07115, equation 10.
    """
    return ops.sum(ops.exp(-log_variances) * losses + log_variances / 2)


def dynamic_weights(losses: Any, losses_before: Any, temperature: float = 2.0) -> Any:
    """Weights of the tasks for the next epoch: more for those whose loss falls slowly.

    Args:
        losses: (tasks,) means of the last epoch.
        losses_before: (tasks,) means of the epoch before.
        temperature: the higher, the more even.

    Returns:
        (tasks,) weights whose sum is the number of tasks.

    Reference:
        Liu, Johns, Davison, "End-to-End Multi-Task Learning with Attention", 2019,
        https://arxiv.org/abs/1803.10704, equation 7.
    """
    rates = ops.divide_no_nan(losses, losses_before)
    return losses.shape[0] * ops.softmax(rates / temperature)
