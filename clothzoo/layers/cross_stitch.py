"""Exchange of features between the branches of a multi-task network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from clothzoo.layers._map_layer import MapLayer, Shape


@keras.saving.register_keras_serializable(package="clothzoo")
class CrossStitch(MapLayer):
    """Every branch's map becomes a learned, channel-wise mixture of all branches' maps.

    Output t is Σₛ α[t, s] · input s, with one weight per channel. It starts near the identity,
    so that each task begins with its own features and learns how much to borrow.

    Args:
        own: initial weight of a branch's own map; the rest, 1 − own, is shared out evenly
            among the others.
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.

    Input shape:
        A list of T maps of one shape, (N, H, W, C) or (N, C, H, W).

    Output shape:
        A list of T maps of that shape.

    Reference:
        Misra et al., "Cross-stitch Networks for Multi-task Learning", 2016,
        https://arxiv.org/abs/1604.03539.

    Example:
        >>> import keras
        >>> from clothzoo.layers import CrossStitch
        >>> a, b = CrossStitch()([keras.ops.ones((1, 7, 7, 4)), keras.ops.zeros((1, 7, 7, 4))])
        >>> tuple(a.shape), round(float(a[0, 0, 0, 0]), 2), round(float(b[0, 0, 0, 0]), 2)
        ((1, 7, 7, 4), 0.9, 0.1)
    """

    def __init__(self, *, own: float = 0.9, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.own = own

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Create the mixing weights, shape (T, T, C)."""
        shapes = [tuple(shape) for shape in input_shape]
        if len(shapes) < 2 or len(set(shapes)) != 1:
            raise ValueError(
                f"CrossStitch takes two or more maps of one shape; got {len(shapes)}: {shapes}"
            )
        tasks, channels = len(shapes), shapes[0][self.channel_axis]
        if channels is None:
            raise ValueError(f"CrossStitch needs a known number of channels; got {shapes[0]}")

        def near_identity(shape: Shape, dtype: Any = None) -> Any:
            others = (1.0 - self.own) / (tasks - 1)
            mixing = others + (self.own - others) * keras.ops.eye(tasks, dtype=dtype)
            # Not broadcast or repeated: on PyTorch the channels would share memory that cannot be
            # written to, so that no weights could be loaded.
            return mixing[:, :, None] * keras.ops.ones(shape, dtype=dtype)

        self.mixing = self.add_weight(
            name="mixing", shape=(tasks, tasks, channels), initializer=near_identity
        )
        self.built = True

    def call(self, maps: Sequence[Any]) -> list[Any]:
        """Mix the maps."""
        mixing = keras.ops.cast(self.mixing, self.compute_dtype)
        if self.data_format == "channels_first":
            mixing = mixing[:, :, :, None, None]
        return [
            sum(mixing[target, source] * maps[source] for source in range(len(maps)))
            for target in range(len(maps))
        ]

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> list[Shape]:
        """The shapes of the mixed maps: those of the inputs."""
        return [tuple(shape) for shape in input_shape]

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), "own": self.own}
