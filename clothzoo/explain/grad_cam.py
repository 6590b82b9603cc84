"""Which part of a photo speaks for a class: Grad-CAM and its kin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from clothzoo.datasets.photo import Box, Photo, Pixels, open_photo
from clothzoo.explain.gradients import MapGradient
from clothzoo.explain.heat import Floats, method_of, on_photo, scaled
from clothzoo.explain.networks import Labels, Network, Source, layer_giving, network_of
from clothzoo.preprocessing import Preprocessing


def class_map(
    model_or_preset: Source,
    photo: Photo,
    *,
    task: str | None = None,
    label: str | int | None = None,
    method: str = "grad_cam++",
    level: str | None = None,
    box: Box | None = None,
    preprocessing: Preprocessing | None = None,
    labels: Labels | None = None,
) -> Floats:
    """Which part of a photo speaks for a class.

    Args:
        model_or_preset: a preset's name or folder, or a Keras model with one image input.
        photo: a path, a PIL image, or uint8 pixels.
        task: of a multi-task network; None for the one that knows the label, or the first.
        label: the class, by name or number; the most probable one where None.
        method: "grad_cam", "grad_cam++" or "hires_cam".
        level: whose map is looked at: "low", "mid", "high", a stage or a layer; the last map
            where None.
        box: (x, y, width, height) of the garment, in pixels of the photo.
        preprocessing: how photos are prepared; a Keras model of your own needs it.
        labels: class names of a Keras model in the order of its outputs, or {task: names}.

    Returns:
        float32 (height, width) of the upright photo, from 0 to 1; 1 is the place that speaks for
        the class most, and all is 0 where nothing does. Outside the box, and where the
        preprocessing cuts the photo off, it is 0.

    Raises:
        UnreadablePhoto: the photo cannot be decoded.
        InvalidInput: there is no such task, label, method or level, or the network has no map.
        PresetNotFound: no preset has that name.

    Example:
        >>> from clothzoo import explain
        >>> heat = explain.class_map("conventional_cnn.fashion_mnist", "boot.png")
        ... # doctest: +SKIP
        >>> explain.overlay("boot.png", heat).save("why.png")  # doctest: +SKIP
    """
    network = network_of(model_or_preset, preprocessing=preprocessing, labels=labels)
    (found,) = evidence(network, photo, task=task, label=label, method=method, level=level, box=box)
    return found.heat


@dataclass(frozen=True, eq=False)
class Evidence:
    """What speaks for a class on a photo.

    Args:
        task: "" for a network of one task whose name is not known.
        index: number of the class.
        label: its name.
        score: what the network gives for it, as a rule its probability.
        heat: float32 (height, width) from 0 to 1.
        pixels: uint8 (height, width, 3), the upright photo.
    """

    task: str
    index: int
    label: str
    score: float
    heat: Floats
    pixels: Pixels


def evidence(
    network: Network,
    photo: Photo,
    *,
    task: str | None = None,
    label: str | int | None = None,
    top: int = 1,
    method: str = "grad_cam++",
    level: str | None = None,
    box: Box | None = None,
) -> list[Evidence]:
    """What speaks for the most probable classes of a photo, or for the one that is named.

    Args:
        network: what is asked.
        photo: as for `class_map`.
        task: as for `class_map`.
        label: as for `class_map`.
        top: how many classes, where none is named.
        method: as for `class_map`.
        level: as for `class_map`.
        box: as for `class_map`.

    Returns:
        The evidence for each class, the most probable first.
    """
    weigh = method_of(method)
    task = network.task(task, label)
    wanted = None if label is None else [network.index(task, label)]
    layer = network.map_layer(level, task)
    pixels = open_photo(photo)
    batch = network.preprocessing(photo, box=box)
    head = _Head.of(network, task)
    gradient = _gradient(network.model, layer, task, head.vector)
    maps, vectors = gradient.maps(batch)
    scores = head.scores(vectors)[0]
    found = []
    for index in wanted or np.argsort(-scores, kind="stable")[:top].tolist():
        slope = gradient(batch, maps, head.direction(index))
        heat = on_photo(weigh(maps[0], slope[0]), network.preprocessing, pixels.shape[:2], box)
        label = network.name(task, index)
        found.append(Evidence(task, index, label, float(scores[index]), scaled(heat), pixels))
    return found


@dataclass(frozen=True, eq=False)
class _Head:
    """The end of a network, where a class's score is linear in a vector.

    That is before the softmax or sigmoid: behind it the gradient of a class fades as the network
    grows sure of it.

    Args:
        layer: the last one, where it comes after the vector.
        vector: tensor (N, D).
        columns: the layer's kernel says how classes follow from the vector; where False they are
            the vector's own values.
    """

    layer: keras.layers.Layer | None
    vector: Any
    columns: bool

    @classmethod
    def of(cls, network: Network, task: str) -> _Head:
        output = network.outputs[task]
        last: Any = layer_giving(network.model, output)
        activation = getattr(last, "activation", None)
        known = activation in (keras.activations.softmax, keras.activations.sigmoid)
        if isinstance(last, keras.layers.Dense):
            if known or activation is keras.activations.linear:
                return cls(last, last.input, columns=True)
        elif isinstance(last, keras.layers.Softmax) or known:
            return cls(last, last.input, columns=False)
        return cls(None, output, columns=False)

    def scores(self, vectors: Floats) -> Floats:
        """Float32 (N, D) → the network's output (N, classes)."""
        if self.layer is None:
            return vectors
        return np.asarray(keras.ops.convert_to_numpy(self.layer(vectors)), np.float32)

    def direction(self, index: int) -> Floats:
        """Float32 (1, D): along it the class's score grows."""
        if self.columns:
            assert self.layer is not None
            kernel = keras.ops.convert_to_numpy(self.layer.kernel)
            return np.asarray(kernel[:, index][None], np.float32)
        return np.asarray(np.eye(self.vector.shape[-1], dtype=np.float32)[index][None])


# Cutting a graph takes time and leaves nodes on the layers, so it is done once for each model.
_CUT: WeakKeyDictionary[keras.Model, dict[tuple[str, str], MapGradient]] = WeakKeyDictionary()


def _gradient(model: keras.Model, layer: keras.layers.Layer, task: str, vector: Any) -> MapGradient:
    cut = _CUT.setdefault(model, {})
    key = (layer.name, task)
    if key not in cut:
        cut[key] = MapGradient(model, layer, vector)
    return cut[key]
