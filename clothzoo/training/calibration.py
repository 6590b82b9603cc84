"""The score below which a picture is not clothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.hub.presets import Unknown
from clothzoo.logits import energy


def energy_threshold(logits: Mapping[str, NDArray[Any]], *, kept: float = 0.95, on: str) -> Unknown:
    """The threshold that lets a given part of garments pass.

    Args:
        logits: {task: (N, classes)} of garments that were not trained on; the first task's
            energy counts.
        kept: part of them at or above the threshold.
        on: name of their data and split.
    """
    scores = energy(next(iter(logits.values())))
    threshold = float(np.quantile(scores, 1 - kept, method="lower"))
    return Unknown("energy", threshold, float(np.mean(scores >= threshold)), on)
