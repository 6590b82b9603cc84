"""Batch statistics of averaged weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

_BATCHES = 100
_WARM_UP = 20


def recalibrate(network: keras.Model, batches: Sequence[Any], limit: int = _BATCHES) -> None:
    """Measure the moving means and variances of the weights that the network has now.

    Averaged weights were never run: the statistics in the network belong to the last weights of
    the training. Batches go through in training mode; what the moving statistics are after each
    is averaged, which forgets where they began. Layers that normalise by fixed statistics stay
    as they are.

    Args:
        network: changed in place, its random seeds excepted.
        batches: (images, …) tuples, as the feeder gives them.
        limit: how many of them at most.

    Reference:
        Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization",
        2018, https://arxiv.org/abs/1803.05407, section 3.2.
    """
    fixed = network.non_trainable_variables
    moving = [v for v in fixed if v.name.startswith("moving_")]
    seeds = [v for v in fixed if not v.name.startswith("moving_")]
    if not moving:
        return
    before, start = ([np.array(v.numpy()) for v in some] for some in (seeds, moving))
    count = min(limit, len(batches))
    skipped = min(_WARM_UP, count // 2)
    sums = [np.zeros(v.shape, np.float64) for v in moving]
    for number in range(count):
        network(batches[number][0], training=True)
        if all(map(np.array_equal, (v.numpy() for v in moving), start)):
            break  # every layer here normalises by fixed statistics
        if number >= skipped:
            for total, variable in zip(sums, moving, strict=True):
                total += np.asarray(variable.numpy())
    else:
        for total, variable in zip(sums, moving, strict=True):
            variable.assign(total / (count - skipped))
    for variable, value in zip(seeds, before, strict=True):
        variable.assign(value)
