"""The CNN with Inception modules and residual shortcuts."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

from clothzoo.layers import InceptionResidualBlock
from clothzoo.models._body_weights import BodyWeights
from clothzoo.models._builder import Shape, Weights, build
from clothzoo.models._registry import register
from clothzoo.models._stem import stem
from clothzoo.models._width import scaled, scaled_branches

# Output channels, then those of the branches: 1×1, (reduced, 3×3), (reduced, double 3×3), pooled.
_BLOCKS = (
    (96, (24, (32, 48), (16, 24), 24)),
    (144, (40, (40, 64), (20, 40), 24)),
    (176, (48, (48, 88), (24, 40), 32)),
)


def body(x: Any, _weights: BodyWeights, *, width: float = 1.0) -> Any:
    """A convolution, one Inception-residual block at 14 × 14 and two at 7 × 7."""
    x = stem(x, scaled(32, width), name="stem")
    for number, (filters, channels) in enumerate(_BLOCKS, start=1):
        x = InceptionResidualBlock(
            scaled(filters, width),
            *scaled_branches(channels, width),
            name=f"inception_residual{number}",
        )(x)
        if number == 1:
            x = keras.layers.MaxPooling2D(name="pool2")(x)
    return x


@register(
    body=body,
    stages=("stem", "inception_residual1", "inception_residual2", "inception_residual3"),
    low="inception_residual1",
    mid="inception_residual2",
)
def InceptionResidualCNN(
    include_top: bool = True,
    weights: Weights = None,
    input_tensor: Any = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    name: str = "inception_residual_cnn",
    *,
    width: float = 1.0,
    dropout: float = 0.2,
) -> keras.Model:
    """A CNN with Inception modules and residual shortcuts; 0.29 M parameters at 28 × 28 × 1.

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
        "inception_residual_cnn",
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
