"""The Inception module with a residual shortcut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from clothzoo.layers._map_layer import MapLayer
from clothzoo.layers.conv_bn import ConvBN
from clothzoo.layers.inception import InceptionModule
from clothzoo.layers.residual import Residual


@keras.saving.register_keras_serializable(package="clothzoo")
class InceptionResidualBlock(Residual):
    """An Inception module, a linear 1×1 over its concatenation, and a shortcut around both.

    Args:
        filters: output channels of the linear 1×1.
        filters_1x1: channels of the module's 1×1 branch.
        filters_3x3: (reduced, output) channels of its 1×1→3×3 branch.
        filters_double_3x3: (reduced, output) channels of its 1×1→3×3→3×3 branch.
        filters_pool: channels of the 1×1 after its pooling.
        shortcut: "identity", "projection" (a linear 1×1), or "auto": identity where the shapes
            allow it.
        activation: name of the activation in the branches and after the sum.
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.

    Input shape:
        (N, H, W, C), or (N, C, H, W) under channels_first.

    Output shape:
        (N, H, W, filters), or its channels_first form.

    Reference:
        Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections
        on Learning", 2016, https://arxiv.org/abs/1602.07261.

    Example:
        >>> import keras
        >>> from clothzoo.layers import InceptionResidualBlock
        >>> block = InceptionResidualBlock(48, 8, (8, 16), (4, 8), 8)
        >>> tuple(block(keras.ops.ones((1, 14, 14, 32))).shape)
        (1, 14, 14, 48)
    """

    def __init__(
        self,
        filters: int,
        filters_1x1: int,
        filters_3x3: Sequence[int],
        filters_double_3x3: Sequence[int],
        filters_pool: int,
        *,
        shortcut: str = "auto",
        activation: str | None = "relu",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters, shortcut=shortcut, activation=activation, data_format=data_format, **kwargs
        )
        self.inception: InceptionModule = self.inner(
            InceptionModule,
            "inception",
            filters_1x1=filters_1x1,
            filters_3x3=filters_3x3,
            filters_double_3x3=filters_double_3x3,
            filters_pool=filters_pool,
            activation=activation,
            data_format=self.data_format,
        )
        self.linear: ConvBN = self.inner(
            ConvBN,
            "linear",
            filters=filters,
            kernel_size=1,
            activation=None,
            data_format=self.data_format,
        )

    @property
    def main(self) -> tuple[MapLayer, ...]:
        """The Inception module and the linear 1×1."""
        return self.inception, self.linear

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        config = super().get_config()
        del config["strides"]  # always 1: this block keeps the size of its map
        return {
            **config,
            "filters_1x1": self.inception.filters_1x1,
            "filters_3x3": self.inception.filters_3x3,
            "filters_double_3x3": self.inception.filters_double_3x3,
            "filters_pool": self.inception.filters_pool,
        }
