"""The residual block, and the shortcut that it shares with the Inception-residual block."""

from __future__ import annotations

from typing import Any

import keras

from clothzoo.layers._map_layer import MapLayer, Shape
from clothzoo.layers.conv_bn import ConvBN


class Residual(MapLayer):
    """A path of layers plus a shortcut around it, then an activation.

    Args:
        filters: output channels.
        strides: step of the block, in pixels.
        shortcut: "identity", "projection" (a linear 1×1), or "auto": identity where the shapes
            allow it.
        activation: name of the activation after the sum.
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.
    """

    def __init__(
        self,
        filters: int,
        *,
        strides: int = 1,
        shortcut: str = "auto",
        activation: str | None = "relu",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        if shortcut not in ("auto", "identity", "projection"):
            raise ValueError(
                f"{type(self).__name__}: shortcut must be 'auto', 'identity' or 'projection', "
                f"not {shortcut!r}"
            )
        self.filters = filters
        self.strides = strides
        self.shortcut = shortcut
        self.activation = activation
        self.projection: ConvBN | None = None
        self.total = self.inner(keras.layers.Add, "total")
        self.act = self.inner(keras.layers.Activation, "act", activation=activation)

    @property
    def main(self) -> tuple[MapLayer, ...]:
        """The layers that the shortcut goes around, first to last."""
        return ()

    def build(self, input_shape: Shape) -> None:
        """Create the path's variables, and the projection's where one is needed."""
        shape = input_shape
        for layer in self.main:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        fits = input_shape[self.channel_axis] == self.filters and self.strides == 1
        if self.shortcut == "identity" and not fits:
            raise ValueError(
                f"{type(self).__name__}: an identity shortcut needs strides=1 and as many input "
                f"channels as filters; got strides={self.strides}, "
                f"{input_shape[self.channel_axis]} channels and filters={self.filters}; "
                "use shortcut='projection'"
            )
        if self.shortcut == "projection" or not fits:
            self.projection = self.inner(
                ConvBN,
                "projection",
                filters=self.filters,
                kernel_size=1,
                strides=self.strides,
                activation=None,
                data_format=self.data_format,
            )
            self.projection.build(input_shape)
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Sum the path and the shortcut, then activate."""
        y = x
        for layer in self.main:
            y = layer(y, training=training)
        shortcut = x if self.projection is None else self.projection(x, training=training)
        return self.act(self.total([y, shortcut]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the output map."""
        return self.map_shape(input_shape, self.filters, self.strides)

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "shortcut": self.shortcut,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable(package="clothzoo")
class ResidualBlock(Residual):
    """Two 3×3 convolutions with an identity or projected shortcut around them.

    Args:
        filters: channels of both convolutions.
        strides: step of the first convolution, in pixels.
        shortcut: "identity", "projection" (a linear 1×1), or "auto": identity where the shapes
            allow it.
        activation: name of the activation between the convolutions and after the sum.
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.

    Input shape:
        (N, H, W, C), or (N, C, H, W) under channels_first.

    Output shape:
        (N, ⌈H / strides⌉, ⌈W / strides⌉, filters), or its channels_first form.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", 2015,
        https://arxiv.org/abs/1512.03385, figure 2 (the basic block).

    Example:
        >>> import keras
        >>> from clothzoo.layers import ResidualBlock
        >>> tuple(ResidualBlock(32, strides=2)(keras.ops.ones((1, 14, 14, 16))).shape)
        (1, 7, 7, 32)
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(filters, **kwargs)
        conv = {"filters": filters, "kernel_size": 3, "data_format": self.data_format}
        self.conv1: ConvBN = self.inner(
            ConvBN, "conv1", strides=self.strides, activation=self.activation, **conv
        )
        self.conv2: ConvBN = self.inner(ConvBN, "conv2", activation=None, **conv)

    @property
    def main(self) -> tuple[MapLayer, ...]:
        """Both convolutions."""
        return self.conv1, self.conv2
