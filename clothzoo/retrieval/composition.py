"""A descriptor put together from what a network has pooled and what colours a photo has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.photo import Pixels
from clothzoo.errors import InvalidInput
from clothzoo.retrieval.colours import SPACES, Floats, histogram
from clothzoo.retrieval.descriptors import Descriptor, Pooling, Vectors


@dataclass(frozen=True)
class Composition:
    """A descriptor together with how long the network's parts of it are.

    Args:
        descriptor: what is made.
        sizes: number of values of each part that comes from the network, in order.

    Raises:
        InvalidInput: the descriptor's projection was learned from descriptors of another length.
    """

    descriptor: Descriptor
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        projection = self.descriptor.projection
        length = sum(self._lengths)
        if projection is not None and len(projection.mean) != length:
            raise InvalidInput(
                f"level {self.descriptor.level!r} gives {length:,} values here, and the "
                f"projection was learned from {len(projection.mean):,}; learn one from these "
                "descriptors"
            )

    @property
    def dim(self) -> int:
        """Number of values in a descriptor."""
        projection = self.descriptor.projection
        return sum(self._lengths) if projection is None else projection.size

    @property
    def lengths(self) -> tuple[int, ...]:
        """Number of values of each of the descriptor's parts, in their order."""
        count = len(self.sizes)
        of_network, of_colour = iter(self._lengths[:count]), iter(self._lengths[count:])
        return tuple(
            next(of_colour if part.of_colour else of_network) for part in self.descriptor.parts
        )

    def colours(self, pixels: Pixels) -> list[Floats]:
        """The colour parts of one photo, in order.

        Args:
            pixels: uint8 (H, W, 3).
        """
        return [
            histogram(pixels, part.level, grid=Pooling.of(part.pooling).grid)
            for part in self.descriptor.of_colour
        ]

    def join(self, pooled: NDArray[Any], colours: Sequence[NDArray[Any]] = ()) -> Vectors:
        """Put descriptors together.

        Args:
            pooled: real numbers (N, sum of sizes), from the network.
            colours: for each colour part, (N, its size).

        Returns:
            float32 (N, dim).
        """
        from_network = iter(np.split(pooled, np.cumsum(self.sizes)[:-1], axis=1))
        from_colour = iter(colours)
        return self.descriptor.compose(
            [next(from_colour if p.of_colour else from_network) for p in self.descriptor.parts]
        )

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        colours = (
            SPACES[part.level].size * Pooling.of(part.pooling).grid ** 2
            for part in self.descriptor.of_colour
        )
        folds = (Pooling.of(part.pooling).fold for part in self.descriptor.of_network)
        folded = (min(size, fold or size) for size, fold in zip(self.sizes, folds, strict=True))
        return (*folded, *colours)
