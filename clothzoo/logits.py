"""What the outputs of a network say, before its last softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities (N, classes) of logits (N, classes)."""
    values = np.asarray(logits, np.float64)
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def energy(logits: NDArray[Any]) -> NDArray[np.float64]:
    """How much a network sees of anything that it knows: the logarithm of Σ exp(logit).

    Args:
        logits: (N, classes).

    Returns:
        (N,); higher is more familiar.

    Reference:
        Liu et al., "Energy-based Out-of-distribution Detection", 2020,
        https://arxiv.org/abs/2010.03759; this is its free energy with the sign turned.
    """
    values = np.asarray(logits, np.float64)
    highest = values.max(axis=1)
    return np.asarray(highest + np.log(np.exp(values - highest[:, None]).sum(axis=1)))
