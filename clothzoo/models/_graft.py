"""A Functional model's layers, cloned one by one onto another tensor, so that the graph is flat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from clothzoo.layers import InferenceBatchNormalization

FIXED_BATCH_NORM = {keras.layers.BatchNormalization: InferenceBatchNormalization}


def graft(
    model: keras.Model,
    onto: Any,
    *,
    rename: Callable[[str], str],
    replace: Mapping[type, Any] | None = None,
) -> dict[str, Any]:
    """Clone every layer of a model, under a new name, onto a tensor.

    Args:
        model: a Functional model with one input.
        onto: what the first layer is called on.
        rename: old name of a layer → its new name.
        replace: class of a layer → class to make in its place, from the same config.

    Returns:
        The output of each new layer by the layer's new name. The new layers' variables start
        with the values of the old ones.
    """
    outputs: dict[str, Any] = {}
    layers: dict[str, keras.layers.Layer] = {}

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.InputLayer):
            return layer
        config = layer.get_config()
        config["name"] = rename(layer.name)
        layers[layer.name] = (replace or {}).get(type(layer), type(layer)).from_config(config)
        return layers[layer.name]

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        outputs[layer.name] = layer(*args, **kwargs)
        return outputs[layer.name]

    keras.models.clone_model(model, input_tensors=onto, clone_function=clone, call_function=call)
    for old in model.layers:
        if old.name in layers and old.weights:
            layers[old.name].set_weights(old.get_weights())
    return outputs
