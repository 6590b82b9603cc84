"""Pooling layers that turn a feature map into a vector."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput
from clothzoo.layers._map_layer import MapLayer, Shape


class MapPooling(MapLayer):
    """A layer that makes one vector out of a 4-D feature map."""

    @property
    def sides(self) -> slice:
        """Which axes of the 4-D map are height and width."""
        return slice(1, 3) if self.data_format == "channels_last" else slice(2, 4)


@keras.saving.register_keras_serializable(package="clothzoo")
class GeMPooling2D(MapPooling):
    """Generalised-mean pooling: `mean(x ** p) ** (1 / p)` of each channel over the map.

    It lies between average pooling (`p=1`) and maximum pooling (`p → ∞`). Values below
    `epsilon` count as `epsilon`, so it is meant for maps after a ReLU.

    Args:
        p: the exponent, at least 1.
        epsilon: the smallest value taken to the power.
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.

    Input shape:
        (N, H, W, C), or (N, C, H, W) under channels_first.

    Output shape:
        (N, C).

    Raises:
        InvalidInput: `p` is below 1.

    Reference:
        Radenović, Tolias, Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation",
        2018, https://arxiv.org/abs/1711.02512, equation 3.

    Example:
        >>> import keras
        >>> from clothzoo.layers import GeMPooling2D
        >>> tuple(GeMPooling2D(p=3)(keras.ops.ones((2, 7, 7, 16))).shape)
        (2, 16)
    """

    def __init__(self, p: float = 3.0, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if p < 1:
            raise InvalidInput(f"GeMPooling2D: p must be at least 1, not {p!r}")
        self.p = p
        self.epsilon = epsilon

    def call(self, x: Any) -> Any:
        """Pool each channel."""
        powers = ops.power(ops.maximum(x, self.epsilon), self.p)
        return ops.power(ops.mean(powers, axis=tuple(range(4)[self.sides])), 1 / self.p)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, C)."""
        return input_shape[0], input_shape[self.channel_axis]

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), "p": self.p, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="clothzoo")
class GridAveragePooling2D(MapPooling):
    """The averages of the cells of an n×n grid laid over the map, one behind the other.

    The cells have the same area on any map size: a row or column that a border crosses counts to
    both sides in proportion. So the mean over the cells is the mean of the map.

    Args:
        grid: number of cells along each side.
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.

    Input shape:
        (N, H, W, C), or (N, C, H, W) under channels_first; H and W must be known.

    Output shape:
        (N, grid · grid · C): the cells in reading order, the channels of a cell together.

    Raises:
        InvalidInput: `grid` is below 1, or H or W is not known.

    Example:
        >>> import keras
        >>> from clothzoo.layers import GridAveragePooling2D
        >>> tuple(GridAveragePooling2D(grid=4)(keras.ops.ones((2, 7, 7, 16))).shape)
        (2, 256)
    """

    def __init__(self, grid: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if grid < 1:
            raise InvalidInput(f"GridAveragePooling2D: grid must be at least 1, not {grid!r}")
        self.grid = grid

    def build(self, input_shape: Shape) -> None:
        """Check that the map's size is known."""
        if None in input_shape[self.sides]:
            raise InvalidInput(
                f"GridAveragePooling2D: height and width must be known, not {input_shape}; "
                "build the model with a fixed input_shape"
            )
        self.built = True

    def call(self, x: Any) -> Any:
        """Average each cell."""
        height, width = x.shape[self.sides]
        last = self.data_format == "channels_last"
        cells = ops.einsum(
            "yh,bhwc,xw->byxc" if last else "yh,bchw,xw->byxc",
            ops.cast(_shares(height, self.grid), x.dtype),
            x,
            ops.cast(_shares(width, self.grid), x.dtype),
        )
        return ops.reshape(cells, (-1, self.grid**2 * x.shape[self.channel_axis]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(N, grid · grid · C)."""
        channels = input_shape[self.channel_axis]
        return input_shape[0], None if channels is None else self.grid**2 * channels

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), "grid": self.grid}


def _shares(length: int, cells: int) -> NDArray[np.float32]:
    """(cells, length): how much each of `length` places adds to each cell's mean.

    >>> _shares(3, 2).astype(float).round(2).tolist()
    [[0.67, 0.33, 0.0], [0.0, 0.33, 0.67]]
    """
    borders = np.arange(cells + 1)[:, None] * (length / cells)
    before_border = np.clip(borders - np.arange(length), 0, 1)
    return np.asarray(np.diff(before_border, axis=0) * (cells / length), np.float32)
