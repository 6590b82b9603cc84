"""Which part of a photo a class cannot do without: cover it, and see what is lost."""

from __future__ import annotations

from itertools import product

import numpy as np

from clothzoo.datasets.photo import Box, Photo, open_photo
from clothzoo.errors import InvalidInput
from clothzoo.explain.heat import Floats, on_photo, scaled
from clothzoo.explain.networks import Labels, Network, Source, network_of
from clothzoo.preprocessing import Preprocessing
from clothzoo.streaming import BATCH_SIZE


def occlusion_map(
    model_or_preset: Source,
    photo: Photo,
    *,
    task: str | None = None,
    label: str | int | None = None,
    window: float = 0.25,
    steps: int = 10,
    box: Box | None = None,
    preprocessing: Preprocessing | None = None,
    labels: Labels | None = None,
) -> Floats:
    """How much of a class's score is lost where a grey square covers the photo.

    Nothing is assumed about the network, and no gradient is needed; but it runs once for each
    place of the square.

    Args:
        model_or_preset: a preset's name or folder, or a Keras model with one image input.
        photo: a path, a PIL image, or uint8 pixels.
        task: of a multi-task network; None for the one that knows the label, or the first.
        label: the class, by name or number; the most probable one where None.
        window: side of the square as a share of the network's input, above 0 and below 1.
        steps: places of the square along each side, 2 or more.
        box: (x, y, width, height) of the garment, in pixels of the photo.
        preprocessing: how photos are prepared; a Keras model of your own needs it.
        labels: class names of a Keras model in the order of its outputs, or {task: names}.

    Returns:
        float32 (height, width) of the upright photo, from 0 to 1: the mean loss over all squares
        that cover a pixel, divided by the largest; 0 where covering loses nothing.

    Raises:
        UnreadablePhoto: the photo cannot be decoded.
        InvalidInput: there is no such task or label, or a number is out of range.
        PresetNotFound: no preset has that name.

    Reference:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013,
        https://arxiv.org/abs/1311.2901, section 4.2.

    Example:
        >>> from clothzoo import explain
        >>> heat = explain.occlusion_map("conventional_cnn.fashion_mnist", "boot.png")
        ... # doctest: +SKIP
    """
    network = network_of(model_or_preset, preprocessing=preprocessing, labels=labels)
    task = network.task(task, label)
    index = None if label is None else network.index(task, label)
    lost = losses(network, photo, task, index, window=window, steps=steps, box=box)
    size = open_photo(photo).shape[:2]
    return scaled(on_photo(lost, network.preprocessing, size, box))


def losses(
    network: Network,
    photo: Photo,
    task: str,
    index: int | None,
    *,
    window: float = 0.25,
    steps: int = 10,
    box: Box | None = None,
) -> Floats:
    """As `occlusion_map`, over the network's input, in units of the score.

    Args:
        network: what is asked.
        photo: as for `occlusion_map`.
        task: one of the network's.
        index: number of the class; the most probable one's where None.
        window: as for `occlusion_map`.
        steps: as for `occlusion_map`.
        box: as for `occlusion_map`.

    Returns:
        float32 (h, w): the mean loss over the squares that cover a pixel; negative where the
        class's score rises.

    Raises:
        InvalidInput: a number is out of range.
    """
    if not 0 < window < 1 or steps < 2:
        raise InvalidInput(
            f"occlusion needs 0 < window < 1 and steps ≥ 2, not window={window!r} and "
            f"steps={steps!r}"
        )
    image = network.preprocessing(photo, box=box)
    before = network.scores(task, image)[0]
    index = int(before.argmax()) if index is None else index
    height, width = image.shape[1:3]
    # At least as large as a step, so that every pixel is covered at some time.
    sides = [max(round(window * n), -(-n // steps), 1) for n in (height, width)]
    starts = [
        np.rint(np.linspace(0, n - side, steps)).astype(int)
        for n, side in zip((height, width), sides, strict=True)
    ]
    places = [(slice(y, y + sides[0]), slice(x, x + sides[1])) for y, x in product(*starts)]
    grey = image.mean(axis=(1, 2))
    lost, times = np.zeros((2, height, width), np.float32)
    for start in range(0, len(places), BATCH_SIZE):
        some = places[start : start + BATCH_SIZE]
        batch = np.repeat(image, len(some), axis=0)
        for covered, place in zip(batch, some, strict=True):
            covered[place] = grey
        for place, score in zip(some, network.scores(task, batch)[:, index], strict=True):
            lost[place] += before[index] - score
            times[place] += 1
    return lost / times
