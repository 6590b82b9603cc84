"""What is explained: a network, how photos are prepared for it, and what its outputs mean."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.hub.presets import preset as find_preset
from clothzoo.models import feature_layers, load
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.network import check_fit

Floats = NDArray[np.float32]
Source: TypeAlias = str | Path | keras.Model
Labels = Mapping[str, Sequence[str]] | Sequence[str]


@dataclass(frozen=True, eq=False)
class Network:
    """A network and what is known of it.

    Args:
        model: a flat Functional model with one image input.
        preprocessing: how photos are prepared for it.
        labels: {task: class names in the order of the outputs}; empty where they are not known.
    """

    model: keras.Model
    preprocessing: Preprocessing
    labels: Mapping[str, tuple[str, ...]]

    @property
    def outputs(self) -> dict[str, Any]:
        """Task → output tensor, for every output that is a vector of classes.

        The only output of a single-task network has the name of its task where the labels tell
        it, else "".
        """
        return {t: o for t, o in self._by_task(self.model.output).items() if len(o.shape) == 2}

    def scores(self, task: str, batch: Floats) -> Floats:
        """What the network gives for a task.

        Args:
            task: one of `outputs`.
            batch: float32 (N, H, W, C), prepared.

        Returns:
            float32 (N, classes).
        """
        return np.asarray(self._by_task(self.model.predict_on_batch(batch))[task], np.float32)

    def _by_task(self, given: Any) -> dict[str, Any]:
        if isinstance(given, Mapping):
            return dict(given)
        several = list(given) if isinstance(given, (list, tuple)) else [given]
        if len(self.labels) == len(several):
            return dict(zip(self.labels, several, strict=True))
        names = [""] if len(several) == 1 else map(str, range(len(several)))
        return dict(zip(names, several, strict=True))

    def task(self, name: str | None, label: str | int | None = None) -> str:
        """The task that is meant.

        Args:
            name: of the task; None for the only one, for the one that knows the label, or else
                for the first.
            label: a class of it.

        Raises:
            InvalidInput: there is none of that name, or no output is a vector of classes.
        """
        tasks = list(self.outputs)
        if not tasks:
            raise InvalidInput(
                f"model {self.model.name!r} ends in a feature map and names no classes; build it "
                "with include_top=True and without pooling"
            )
        if name is None:
            knowing = [t for t in tasks if label in self.labels.get(t, ())]
            return (knowing or tasks)[0]
        if name not in tasks:
            raise InvalidInput(
                f"model {self.model.name!r} has no task {name!r}{did_you_mean(name, tasks)}"
            )
        return name

    def index(self, task: str, label: str | int) -> int:
        """The number of a class.

        Args:
            task: what it is a class of.
            label: its name or its number.

        Raises:
            InvalidInput: the task has no such class.
        """
        size = self.outputs[task].shape[-1]
        names = self.labels.get(task, ())
        if isinstance(label, str):
            if label in names:
                return names.index(label)
            if not names:
                raise InvalidInput(
                    f"the names of model {self.model.name!r}'s classes are not known; give "
                    f"labels=[…], or the number of the class instead of {label!r}"
                )
            raise InvalidInput(f"no label {label!r}{did_you_mean(label, names)}")
        if not 0 <= label < size:
            raise InvalidInput(f"no class {label}; there are {size}, numbered from 0")
        return int(label)

    def name(self, task: str, index: int) -> str:
        """What a class is called: its label, or "class 3" where labels are not known."""
        names = self.labels.get(task, ())
        return names[index] if names else f"class {index}"

    def map_layer(self, level: str | None = None, task: str = "") -> keras.layers.Layer:
        """The layer that gives the feature map of a level.

        Args:
            level: "low", "mid", "high", a stage or a layer; the last map where None.
            task: whose branch is meant where the tasks have branches of their own.

        Raises:
            InvalidInput: there is no such level, or it is not a map.
        """
        return map_layer(self.model, level, task)

    def map_layers(self) -> list[str]:
        """Names of all layers that give a feature map, from image to head."""
        return [layer.name for layer in _layers(self.model) if _is_map(layer)]


def map_layer(model: keras.Model, level: str | None = None, task: str = "") -> keras.layers.Layer:
    """As `Network.map_layer`, of a model."""
    named: dict[str, str] = {}
    with suppress(InvalidInput):  # not one of our networks: its layers' own names must do
        named = feature_layers(model)
    layers = {layer.name: layer for layer in _layers(model)}
    maps = [name for name, layer in layers.items() if _is_map(layer)]
    if not maps:
        raise InvalidInput(
            f"model {model.name!r} has no layer that gives a feature map (N, H, W, C)"
        )
    if level is None:
        level = "high" if "high" in named else maps[-1]
    name = named.get(f"{task}_{level}") or named.get(level, level)
    if name not in layers:
        raise InvalidInput(
            f"model {model.name!r} has no level or layer {level!r}"
            + did_you_mean(level, [*named, *layers])
        )
    if name not in maps:
        raise InvalidInput(
            f"layer {name!r} of model {model.name!r} gives no feature map (N, H, W, C), but "
            f"{layers[name].output.shape}; name a level further below, e.g. {maps[-1]!r}"
        )
    return layers[name]


def network_of(
    source: Source,
    *,
    preprocessing: Preprocessing | None = None,
    labels: Labels | None = None,
) -> Network:
    """The network that a user named, with what is known of it.

    Args:
        source: a preset's name or folder, or a Keras model with one image input.
        preprocessing: how photos are prepared; in place of the preset's own, and needed for a
            model.
        labels: class names in the order of the outputs, or {task: names}; a preset knows its own.

    Raises:
        PresetNotFound: no preset has that name.
        InvalidInput: the preprocessing or the labels are missing or do not fit.
    """
    if isinstance(source, keras.Model):
        known: Mapping[str, Sequence[str]] = {}
        if preprocessing is None:
            raise InvalidInput(
                f"how are photos prepared for your model {source.name!r}? Give preprocessing="
                "clothzoo.preprocessing.Preprocessing(size=(height, width), scale=…, offset=…)"
            )
        model = source
        if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
            raise InvalidInput(
                f"what is explained needs one image input (N, H, W, C); model {model.name!r} "
                f"takes {[tuple(i.shape) for i in model.inputs]}"
            )
    else:
        record = find_preset(source)
        known, preprocessing = record.labels, preprocessing or record.preprocessing
        with _LOADING:
            model = _loaded(str(source), record.sha256)
    check_fit(model, preprocessing)
    if labels is not None:
        known = labels if isinstance(labels, Mapping) else {"": labels}
    network = Network(model, preprocessing, {t: tuple(names) for t, names in known.items()})
    for task, names in network.labels.items():
        output = network.outputs.get(task)
        if output is None or output.shape[-1] != len(names):
            sizes = {t: o.shape[-1] for t, o in network.outputs.items()}
            raise InvalidInput(
                f"model {model.name!r} has outputs of so many classes: {sizes}; but there are "
                f"{len(names)} labels for {task!r}"
            )
    return network


_LOADING = threading.Lock()


@lru_cache(maxsize=4)
def _loaded(name: str, _sha256: str) -> keras.Model:
    return load(name)


def layer_giving(model: keras.Model, tensor: Any) -> keras.layers.Layer | None:
    """The layer whose output is a tensor of the model's graph; None where it has several."""
    return next((layer for layer in model.layers if _output(layer) is tensor), None)


def depends(model: keras.Model, vector: Any, layer: keras.layers.Layer) -> bool:
    """Whether a tensor of the model's graph is computed from what a layer of it gives."""
    # By name: the model is cut here, and a layer of one is found again in the other.
    return layer.name in {la.name for la in keras.Model(model.inputs[0], vector).layers}


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    # What an input layer gives is the photo itself, and a model inside a model has no place in
    # the graph whose output it could be cut at.
    passed_over = (keras.layers.InputLayer, keras.Model)
    return [layer for layer in model.layers if not isinstance(layer, passed_over)]


def _is_map(layer: keras.layers.Layer) -> bool:
    return len(getattr(_output(layer), "shape", ())) == 4


def _output(layer: keras.layers.Layer) -> Any:
    try:
        return layer.output
    except AttributeError:  # it was never called
        return None
