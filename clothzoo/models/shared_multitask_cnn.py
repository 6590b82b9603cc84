"""The multi-task CNN with shared hidden layers: one trunk, one head per task."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras

from clothzoo.models._builder import Shape, Weights, build
from clothzoo.models._registry import register
from clothzoo.models._trunk import trunk_body

TASKS: Mapping[str, int] = {"category": 17, "kids": 2}


@register()
def SharedMultiTaskCNN(
    include_top: bool = True,
    weights: Weights = None,
    input_tensor: Any = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    tasks: Mapping[str, int] = TASKS,
    classifier_activation: str | None = "softmax",
    name: str = "shared_multitask_cnn",
    *,
    trunk: str = "inception_residual_cnn",
    trunk_arguments: Mapping[str, Any] | None = None,
    dropout: float = 0.2,
    freeze_until: str | None = None,
) -> keras.Model:
    """One trunk for all tasks and a head for each: hard parameter sharing.

    Args:
        include_top: whether the network ends in class probabilities.
        weights: None (random), a preset's tag, the path of a preset's weights, or, where the
            trunk is a transfer network, "imagenet" or the path of a body's `.weights.h5`.
        input_tensor: a Keras tensor to build on, e.g. another layer's output.
        input_shape: (height, width, channels); the trunk's default where None.
        pooling: without top: None gives the last map, "avg" or "max" a vector.
        tasks: name of each task → its number of classes.
        classifier_activation: of the last layers; None for logits.
        name: of the model.
        trunk: id of one of the five single-task architectures.
        trunk_arguments: what the trunk's own factory takes beside the common arguments, e.g.
            {"width": 0.5} or {"features_at": "mixed10"}.
        dropout: rate before the last layers.
        freeze_until: name of a layer; it and all below it are not trained.

    Returns:
        A model: (N, height, width, channels) float → dict of task → (N, classes) probabilities.

    Raises:
        InvalidInput: an argument cannot be used.
        ArchitectureNotFound: `trunk` is no single-task architecture.
        PresetNotFound, WeightsNotFound: `weights` names nothing that exists.
        WeightsMismatch: the weights are another network's.

    Reference:
        Caruana, "Multitask Learning", Machine Learning 28, 1997.
    """
    return build(
        "shared_multitask_cnn",
        partial(trunk_body(trunk), **dict(trunk_arguments or {})),
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=tasks,
        classifier_activation=classifier_activation,
        name=name,
        dropout=dropout,
        freeze_until=freeze_until,
        like=trunk,
    )
