"""The Inception module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from clothzoo.layers._map_layer import MapLayer, Shape
from clothzoo.layers.conv_bn import ConvBN


@keras.saving.register_keras_serializable(package="clothzoo")
class InceptionModule(MapLayer):
    """Four branches side by side, concatenated: 1×1; 1×1→3×3; 1×1→3×3→3×3; pool→1×1.

    Args:
        filters_1x1: channels of the 1×1 branch.
        filters_3x3: (reduced, output) channels of the 1×1→3×3 branch.
        filters_double_3x3: (reduced, output) channels of the 1×1→3×3→3×3 branch.
        filters_pool: channels of the 1×1 after the 3×3 average pooling.
        activation: name of the activation in every branch.
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.

    Input shape:
        (N, H, W, C), or (N, C, H, W) under channels_first.

    Output shape:
        (N, H, W, K) with K the sum of the four branches' output channels, or its
        channels_first form.

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015,
        https://arxiv.org/abs/1512.00567, figure 5 (two 3×3 in place of a 5×5).

    Example:
        >>> import keras
        >>> from clothzoo.layers import InceptionModule
        >>> module = InceptionModule(8, (8, 16), (4, 8), 8)
        >>> tuple(module(keras.ops.ones((1, 14, 14, 32))).shape)
        (1, 14, 14, 40)
    """

    def __init__(
        self,
        filters_1x1: int,
        filters_3x3: Sequence[int],
        filters_double_3x3: Sequence[int],
        filters_pool: int,
        *,
        activation: str | None = "relu",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.filters_1x1 = filters_1x1
        self.filters_3x3 = tuple(filters_3x3)
        self.filters_double_3x3 = tuple(filters_double_3x3)
        self.filters_pool = filters_pool
        self.activation = activation

        def conv(name: str, filters: int, kernel_size: int) -> ConvBN:
            made: ConvBN = self.inner(
                ConvBN,
                name,
                filters=filters,
                kernel_size=kernel_size,
                activation=activation,
                data_format=self.data_format,
            )
            return made

        reduced, wide = self.filters_3x3
        double_reduced, double_wide = self.filters_double_3x3
        self.branch1x1 = conv("branch1x1", filters_1x1, 1)
        self.branch3x3_reduce = conv("branch3x3_reduce", reduced, 1)
        self.branch3x3 = conv("branch3x3", wide, 3)
        self.branch3x3dbl_reduce = conv("branch3x3dbl_reduce", double_reduced, 1)
        self.branch3x3dbl_1 = conv("branch3x3dbl_1", double_wide, 3)
        self.branch3x3dbl_2 = conv("branch3x3dbl_2", double_wide, 3)
        self.branch_pool = conv("branch_pool", filters_pool, 1)
        self.pool = self.inner(
            keras.layers.AveragePooling2D,
            "pool",
            pool_size=3,
            strides=1,
            padding="same",
            data_format=self.data_format,
        )
        self.concat = self.inner(keras.layers.Concatenate, "concat", axis=self.channel_axis)

    @property
    def branches(self) -> tuple[tuple[ConvBN, ...], ...]:
        """The convolutions of each branch, in the order of the concatenation."""
        return (
            (self.branch1x1,),
            (self.branch3x3_reduce, self.branch3x3),
            (self.branch3x3dbl_reduce, self.branch3x3dbl_1, self.branch3x3dbl_2),
            (self.branch_pool,),
        )

    def build(self, input_shape: Shape) -> None:
        """Create every branch's variables."""
        for branch in self.branches:
            shape = input_shape  # the pooling before the last branch keeps it
            for conv in branch:
                conv.build(shape)
                shape = conv.compute_output_shape(shape)
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Run the branches and concatenate their maps."""
        maps = []
        for branch in self.branches:
            y = self.pool(x) if branch[0] is self.branch_pool else x
            for conv in branch:
                y = conv(y, training=training)
            maps.append(y)
        return self.concat(maps)

    @property
    def filters(self) -> int:
        """Output channels of all branches together."""
        wide = self.filters_3x3[1] + self.filters_double_3x3[1]
        return self.filters_1x1 + wide + self.filters_pool

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the concatenated map."""
        return self.map_shape(input_shape, self.filters, strides=1)

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "filters_1x1": self.filters_1x1,
            "filters_3x3": self.filters_3x3,
            "filters_double_3x3": self.filters_double_3x3,
            "filters_pool": self.filters_pool,
            "activation": self.activation,
        }
