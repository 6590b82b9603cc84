"""From a body to a model: the only place for input, head, pooling and weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from clothzoo import hub
from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.models import architecture
from clothzoo.models._body_weights import BodyWeights, load_h5

Weights = str | os.PathLike[str] | None
Shape = Sequence[int | None]

_POOLING = {
    "avg": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
}


def build(
    name_of: str,
    body: Callable[[Any, BodyWeights], Any],
    *,
    include_top: bool,
    weights: Weights,
    input_tensor: Any,
    input_shape: Shape | None,
    pooling: str | None,
    classes: int | Mapping[str, int],
    classifier_activation: str | None,
    name: str,
    dropout: float,
    freeze_until: str | None = None,
    like: str | None = None,
) -> keras.Model:
    """Put input, body and head together and fill in the weights.

    Args:
        name_of: id of the architecture.
        body: (image, weights of the body) → the last feature map, or one for each task.
        include_top: whether the network ends in class probabilities.
        weights: None, "imagenet", a preset's tag, or a path.
        input_tensor: a Keras tensor to build on; a new input where None.
        input_shape: (height, width, channels), or channels first under that setting.
        pooling: without top: None gives the map, "avg" or "max" a vector.
        classes: number of classes, or of each task's.
        classifier_activation: of the last layer; None for logits.
        name: of the model.
        dropout: rate before the last layer.
        freeze_until: name of a layer; it and all that it depends on are not trained.
        like: id of the architecture whose input the body takes, where not `name_of`.

    Returns:
        A flat Functional model.

    Raises:
        InvalidInput: an argument cannot be used.
        WeightsNotFound, PresetNotFound: `weights` names nothing that exists.
        WeightsMismatch: the weights are another network's.
    """
    tasks = _tasks(classes)
    if pooling is not None and pooling not in _POOLING:
        raise InvalidInput(f"no pooling {pooling!r}{did_you_mean(pooling, _POOLING)}")
    x = _image(like or name_of, input_tensor, input_shape)
    body_weights = BodyWeights(weights, name_of)
    path = body_weights.path  # a path that does not exist is an error before anything is built
    features = body(x, body_weights)

    head: list[str] = []
    if include_top:
        outputs: Any = {
            task: _head(_of(features, task), task, size, classifier_activation, dropout, head)
            for task, size in tasks.items()
        }
        outputs = outputs[""] if "" in tasks else outputs
    else:
        outputs = _pooled(features, pooling)
    inputs = x if input_tensor is None else keras.utils.get_source_inputs(x)
    model = keras.Model(inputs, outputs, name=name)

    if weights is not None and not body_weights.filled:
        if weights == "imagenet":
            raise InvalidInput(
                f"{name_of} has no ImageNet weights; use weights=None, a preset's tag or a path"
            )
        # What stands below the caller's tensor is not part of the stored network.
        network = model if input_tensor is None else keras.Model(x, outputs)
        if body_weights.is_h5:
            load_h5(network, path, name_of)
        else:
            hub.fill(network, name_of, path or str(weights), head=head)
    if freeze_until is not None:
        _freeze(model, freeze_until)
    return model


def _tasks(classes: int | Mapping[str, int]) -> dict[str, int]:
    tasks = dict(classes) if isinstance(classes, Mapping) else {"": classes}
    if not tasks:
        raise InvalidInput("tasks is empty; give e.g. tasks={'category': 17, 'kids': 2}")
    for task, size in tasks.items():
        what = f"tasks[{task!r}]" if task else "classes"
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InvalidInput(f"{what} must be a number of classes, 1 or more, not {size!r}")
        if task and not task.isidentifier():
            raise InvalidInput(
                f"task {task!r} cannot name a layer; use letters, digits and underscores"
            )
    return tasks


def _image(model_id: str, tensor: Any, shape: Shape | None) -> Any:
    """The image to build on, checked against what the architecture can take."""
    record = architecture(model_id)
    channels_last = keras.config.image_data_format() == "channels_last"
    if tensor is not None:
        given = tuple(tensor.shape)
        if len(given) != 4:
            raise InvalidInput(
                f"input_tensor must have 4 axes (batch, height, width, channels); its shape is "
                f"{given}"
            )
        if shape is not None and tuple(shape) != given[1:]:
            raise InvalidInput(f"input_shape={tuple(shape)} contradicts input_tensor's {given[1:]}")
        shape = given[1:]
    elif shape is None:
        height, width, channels = record.input_shape
        shape = record.input_shape if channels_last else (channels, height, width)
    shape = tuple(shape)
    if len(shape) != 3:
        order = "(height, width, channels)" if channels_last else "(channels, height, width)"
        raise InvalidInput(f"input_shape must be {order}, not {shape}")
    sides, channels_given = (shape[:2], shape[2]) if channels_last else (shape[1:], shape[0])
    if channels_given is None or channels_given < 1:
        raise InvalidInput(f"input_shape={shape} must say how many channels there are")
    if any(side is not None and side < record.smallest for side in sides):
        raise InvalidInput(
            f"input_shape={shape} is too small: {model_id} needs at least "
            f"{record.smallest} × {record.smallest} pixels"
        )
    return keras.Input(shape=shape, name="image") if tensor is None else tensor


def _of(features: Any, task: str) -> Any:
    return features[task] if isinstance(features, dict) else features


def _named(task: str, layer: str) -> str:
    return f"{task}_{layer}" if task else layer


def _head(
    features: Any, task: str, size: int, activation: str | None, dropout: float, head: list[str]
) -> Any:
    """Pooling, dropout and the classifier of one task; notes the classifier's name in `head`."""
    x = keras.layers.GlobalAveragePooling2D(name=_named(task, "avg_pool"))(features)
    x = keras.layers.Dropout(dropout, name=_named(task, "dropout"))(x)
    head.append(_named(task, "predictions"))
    # Probabilities from 16-bit logits lose rank order; the head stays float32.
    policy = keras.config.dtype_policy()
    dtype = policy if policy.compute_dtype == policy.variable_dtype else "float32"
    return keras.layers.Dense(size, activation=activation, dtype=dtype, name=head[-1])(x)


def _pooled(features: Any, pooling: str | None) -> Any:
    if isinstance(features, dict):
        return {t: _pool(f, pooling, _named(t, f"{pooling}_pool")) for t, f in features.items()}
    return _pool(features, pooling, f"{pooling}_pool")


def _pool(features: Any, pooling: str | None, name: str) -> Any:
    return features if pooling is None else _POOLING[pooling](name=name)(features)


def _freeze(model: keras.Model, until: str) -> None:
    """Stop training of a layer and of everything that its output depends on."""
    names = [layer.name for layer in model.layers]
    if until not in names:
        raise InvalidInput(f"freeze_until: no layer {until!r}{did_you_mean(until, names)}")
    for layer in keras.Model(model.inputs, model.get_layer(until).output).layers:
        layer.trainable = False
