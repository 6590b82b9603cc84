"""Outputs written down when a preset was made, to notice if they ever drift."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.hub.filling import assign
from clothzoo.hub.presets import Golden, Preset
from clothzoo.models import architecture

TOLERANCE = 1e-3
_PICTURES = 4
_DIGITS = 6


def pictures(seed: int, n: int = _PICTURES) -> NDArray[np.uint8]:
    """Coarse random patterns, the same in every version of NumPy.

    Args:
        seed: of the generator.
        n: how many.

    Returns:
        uint8 (n, 64, 64, 3): 8 × 8 patches of one colour each.
    """
    # NumPy promises RandomState's stream for ever, and default_rng's not.
    coarse = np.random.RandomState(seed).randint(0, 256, (n, 8, 8, 3)).astype(np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def logits(preset: Preset, data: bytes, *, seed: int, n: int = _PICTURES) -> dict[str, Any]:
    """What a preset's network gives for the seeded pictures, before the activation.

    Args:
        preset: its record; the weights must fit its architecture and arguments exactly.
        data: the weights file.
        seed: of the pictures.
        n: number of pictures.

    Returns:
        {task: float32 (n, classes)}.

    Raises:
        WeightsCorrupted, WeightsMismatch: the weights are not this network's.
    """
    factory = architecture(preset.architecture).factory
    model = factory(weights=None, classifier_activation=None, **preset.arguments)
    assign(model, data, head=(), file=f"the weights of {preset.name}")
    outputs = model(preset.preprocessing(pictures(seed, n)), training=False)
    by_task = outputs if isinstance(outputs, dict) else {next(iter(preset.labels)): outputs}
    return {task: keras.ops.convert_to_numpy(values) for task, values in by_task.items()}


def measure(preset: Preset, data: bytes, *, seed: int = 0) -> Golden:
    """The outputs to write down; arguments as for `logits`."""
    rows = {
        task: tuple(tuple(float(f"{v:.{_DIGITS}g}") for v in row) for row in values)
        for task, values in logits(preset, data, seed=seed).items()
    }
    return Golden(seed, rows)


def drift(preset: Preset, data: bytes) -> float:
    """How far a preset's outputs have moved from those that were written down.

    Args:
        preset: its record.
        data: the weights file.

    Returns:
        The largest difference of a logit, as a fraction of the largest logit; up to `TOLERANCE`
        is rounding of another backend.
    """
    worst = 0.0
    n = len(next(iter(preset.golden.logits.values())))
    for task, now in logits(preset, data, seed=preset.golden.seed, n=n).items():
        then = np.asarray(preset.golden.logits[task])
        scale = max(1.0, float(np.abs(then).max()))
        worst = max(worst, float(np.abs(now - then).max()) / scale)
    return worst
