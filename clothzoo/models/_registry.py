"""What is known of an architecture, and the decorator that registers one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import keras

from clothzoo.preprocessing import Preprocessing

Factory = TypeVar("Factory", bound=Callable[..., keras.Model])


# (image, weights of the body, **options of the architecture) → the last feature map.
Body = Callable[..., Any]


@dataclass(frozen=True)
class Architecture:
    """An architecture: the factory and what other parts ask about it.

    Args:
        id: snake case, e.g. "inception_cnn"; the name of its file.
        factory: makes the model.
        body: makes its layers up to the last feature map; None for a multi-task network, which
            takes another architecture's.
        stages: names of the layers whose maps are worth having, in order.
        low: the stage that stands for the low level.
        mid: the stage that stands for the mid level; the high level is the last stage.
        input_shape: default (height, width, channels).
        smallest: the least height and width in pixels.
        scale: what a pixel, 0 to 255, is multiplied by before it enters.
        offset: what is added afterwards.
    """

    id: str
    factory: Callable[..., keras.Model]
    body: Body | None
    stages: tuple[str, ...]
    low: str
    mid: str
    input_shape: tuple[int, int, int]
    smallest: int
    scale: float
    offset: float

    @property
    def multi_task(self) -> bool:
        """Whether the factory takes `tasks` in place of `classes`."""
        return "tasks" in inspect.signature(self.factory).parameters

    def preprocessing(
        self, size: tuple[int, int] | None = None, channels: int = 3
    ) -> Preprocessing:
        """How a photo becomes this architecture's input where no preset says otherwise.

        Args:
            size: (height, width) in pixels; the default input's where None.
            channels: 1 for grey, 3 for colour.
        """
        return Preprocessing(
            size=size or self.input_shape[:2],
            color="grey" if channels == 1 else "rgb",
            scale=self.scale,
            offset=self.offset,
        )


ARCHITECTURES: dict[str, Architecture] = {}


def register(
    *,
    body: Body | None = None,
    stages: tuple[str, ...] = (),
    low: str = "",
    mid: str = "",
    input_shape: tuple[int, int, int] = (28, 28, 1),
    smallest: int = 28,
    scale: float = 1 / 255,
    offset: float = 0.0,
) -> Callable[[Factory], Factory]:
    """Register the decorated factory under the name of its file.

    The arguments are the fields of `Architecture`.
    """

    def decorate(factory: Factory) -> Factory:
        name = factory.__module__.rpartition(".")[2]
        ARCHITECTURES[name] = Architecture(
            name, factory, body, stages, low, mid, input_shape, smallest, scale, offset
        )
        return factory

    return decorate
