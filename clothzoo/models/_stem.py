"""The first layers of the networks that are trained from scratch."""

from __future__ import annotations

import math
from typing import Any

import keras

from clothzoo.errors import InvalidInput
from clothzoo.layers import ConvBN


def stem(x: Any, filters: int, *, name: str) -> Any:
    """Bring an image of any size to twice the side that the two later halvings turn into 7.

    A 28-pixel image passes one convolution and a pooling. Each doubling of the image adds a
    stride: first to that convolution, then as a strided convolution of its own.

    Args:
        x: the image.
        filters: channels of every convolution here.
        name: of the first convolution; the others are `<name>_down1`, `<name>_down2`, …

    Returns:
        A map of about 14 × 14.

    Raises:
        InvalidInput: height or width is not known.
    """
    first = 1 if keras.config.image_data_format() == "channels_last" else 2
    sides = x.shape[first : first + 2]
    if None in sides:
        raise InvalidInput(
            f"input_shape={tuple(x.shape[1:])} must name height and width: the strides of this "
            "network follow from them"
        )
    extra = max(0, round(math.log2(min(sides) / 28)))
    x = ConvBN(filters, 3, strides=2 if extra else 1, name=name)(x)
    for number in range(1, extra):
        x = ConvBN(filters, 3, strides=2, name=f"{name}_down{number}")(x)
    return keras.layers.MaxPooling2D(name="pool1")(x)
