"""The multi-task CNN with partially shared hidden layers: a trunk that branches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import keras

from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.layers import CrossStitch
from clothzoo.models import architecture
from clothzoo.models._body_weights import BodyWeights
from clothzoo.models._builder import Shape, Weights, build
from clothzoo.models._graft import graft
from clothzoo.models._registry import register
from clothzoo.models._trunk import trunk_body
from clothzoo.models.shared_multitask_cnn import TASKS


def body(
    x: Any,
    weights: BodyWeights,
    *,
    tasks: Mapping[str, int],
    trunk: str,
    trunk_arguments: Mapping[str, Any],
    branch_at: str | None,
    exchange: bool,
) -> dict[str, Any]:
    """The trunk up to a stage, then a copy of its upper part for each task."""
    # The whole trunk is built once, filled, and its upper part copied for each task; what stays
    # of the original above the branching is not reachable from the model's outputs.
    features = trunk_body(trunk)(x, weights, **trunk_arguments)
    whole = keras.Model(x, features)
    record = architecture(trunk)
    stages = [stage for stage in record.stages if any(la.name == stage for la in whole.layers)]
    branch_at = record.mid if branch_at is None else branch_at
    if branch_at not in stages[:-1]:
        raise InvalidInput(
            f"branch_at: {trunk} does not branch at {branch_at!r}"
            f"{did_you_mean(branch_at, stages[:-1])}"
        )
    if exchange and len(tasks) < 2:
        raise InvalidInput(f"exchange=True needs two or more tasks; there is {list(tasks)}")

    upper = stages[stages.index(branch_at) :]
    maps = dict.fromkeys(tasks, whole.get_layer(branch_at).output)
    for lower, stage in pairwise(upper):
        segment = keras.Model(whole.get_layer(lower).output, whole.get_layer(stage).output)
        for task in tasks:
            grafted = graft(segment, maps[task], rename=f"{task}_{{}}".format)
            maps[task] = grafted[f"{task}_{stage}"]
        if exchange:
            mixed = CrossStitch(name=f"exchange_{stage}")(list(maps.values()))
            maps = dict(zip(tasks, mixed, strict=True))
    return maps


@register()
def PartiallySharedMultiTaskCNN(
    include_top: bool = True,
    weights: Weights = None,
    input_tensor: Any = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    tasks: Mapping[str, int] = TASKS,
    classifier_activation: str | None = "softmax",
    name: str = "partially_shared_multitask_cnn",
    *,
    trunk: str = "inception_residual_cnn",
    trunk_arguments: Mapping[str, Any] | None = None,
    branch_at: str | None = None,
    exchange: bool = False,
    dropout: float = 0.2,
    freeze_until: str | None = None,
) -> keras.Model:
    """Lower layers for all tasks, then a branch and a head for each.

    Args:
        include_top: whether the network ends in class probabilities.
        weights: None (random), a preset's tag, the path of a preset's weights, or, where the
            trunk is a transfer network, "imagenet" or the path of a body's `.weights.h5`.
        input_tensor: a Keras tensor to build on, e.g. another layer's output.
        input_shape: (height, width, channels); the trunk's default where None.
        pooling: without top: None gives each task's last map, "avg" or "max" a vector.
        tasks: name of each task → its number of classes.
        classifier_activation: of the last layers; None for logits.
        name: of the model.
        trunk: id of one of the five single-task architectures.
        trunk_arguments: what the trunk's own factory takes beside the common arguments, e.g.
            {"width": 0.5} or {"features_at": "mixed10"}.
        branch_at: the last shared stage of the trunk; its mid level where None. The branches
            start with the same weights.
        exchange: mix the branches' maps after each stage by a learned cross-stitch.
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
        Misra et al., "Cross-stitch Networks for Multi-task Learning", 2016,
        https://arxiv.org/abs/1604.03539 (the exchange).
    """
    return build(
        "partially_shared_multitask_cnn",
        partial(
            body,
            tasks=tasks,
            trunk=trunk,
            trunk_arguments=dict(trunk_arguments or {}),
            branch_at=branch_at,
            exchange=exchange,
        ),
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
