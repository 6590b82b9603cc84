"""Gradients with respect to a feature map, on whichever backend Keras runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput
from clothzoo.explain.networks import depends

Floats = NDArray[np.float32]
_Gradient = Callable[[Any, Any, Any], Any]


class MapGradient:
    """A network in two parts: from the image to a feature map, and from the map to a vector.

    The second part also takes the image, so that whatever goes around the map, such as the other
    branch of two that exchange their features, is computed from it and held fixed.

    Args:
        model: with one image input; it is not changed and shares its variables.
        layer: whose output is the map.
        vector: a tensor (N, D) of the model's graph.

    Raises:
        InvalidInput: the vector does not depend on the map, or the backend has no gradients.
    """

    def __init__(self, model: keras.Model, layer: keras.layers.Layer, vector: Any) -> None:
        image = model.inputs[0]
        if not depends(model, vector, layer):
            raise InvalidInput(
                f"what model {model.name!r} says does not depend on its layer {layer.name!r}; "
                "name a level further below"
            )
        self._below = keras.Model(image, [layer.output, vector])
        self._above = keras.Model([image, layer.output], vector)
        self._gradient = _backend()(self._above)
        self._lock = threading.Lock()  # Keras's predict function is not made for several threads

    def maps(self, images: Floats) -> tuple[Floats, Floats]:
        """Float32 images (N, H, W, C) → the maps (N, h, w, c) and the vectors (N, D)."""
        with self._lock:
            maps, vectors = self._below.predict_on_batch(images)
        return np.asarray(maps, np.float32), np.asarray(vectors, np.float32)

    def __call__(self, images: Floats, maps: Floats, direction: Floats) -> Floats:
        """How the vectors' parts along given directions change with the maps.

        Args:
            images: float32 (N, H, W, C).
            maps: float32 (N, h, w, c), what `maps` gave for them.
            direction: float32 (N, D).

        Returns:
            float32 (N, h, w, c): the gradient of each Σ direction · vector.
        """
        tensors = (keras.ops.convert_to_tensor(array) for array in (images, maps, direction))
        with self._lock:
            gradient = self._gradient(*tensors)
        return np.asarray(keras.ops.convert_to_numpy(gradient), np.float32)


def _backend() -> Callable[[keras.Model], _Gradient]:
    name = keras.backend.backend()
    if name not in _BACKENDS:
        raise InvalidInput(
            f"Keras runs on {name!r}, which has no gradients; set KERAS_BACKEND to one of "
            f"{', '.join(_BACKENDS)} before Python starts"
        )
    return _BACKENDS[name]


def _tensorflow(model: keras.Model) -> _Gradient:
    import tensorflow as tf

    def gradient(images: Any, maps: Any, direction: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(maps)
            vectors = tf.cast(model([images, maps], training=False), tf.float32)
            score = tf.reduce_sum(vectors * direction)
        return tape.gradient(score, maps)

    return gradient


def _jax(model: keras.Model) -> _Gradient:
    import jax

    def score(
        maps: Any, images: Any, direction: Any, trainable: list[Any], fixed: list[Any]
    ) -> Any:
        vectors, _ = model.stateless_call(trainable, fixed, [images, maps], training=False)
        return (vectors.astype("float32") * direction).sum()

    # Eagerly, every operation would be compiled on its own. The variables are arguments, so that
    # what is compiled stays right when they change.
    compiled = jax.jit(jax.grad(score))

    def gradient(images: Any, maps: Any, direction: Any) -> Any:
        variables = model.trainable_variables, model.non_trainable_variables
        return compiled(maps, images, direction, *([v.value for v in vs] for vs in variables))

    return gradient


def _torch(model: keras.Model) -> _Gradient:
    import torch

    def gradient(images: Any, maps: Any, direction: Any) -> Any:
        maps = maps.detach().requires_grad_()
        with torch.enable_grad():
            vectors = model([images, maps], training=False)
            score = (vectors.float() * direction).sum()
        return torch.autograd.grad(score, maps)[0]

    return gradient


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
