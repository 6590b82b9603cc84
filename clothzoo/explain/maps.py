"""What the layers of a network make of a photo, from low to high."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import keras
import numpy as np

from clothzoo.datasets.photo import Box, Photo
from clothzoo.errors import InvalidInput
from clothzoo.explain.networks import Floats, Network, Source, network_of
from clothzoo.models import feature_layers
from clothzoo.preprocessing import Preprocessing

_MOST_LAYERS = 8


def feature_maps(
    model_or_preset: Source,
    photo: Photo,
    *,
    levels: Sequence[str] | None = None,
    box: Box | None = None,
    preprocessing: Preprocessing | None = None,
) -> dict[str, Floats]:
    """What layers of a network make of a photo.

    Args:
        model_or_preset: a preset's name or folder, or a Keras model with one image input.
        photo: a path, a PIL image, or uint8 pixels.
        levels: levels, stages or layers by name; None for every stage of one of our networks,
            from image to head, and for some layers, evenly spread, of any other.
        box: (x, y, width, height) of the garment, in pixels of the photo.
        preprocessing: how photos are prepared; a Keras model of your own needs it.

    Returns:
        {level: its feature map, float32 (height, width, channels)}, in the order asked for.

    Raises:
        UnreadablePhoto: the photo cannot be decoded.
        InvalidInput: there is no such level, or it is no map.
        PresetNotFound: no preset has that name.

    Example:
        >>> from clothzoo import explain
        >>> maps = explain.feature_maps("conventional_cnn.fashion_mnist", "boot.png")
        ... # doctest: +SKIP
        >>> {level: values.shape for level, values in maps.items()}  # doctest: +SKIP
        {'conv1': (28, 28, 32), 'conv2': (14, 14, 48), ...}
    """
    network = network_of(model_or_preset, preprocessing=preprocessing)
    return maps_of(network, photo, levels=levels, box=box)


def maps_of(
    network: Network,
    photo: Photo,
    *,
    levels: Sequence[str] | None = None,
    box: Box | None = None,
) -> dict[str, Floats]:
    """As `feature_maps`, of a network that is loaded."""
    levels = stages(network) if levels is None else levels
    if not levels:
        raise InvalidInput("there is no level to look at; name one, or give levels=None for all")
    layers = [network.map_layer(level) for level in levels]
    model = keras.Model(network.model.inputs[0], [layer.output for layer in layers])
    found = model.predict_on_batch(network.preprocessing(photo, box=box))
    # Keras gives a model of one output in a list that output alone.
    found = found if isinstance(found, (list, tuple)) else [found]
    return {
        level: np.asarray(values[0], np.float32)
        for level, values in zip(levels, found, strict=True)
    }


def stages(network: Network) -> list[str]:
    """The layers that are worth a look, from image to head.

    Args:
        network: one of our networks gives its stages, each task's own by the layer's name; any
            other some of its layers, evenly spread.

    Returns:
        Names of layers.
    """
    names: list[str] = []
    with suppress(InvalidInput):  # not one of our networks
        names = list(dict.fromkeys(feature_layers(network.model).values()))
    if names:
        order = [layer.name for layer in network.model.layers]
        return sorted(names, key=order.index)
    every = network.map_layers()
    chosen = np.linspace(0, len(every) - 1, min(_MOST_LAYERS, len(every)))
    return [every[place] for place in np.rint(chosen).astype(int)]
