"""Weights between those that a run started from and those that it ended with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.hub import filling


def body(network: keras.Model) -> dict[str, NDArray[Any]]:
    """Copies of all weights below the heads, by path."""
    heads = filling.head_layers(network)
    return {
        variable.path: np.array(variable.numpy())
        for layer in network.layers
        if layer.name not in heads
        for variable in layer.weights
    }


def move_towards(network: keras.Model, start: Mapping[str, NDArray[Any]], part: float) -> None:
    """Move weights in a straight line.

    Args:
        network: changed in place.
        start: where to, by path; weights of other paths stay as they are.
        part: of the way: 0 for none, 1 to arrive.
    """
    for variable in network.weights:
        if variable.path in start:
            variable.assign((1 - part) * variable.numpy() + part * start[variable.path])
