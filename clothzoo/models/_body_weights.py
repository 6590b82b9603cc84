"""Weights of a body alone: ImageNet's, or a cut backbone's `.weights.h5`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import keras

from clothzoo.errors import WeightsMismatch, WeightsNotFound


class BodyWeights:
    """What goes into a body before it gets its head.

    A `.weights.h5` file is read by class and order of the layers, so it fits only as long as
    nothing stands above the body; that is why the body fills itself, while it is being built.

    Args:
        weights: the factory's argument of that name.
        architecture: id of the network, for messages.
    """

    def __init__(self, weights: str | os.PathLike[str] | None, architecture: str) -> None:
        self.weights = weights
        self.architecture = architecture
        self.filled = False

    @property
    def path(self) -> Path | None:
        """The file, where `weights` is one."""
        if self.weights is None:
            return None
        text = os.fspath(self.weights)
        looks_like_a_file = text.endswith((".h5", ".safetensors")) or any(
            separator in text for separator in (os.sep, "/")
        )
        if not (looks_like_a_file or isinstance(self.weights, os.PathLike)):
            return None
        path = Path(text).expanduser()
        if not path.exists():
            raise WeightsNotFound(f"weights={text!r}: there is no such file or folder")
        return path

    @property
    def is_h5(self) -> bool:
        """Whether `weights` is Keras's own file of weights."""
        return self.path is not None and self.path.name.endswith(".h5")

    def fill(self, body: keras.Model, imagenet: Callable[[], keras.Model]) -> None:
        """Load the body's weights, if `weights` names such.

        Args:
            body: the stock body, without a head.
            imagenet: makes that body again, with its ImageNet weights.

        Raises:
            WeightsMismatch: the file is of another network, or of a whole model.
        """
        if self.weights == "imagenet":
            body.set_weights(imagenet().get_weights())
        elif self.is_h5:
            load_h5(body, self.path, f"the body of {self.architecture}")
        else:
            return
        self.filled = True


def load_h5(model: keras.Model, path: Path | None, what: str) -> None:
    """Load a `.weights.h5` file that must fit exactly.

    Args:
        model: what to load into.
        path: the file.
        what: the model's name in the message.

    Raises:
        WeightsMismatch: the file is of another model.
    """
    try:
        with warnings.catch_warnings():
            # Keras warns where it skips a layer, and goes on with random weights in its place.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except (ValueError, KeyError, OSError, UserWarning) as error:
        reason = str(error).strip().partition("\n")[0]
        raise WeightsMismatch(
            f"weights={str(path)!r} is not a file of weights for {what}: {reason}"
        ) from error
