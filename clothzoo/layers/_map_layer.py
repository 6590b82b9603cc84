"""What every layer over feature maps shares: data format, inner layers, their build and config."""

from __future__ import annotations

from typing import Any

import keras

Shape = tuple[int | None, ...]


class MapLayer(keras.layers.Layer):
    """A layer whose input and output are 4-D feature maps.

    Args:
        data_format: "channels_last", "channels_first", or None for Keras's setting.
        **kwargs: name, dtype and trainable, as in every Keras layer.
    """

    def __init__(self, *, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format or keras.config.image_data_format()
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(
                f"{type(self).__name__}: data_format must be 'channels_last' or "
                f"'channels_first', not {data_format!r}"
            )

    @property
    def channel_axis(self) -> int:
        """Which axis of the 4-D map holds the channels."""
        return -1 if self.data_format == "channels_last" else 1

    def inner(self, layer: type[keras.layers.Layer], name: str, **arguments: Any) -> Any:
        """Make an inner layer with this layer's dtype policy.

        A sublayer made without it would stay float32 under a mixed policy.
        """
        return layer(name=name, dtype=self.dtype_policy, **arguments)

    def map_shape(self, input_shape: Shape, filters: int, strides: int) -> Shape:
        """The shape of a "same" padded, strided map with another number of channels."""
        if self.data_format == "channels_last":
            batch, height, width, _ = input_shape
        else:
            batch, _, height, width = input_shape
        height, width = (None if n is None else -(-n // strides) for n in (height, width))
        if self.data_format == "channels_last":
            return (batch, height, width, filters)
        return (batch, filters, height, width)

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild this layer."""
        return {**super().get_config(), "data_format": self.data_format}
