"""Small instances of every architecture, and what the checks over them share."""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np

from clothzoo import models

SIDES = {"transfer_inception_v3": 75, "transfer_mobilenet_v2": 32}


def small(name: str, **arguments: object) -> keras.Model:
    """An architecture at the smallest input that it takes."""
    record = models.architecture(name)
    if "input_shape" not in arguments and "input_tensor" not in arguments:
        side, channels = SIDES.get(name, 28), record.input_shape[2]
        last = keras.config.image_data_format() == "channels_last"
        arguments["input_shape"] = (side, side, channels) if last else (channels, side, side)
    return record.factory(**arguments)


def images(model: keras.Model, count: int = 2, seed: int = 0) -> np.ndarray:
    """Random float images that fit a model."""
    shape = (count, *model.input_shape[1:])
    return np.random.default_rng(seed).random(shape, dtype="float32")


def seed_weights(model: keras.Model) -> None:
    """Weights that depend on nothing but each variable's path and shape."""
    for variable in model.weights:
        rng = np.random.default_rng(list(variable.path.encode()))
        inputs = variable.shape[:2] if "depthwise" in variable.path else variable.shape[:-1]
        fan_in = int(np.prod(inputs)) or 1
        leaf = variable.path.rpartition("/")[2]
        if leaf in ("gamma", "moving_variance"):
            value = rng.uniform(0.5, 1.5, variable.shape)
        elif leaf in ("beta", "moving_mean", "bias"):
            value = rng.normal(0, 0.1, variable.shape)
        else:
            value = rng.normal(0, (2 / fan_in) ** 0.5, variable.shape)
        variable.assign(value.astype("float32"))


def forward(model: keras.Model, x: np.ndarray) -> dict[str, np.ndarray]:
    """A model's outputs by task, through `predict`.

    Called eagerly, JAX compiles every operation on its own, which takes minutes here.
    """
    return flat(model.predict_on_batch(x))


def flat(outputs: object) -> dict[str, np.ndarray]:
    """The outputs of a single-task or multi-task model by task."""
    named = outputs if isinstance(outputs, dict) else {"": outputs}
    return {task: keras.ops.convert_to_numpy(value) for task, value in named.items()}


def values(variables: Iterable[keras.Variable]) -> dict[str, np.ndarray]:
    """The values of variables by path."""
    return {v.path: np.copy(keras.ops.convert_to_numpy(v)) for v in variables}
