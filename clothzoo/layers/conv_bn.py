"""Convolution, batch normalisation and activation in one layer."""

from __future__ import annotations

from typing import Any

import keras

from clothzoo.layers._map_layer import MapLayer, Shape
from clothzoo.layers.batch_norm import FusedBatchNormalization


@keras.saving.register_keras_serializable(package="clothzoo")
class ConvBN(MapLayer):
    """A convolution without bias, then batch normalisation, then an activation.

    Args:
        filters: output channels.
        kernel_size: side of the square kernel, in pixels.
        strides: step of the kernel, in pixels.
        activation: name of the activation; None for a linear output.
        momentum: of the moving mean and variance. The default forgets in about a hundred steps,
            which suits data sets of a few thousand photos better than Keras's 0.99.
        epsilon: added to the variance.
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.

    Input shape:
        (N, H, W, C), or (N, C, H, W) under channels_first.

    Output shape:
        (N, ⌈H / strides⌉, ⌈W / strides⌉, filters), or its channels_first form.

    Example:
        >>> import keras
        >>> from clothzoo.layers import ConvBN
        >>> tuple(ConvBN(16, 3, strides=2)(keras.ops.ones((1, 28, 28, 1))).shape)
        (1, 14, 14, 16)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        strides: int = 1,
        activation: str | None = "relu",
        momentum: float = 0.9,
        epsilon: float = 1e-3,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.activation = activation
        self.momentum = momentum
        self.epsilon = epsilon
        self.conv = self.inner(
            keras.layers.Conv2D,
            "conv",
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            data_format=self.data_format,
        )
        self.bn = self.inner(
            FusedBatchNormalization,
            "bn",
            axis=self.channel_axis,
            momentum=momentum,
            epsilon=epsilon,
        )
        self.act = self.inner(keras.layers.Activation, "act", activation=activation)

    def build(self, input_shape: Shape) -> None:
        """Create the kernel and the normalisation's variables."""
        self.conv.build(input_shape)
        self.bn.build(self.conv.compute_output_shape(input_shape))
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Convolve, normalise, activate."""
        return self.act(self.bn(self.conv(x), training=training))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the output map."""
        shape: Shape = self.conv.compute_output_shape(input_shape)
        return shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": self.activation,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
