"""A Keras network cut at the feature maps a descriptor needs; nothing above is computed."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.hub.presets import preset
from clothzoo.layers import GeMPooling2D, GridAveragePooling2D
from clothzoo.models import architecture, feature_layers, load
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.descriptors import Descriptor, Part, Pooling
from clothzoo.retrieval.extractor import is_preset, named


class KerasNetwork:
    """A network from batches of prepared photos to pooled feature maps, run by Keras.

    Calls from several threads take turns: Keras's own predict function is not made for more.

    Args:
        model: any Keras model with one image input.
        descriptor: which maps of it, and how they are pooled; nothing else of it counts here.

    Raises:
        InvalidInput: the model has no such level or layer, or not one image input.
    """

    def __init__(self, model: keras.Model, descriptor: Descriptor) -> None:
        parts = _pooled(model, descriptor)
        self.model = _joined(model, parts)
        self._lock = threading.Lock()
        self.sizes: tuple[int, ...] = tuple(part.shape[-1] for part in parts)
        self.dim: int = sum(self.sizes)
        self.precision: str = _precision(model, descriptor)

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute pooled maps.

        Args:
            batch: float32 (N, height, width, channels), preprocessed.

        Returns:
            float32 (N, dim), the parts one behind the other.
        """
        with self._lock:
            return np.asarray(self.model.predict_on_batch(batch), np.float32)

    def weights_sha256(self) -> str:
        """One hash over every value that the cut network computes with, in graph order."""
        digest = hashlib.sha256()
        for variable in self.model.variables:
            values = np.ascontiguousarray(keras.ops.convert_to_numpy(variable), np.float32)
            digest.update(str(values.shape).encode())
            digest.update(values.data)
        return digest.hexdigest()


def cut(model: keras.Model, descriptor: Descriptor) -> keras.Model:
    """The part of a model that a descriptor needs, ending in the pooled maps.

    Args:
        model: any Keras model with one image input; it is not changed and shares its variables.
        descriptor: which maps of it, and how they are pooled. A level that is a vector already
            (a trained embedding) is not pooled.

    Returns:
        A model from (N, H, W, C) to float32 (N, D), the pooled maps one behind the other.

    Raises:
        InvalidInput: the model has no such level or layer, or not one image input.
    """
    return _joined(model, _pooled(model, descriptor))


def _pooled(model: keras.Model, descriptor: Descriptor) -> list[Any]:
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise InvalidInput(
            f"an extractor needs one image input (N, H, W, C); model {model.name!r} takes "
            f"{[tuple(i.shape) for i in model.inputs]}"
        )
    found = []
    for part in descriptor.of_network:
        x = _layer(model, part.level).output
        found.append(_pooling(part)(x) if len(x.shape) == 4 else x)
    return found


def _joined(model: keras.Model, parts: list[Any]) -> keras.Model:
    output = parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="fusion")(parts)
    return keras.Model(model.inputs[0], output, name="descriptor")


def _pooling(part: Part) -> keras.layers.Layer:
    # Under a mixed policy the map may be bfloat16; means are taken in float32.
    pooling = Pooling.of(part.of_network)
    options: dict[str, Any] = {"name": f"{part.level}_{part.of_network}", "dtype": "float32"}
    match pooling.kind:
        case "flatten":
            return keras.layers.Flatten(**options)
        case "gem":
            return GeMPooling2D(pooling.p, **options)
        case "grid":
            return GridAveragePooling2D(pooling.grid, **options)
        case "max":
            return keras.layers.GlobalMaxPooling2D(**options)
    return keras.layers.GlobalAveragePooling2D(**options)


def load_source(
    source: str, weights: str | Path | None, preprocessing: Preprocessing | None
) -> tuple[str, keras.Model, Preprocessing]:
    """Build the network that a user named.

    Args:
        source: a preset's name, or an architecture's id.
        weights: for an architecture: None (random), "imagenet", a preset's tag or a path.
        preprocessing: in place of the preset's or the architecture's own.

    Returns:
        The name (an id with a tag is a preset), the model, whose head gives logits, and how photos
        are prepared for it.

    Raises:
        InvalidInput: a preset and weights besides were given.
        PresetNotFound, ArchitectureNotFound, WeightsNotFound, WeightsMismatch: what they say.
    """
    source, weights = named(source, weights)
    if not is_preset(source):
        record = architecture(source)
        preprocessing = preprocessing or record.preprocessing()
        model = record.factory(
            include_top=False, weights=weights, input_shape=preprocessing.shape, name=source
        )
        return source, model, preprocessing
    return source, load(source, classifier_activation=None), preset(source).preprocessing


def check_fit(model: keras.Model, preprocessing: Preprocessing) -> None:
    """Refuse a preprocessing whose result the model does not take.

    Raises:
        InvalidInput: both shapes, and what to change.
    """
    wanted = tuple(model.inputs[0].shape[1:])
    given = preprocessing.shape
    if any(w not in (None, g) for w, g in zip(wanted, given, strict=True)):
        raise InvalidInput(
            f"model {model.name!r} takes images of shape {wanted}, but the preprocessing makes "
            f"{given}; give preprocessing=Preprocessing(size=…, color=…) that fits"
        )


def _layer(model: keras.Model, level: str) -> keras.layers.Layer:
    named: dict[str, str] = {}
    with suppress(InvalidInput):  # not one of our networks: its layers' own names must do
        named = feature_layers(model)
    names = [layer.name for layer in model.layers]
    name = named.get(level, level)
    if name not in names:
        raise InvalidInput(
            f"model {model.name!r} has no level or layer {level!r}"
            + did_you_mean(level, [*named, *names])
        )
    return model.get_layer(name)


def _precision(model: keras.Model, descriptor: Descriptor) -> str:
    dtypes = {_layer(model, part.level).compute_dtype for part in descriptor.of_network}
    return "+".join(sorted(dtypes))
