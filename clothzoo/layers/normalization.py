"""Scaling of vectors to a sum of 1, which Keras has no layer for."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from clothzoo.layers._map_layer import Shape


@keras.saving.register_keras_serializable(package="clothzoo")
class L1Normalization(keras.layers.Layer):
    """Scales each vector so that its absolute values sum to 1; a zero vector stays zero.

    Args:
        square_root: take the square root of each value afterwards, keeping its sign. Euclidean
            distance between such vectors is the Hellinger distance between the originals.
        **kwargs: name, dtype and trainable, as in every Keras layer.

    Input shape:
        (N, D).

    Output shape:
        (N, D).

    Reference:
        Arandjelović, Zisserman, "Three things everyone should know to improve object retrieval",
        CVPR 2012 (the square root).

    Example:
        >>> import keras
        >>> from clothzoo.layers import L1Normalization
        >>> keras.ops.convert_to_numpy(L1Normalization()(keras.ops.array([[1.0, 3.0]]))).tolist()
        [[0.25, 0.75]]
    """

    def __init__(self, square_root: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.square_root = square_root

    def call(self, x: Any) -> Any:
        """Normalise each vector."""
        size = ops.absolute(x)
        total = ops.sum(size, axis=-1, keepdims=True)
        total = ops.where(total > 0, total, ops.ones_like(total))
        if self.square_root:
            return ops.sign(x) * ops.sqrt(size / total)
        return x / total

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), "square_root": self.square_root}
