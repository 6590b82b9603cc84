"""The transfer-learned CNN on Inception-v3."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.models._body_weights import BodyWeights
from clothzoo.models._builder import Shape, Weights, build
from clothzoo.models._graft import FIXED_BATCH_NORM, graft
from clothzoo.models._registry import register

# How many convolutions each part has, in the order in which keras.applications makes them.
_CONVOLUTIONS = {
    "stem": 5,
    **dict.fromkeys(("mixed0", "mixed1", "mixed2"), 7),
    "mixed3": 4,
    **dict.fromkeys(("mixed4", "mixed5", "mixed6", "mixed7"), 10),
    "mixed8": 6,
    **dict.fromkeys(("mixed9", "mixed10"), 9),
}
_LAST = ("mixed8", "mixed10")


def body(x: Any, weights: BodyWeights, *, features_at: str = "mixed8") -> Any:
    """Inception-v3 up to a module; every layer named after its module."""
    if features_at not in _LAST:
        raise InvalidInput(f"features_at: no {features_at!r}{did_you_mean(features_at, _LAST)}")
    stock = _stock(features_at, x.shape[1:], weights=None)
    weights.fill(stock, lambda: _stock(features_at, None, weights="imagenet"))
    return graft(stock, x, rename=_names(stock).__getitem__, replace=FIXED_BATCH_NORM)[features_at]


def _stock(features_at: str, input_shape: Any, weights: str | None) -> keras.Model:
    stock = keras.applications.InceptionV3(
        include_top=False, weights=weights, input_shape=input_shape
    )
    return keras.Model(stock.input, stock.get_layer(features_at).output)


def _names(stock: keras.Model) -> dict[str, str]:
    """Stock name → our name.

    keras.applications leaves its convolutions auto-named (`conv2d_17`), with numbers that depend
    on what the process made before; weights stored by name need names that do not.
    """
    parts = [part for part, count in _CONVOLUTIONS.items() for _ in range(count)]
    numbered = [
        f"{part}_conv{sum(p == part for p in parts[:i]) + 1}" for i, part in enumerate(parts)
    ]
    names = {layer.name: layer.name for layer in stock.layers if layer.name.startswith("mixed")}
    suffixes = {
        keras.layers.Conv2D: "",
        keras.layers.BatchNormalization: "_bn",
        keras.layers.Activation: "_relu",
    }
    for kind, suffix in suffixes.items():
        made = sorted((la.name for la in stock.layers if type(la) is kind), key=_creation_number)
        names.update({old: new + suffix for old, new in zip(made, numbered, strict=False)})
    # Poolings and the inner concatenations have no weights; they are numbered through.
    for kind, word in (
        (keras.layers.MaxPooling2D, "max_pool"),
        (keras.layers.AveragePooling2D, "avg_pool"),
        (keras.layers.Concatenate, "concat"),
    ):
        made = [la.name for la in stock.layers if type(la) is kind and la.name not in names]
        made.sort(key=_creation_number)
        names.update({old: f"{word}{number}" for number, old in enumerate(made, start=1)})
    return names


def _creation_number(name: str) -> int:
    number = name.rpartition("_")[2]
    return int(number) if number.isdecimal() else 0


@register(
    body=body,
    stages=tuple(part for part in _CONVOLUTIONS if part != "stem"),
    low="mixed0",
    mid="mixed4",
    input_shape=(224, 224, 3),
    smallest=75,
    scale=1 / 127.5,
    offset=-1.0,
)
def TransferInceptionV3(
    include_top: bool = True,
    weights: Weights = None,
    input_tensor: Any = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    name: str = "transfer_inception_v3",
    *,
    features_at: str = "mixed8",
    dropout: float = 0.2,
    freeze_until: str | None = None,
) -> keras.Model:
    """Inception-v3 under a new head, for transfer learning; 11 M parameters up to `mixed8`.

    The batch normalisation of the backbone always runs in inference mode: its statistics are
    ImageNet's, while its scales and shifts can be trained.

    Args:
        include_top: whether the network ends in class probabilities.
        weights: None (random), "imagenet" (the file of keras.applications, into the body), the
            path of a body's `.weights.h5`, a preset's tag, or the path of a preset's weights.
        input_tensor: a Keras tensor to build on, e.g. another layer's output.
        input_shape: (height, width, channels), at least 75 × 75; 224 × 224 × 3 where None.
        pooling: without top: None gives the last map, "avg" or "max" a vector.
        classes: number of classes.
        classifier_activation: of the last layer; None for logits.
        name: of the model.
        features_at: the last module, "mixed8" (1,280 channels) or "mixed10" (2,048).
        dropout: rate before the last layer.
        freeze_until: name of a layer, e.g. "mixed4"; it and all below it are not trained.

    Returns:
        A model: (N, height, width, 3) float in [−1, 1] → (N, classes) probabilities.

    Raises:
        InvalidInput: an argument cannot be used.
        PresetNotFound, WeightsNotFound: `weights` names nothing that exists.
        WeightsMismatch: the weights are another network's.

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015,
        https://arxiv.org/abs/1512.00567.
    """
    return build(
        "transfer_inception_v3",
        partial(body, features_at=features_at),
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
