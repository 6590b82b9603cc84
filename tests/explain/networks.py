"""Networks built by hand, whose answers are known beforehand."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.layers import CrossStitch
from clothzoo.preprocessing import Preprocessing

SIDE, CELL = 32, 4
PREPROCESSING = Preprocessing(size=(SIDE, SIDE))
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
TOP_LEFT, BOTTOM_RIGHT = np.s_[2:10, 2:10], np.s_[20:30, 20:30]


def picture(ground: tuple[int, int, int], **patches: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A ground with patches: `picture(GREEN, top_left=RED)`."""
    pixels = np.empty((SIDE, SIDE, 3), np.uint8)
    pixels[:] = ground
    for place, colour in patches.items():
        pixels[{"top_left": TOP_LEFT, "bottom_right": BOTTOM_RIGHT}[place]] = colour
    return pixels


def cells() -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """An image, and a map 8 × 8 × 3 of the mean colour of each of its cells."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.AveragePooling2D(CELL, name="cells")(image)
    # A layer with a kernel, which every backend has to carry through the gradient.
    x = keras.layers.Conv2D(3, 1, use_bias=False, activation="relu", name="colours")(x)
    return image, x


def by_colour(activation: str | None = "softmax") -> keras.Model:
    """Class 0 is the more probable the more red there is anywhere, class 1 blue."""
    image, x = cells()
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = keras.layers.Dense(2, activation=activation, name="predictions")(x)
    model = keras.Model(image, x, name="by_colour")
    model.get_layer("colours").set_weights([np.eye(3, dtype="float32")[None, None]])
    kernel = np.array([[8, 0], [0, 0], [0, 8]], "float32")
    model.get_layer("predictions").set_weights([kernel, np.zeros(2, "float32")])
    return model


def by_quadrant() -> keras.Model:
    """Class 0 is the brightness of the top left quadrant, class 1 a constant."""
    image, x = cells()
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dense(2, activation="softmax", name="predictions")(x)
    model = keras.Model(image, x, name="by_quadrant")
    model.get_layer("colours").set_weights([np.eye(3, dtype="float32")[None, None]])
    kernel = np.zeros((8, 8, 3, 2), "float32")
    kernel[:4, :4, :, 0] = 0.1
    model.get_layer("predictions").set_weights([kernel.reshape(-1, 2), np.zeros(2, "float32")])
    return model


def exchanging() -> keras.Model:
    """Two tasks with a branch each, which depend on both: the branches exchange their maps."""
    image = keras.Input((8, 8, 1), name="image")
    convs = [
        keras.layers.Conv2D(4, 3, strides=2, activation="relu", name=f"{task}_conv")
        for task in ("category", "kids")
    ]
    category, kids = CrossStitch(name="exchange")([conv(image) for conv in convs])
    pool = keras.layers.GlobalAveragePooling2D
    outputs = {
        "category": keras.layers.Dense(3, activation="softmax", name="category")(
            pool(name="category_avg_pool")(category)
        ),
        "kids": keras.layers.Dense(2, activation="softmax", name="kids")(
            pool(name="kids_avg_pool")(kids)
        ),
    }
    model = keras.Model(image, outputs, name="exchanging")
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    return model


def share(heat: NDArray[np.float32], place: tuple[slice, slice]) -> float:
    """How much of a heat map lies at a place, give or take the width of a cell."""
    rows, columns = (slice(max(0, s.start - CELL), s.stop + CELL) for s in place)
    return float(heat[rows, columns].sum() / heat.sum())
