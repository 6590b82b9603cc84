"""The transfer-learned CNN on MobileNetV2."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

from clothzoo.models._body_weights import BodyWeights
from clothzoo.models._builder import Shape, Weights, build
from clothzoo.models._graft import FIXED_BATCH_NORM, graft
from clothzoo.models._registry import register


def body(x: Any, weights: BodyWeights, *, alpha: float = 1.0) -> Any:
    """MobileNetV2 up to its last convolution, named as in keras.applications."""
    stock = _stock(alpha, x.shape[1:], weights=None)
    weights.fill(stock, lambda: _stock(alpha, None, weights="imagenet"))
    return graft(stock, x, rename=str, replace=FIXED_BATCH_NORM)["out_relu"]


def _stock(alpha: float, input_shape: Any, weights: str | None) -> keras.Model:
    return keras.applications.MobileNetV2(
        include_top=False, weights=weights, input_shape=input_shape, alpha=alpha
    )


@register(
    body=body,
    # The expanded maps: non-negative, unlike the linear bottlenecks between them, so that
    # Bray-Curtis is at home on them.
    stages=(
        "block_1_expand_relu",
        "block_3_expand_relu",
        "block_6_expand_relu",
        "block_13_expand_relu",
        "out_relu",
    ),
    low="block_6_expand_relu",
    mid="block_13_expand_relu",
    input_shape=(224, 224, 3),
    smallest=32,
    scale=1 / 127.5,
    offset=-1.0,
)
def TransferMobileNetV2(
    include_top: bool = True,
    weights: Weights = None,
    input_tensor: Any = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    name: str = "transfer_mobilenet_v2",
    *,
    alpha: float = 1.0,
    dropout: float = 0.2,
    freeze_until: str | None = None,
) -> keras.Model:
    """MobileNetV2 under a new head, for transfer learning; 2.3 M parameters.

    The batch normalisation of the backbone always runs in inference mode: its statistics are
    ImageNet's, while its scales and shifts can be trained.

    Args:
        include_top: whether the network ends in class probabilities.
        weights: None (random), "imagenet" (the file of keras.applications, into the body), the
            path of a body's `.weights.h5`, a preset's tag, or the path of a preset's weights.
        input_tensor: a Keras tensor to build on, e.g. another layer's output.
        input_shape: (height, width, channels), at least 32 × 32; 224 × 224 × 3 where None.
        pooling: without top: None gives the last map, "avg" or "max" a vector.
        classes: number of classes.
        classifier_activation: of the last layer; None for logits.
        name: of the model.
        alpha: multiplies the channels of every layer, as in keras.applications.
        dropout: rate before the last layer.
        freeze_until: name of a layer, e.g. "block_13_expand_relu"; it and all below it are not
            trained.

    Returns:
        A model: (N, height, width, 3) float in [−1, 1] → (N, classes) probabilities.

    Raises:
        InvalidInput: an argument cannot be used.
        PresetNotFound, WeightsNotFound: `weights` names nothing that exists.
        WeightsMismatch: the weights are another network's.

    Reference:
        Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018,
        https://arxiv.org/abs/1801.04381.
    """
    return build(
        "transfer_mobilenet_v2",
        partial(body, alpha=alpha),
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
        dropout=dropout,
        freeze_until=freeze_until,
    )
