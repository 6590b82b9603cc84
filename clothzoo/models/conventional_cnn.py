"""The conventional CNN: a pyramid of convolutions and poolings."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

from clothzoo.layers import ConvBN
from clothzoo.models._body_weights import BodyWeights
from clothzoo.models._builder import Shape, Weights, build
from clothzoo.models._registry import register
from clothzoo.models._stem import stem
from clothzoo.models._width import scaled


def body(x: Any, _weights: BodyWeights, *, width: float = 1.0) -> Any:
    """Five convolutions, 32·48·48·96·96 channels, with a pooling after the first and the third."""
    x = stem(x, scaled(32, width), name="conv1")
    for number, filters in enumerate((48, 48, 96, 96), start=2):
        x = ConvBN(scaled(filters, width), 3, name=f"conv{number}")(x)
        if number == 3:
            x = keras.layers.MaxPooling2D(name="pool2")(x)
    return x


@register(
    body=body,
    stages=("conv1", "conv2", "conv3", "conv4", "conv5"),
    low="conv2",
    mid="conv3",
)
def ConventionalCNN(
    include_top: bool = True,
    weights: Weights = None,
    input_tensor: Any = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    name: str = "conventional_cnn",
    *,
    width: float = 1.0,
    dropout: float = 0.2,
) -> keras.Model:
    """A conventional CNN; 0.16 M parameters at 28 × 28 × 1.

    Args:
        include_top: whether the network ends in class probabilities.
        weights: None (random), a preset's tag, or the path of a preset's weights.
        input_tensor: a Keras tensor to build on, e.g. another layer's output.
        input_shape: (height, width, channels), at least 28 × 28; 28 × 28 × 1 where None.
        pooling: without top: None gives the last map, "avg" or "max" a vector.
        classes: number of classes.
        classifier_activation: of the last layer; None for logits.
        name: of the model.
        width: multiplies the channels of every layer.
        dropout: rate before the last layer.

    Returns:
        A model: (N, height, width, channels) float → (N, classes) probabilities.

    Raises:
        InvalidInput: an argument cannot be used.
        PresetNotFound, WeightsNotFound: `weights` names nothing that exists.
        WeightsMismatch: the weights are another network's.
    """
    return build(
        "conventional_cnn",
        partial(body, width=width),
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
        dropout=dropout,
    )
