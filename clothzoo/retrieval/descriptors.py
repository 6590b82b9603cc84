"""What a descriptor is: which feature maps, how each becomes a vector, how they are joined."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.retrieval.colours import SPACES
from clothzoo.retrieval.projection import Projection

Vectors = NDArray[np.float32]

POOLING = ("avg", "flatten", "gem", "grid4", "max")
"""How a feature map becomes a vector.

avg and max: one value per channel. gem: generalised mean with p = 3, between the two; "gem4.5" has
another p. grid4: the average of each cell of a 4×4 grid, so that place counts; "grid2" and any
other number likewise. flatten: every value of the map. Besides, "fold640" adds up the averages
of channels that are 640 apart, so that 640 values are left, and none is below zero where none was.
"""

NORMALISATION = ("hellinger", "l1", "l2", "none", "power")
"""What is done to each part on its own.

none: nothing. l1 and l2: scaled to sum or length 1. hellinger: the root of each value after l1.
power: the root of each value, then l2.
"""

_PART = re.compile(r"(?:(?P<weight>\d+(?:\.\d+)?)\*)?(?P<level>[^*]+)")
_POOLING = re.compile(
    r"avg|max|flatten|gem(?P<p>\d+(?:\.\d+)?)?|grid(?P<grid>[1-9]\d*)|fold(?P<fold>[1-9]\d*)"
)


@dataclass(frozen=True)
class Pooling:
    """How one feature map becomes a vector.

    Args:
        kind: "avg", "flatten", "gem", "grid" or "max".
        p: the exponent of "gem".
        grid: cells along each side of "grid".
        fold: to how many values the averages are added up; 0 leaves them.
    """

    kind: str
    p: float = 3.0
    grid: int = 1
    fold: int = 0

    @classmethod
    def of(cls, name: str) -> Pooling:
        """The pooling that a name stands for; see `POOLING`.

        Raises:
            InvalidInput: it stands for none.

        Example:
            >>> Pooling.of("grid2")
            Pooling(kind='grid', p=3.0, grid=2, fold=0)
        """
        found = _POOLING.fullmatch(name) if isinstance(name, str) else None
        if found is None or float(found["p"] or 3) < 1:
            raise InvalidInput(
                f"no pooling {name!r}{did_you_mean(str(name), POOLING)} A grid has a number of "
                "cells, as in 'grid2', and gem may have an exponent of at least 1, as in 'gem4'"
            )
        if found["grid"]:
            return cls("grid", grid=int(found["grid"]))
        if found["fold"]:
            return cls("avg", fold=int(found["fold"]))
        if name.startswith("gem"):
            return cls("gem", p=float(found["p"] or 3))
        return cls(name)


@dataclass(frozen=True)
class Part:
    """One part of a descriptor.

    Args:
        level: a level, stage or layer of the network; or "lab" or "hsv", the colours of the
            garment, which are taken from the photo itself.
        pooling: how its map becomes a vector; see `POOLING`.
        normalisation: see `NORMALISATION`.
        weight: what the normalised vector is multiplied by.
    """

    level: str
    pooling: str
    normalisation: str
    weight: float = 1.0

    def folded(self, values: NDArray[Any]) -> NDArray[Any]:
        """Add up what its pooling says is to be added up, of values (N, D)."""
        size = Pooling.of(self.pooling).fold
        if not 0 < size < values.shape[1]:
            return values
        short = np.zeros((len(values), size), np.float32)
        for start in range(0, values.shape[1], size):
            block = values[:, start : start + size]
            short[:, : block.shape[1]] += block
        return short

    def unfolded(self, values: NDArray[Any], length: int) -> NDArray[Any]:
        """Give each of `length` values that were added up the one of (N, d) it was added to."""
        return values[:, np.arange(length) % values.shape[1]]

    @property
    def of_network(self) -> str:
        """The pooling that the network computes: averages are folded afterwards."""
        return "avg" if Pooling.of(self.pooling).fold else self.pooling

    @property
    def of_colour(self) -> bool:
        """Whether it comes from the photo's colours and not from the network."""
        return self.level in SPACES


@dataclass(frozen=True)
class Descriptor:
    """The recipe from feature maps to one vector: pooling, normalisation, fusion, projection.

    Args:
        level: "low", "mid" or "high", a stage or layer of the network by name, "lab" or "hsv" for
            the garment's colours, or several joined by "+" as in "low+high": their vectors are
            set one behind the other. "low+0.5*high" weighs them.
        pooling: one of `POOLING` for all of them, or as many joined by "+".
        normalisation: one of `NORMALISATION` for all of them, or as many joined by "+"; each is
            applied to its part alone. None means "l1" for several parts, so that none of them
            drowns the others, and "none" for one.
        projection: what the joined vector is made shorter by.

    Raises:
        InvalidInput: a name is not known, or the numbers of names differ.

    Example:
        >>> Descriptor("low+high").levels
        ('low', 'high')
        >>> Descriptor("low+high").normalisation
        'l1'
        >>> Descriptor("low+2*lab", "grid2+avg").parts[1]
        Part(level='lab', pooling='avg', normalisation='l1', weight=2.0)
    """

    level: str = "low"
    pooling: str = "avg"
    normalisation: str | None = None
    projection: Projection | None = None

    def __post_init__(self) -> None:
        if self.normalisation is None:
            chosen = "l1" if "+" in self.level else "none"
            object.__setattr__(self, "normalisation", chosen)
        weighed = [_PART.fullmatch(text) for text in self.level.split("+")]
        if not all(found and float(found["weight"] or 1) > 0 for found in weighed):
            raise InvalidInput(
                f"level {self.level!r} is not a list of different levels joined by '+'; "
                "write e.g. 'low', 'low+high' or 'low+0.5*high'"
            )
        for name in self._spread("normalisation"):
            if name not in NORMALISATION:
                raise InvalidInput(f"no normalisation {name!r}{did_you_mean(name, NORMALISATION)}")
        for part in self.parts:
            pooling = Pooling.of(part.pooling)
            if part.of_colour and (pooling.kind not in ("avg", "grid") or pooling.fold):
                raise InvalidInput(
                    f"the colours {part.level!r} can be pooled by 'avg' or a grid, not by "
                    f"{part.pooling!r}; give each part its own, e.g. "
                    f"pooling={'+'.join('avg' if p.of_colour else p.pooling for p in self.parts)!r}"
                )
        if len({(part.level, part.pooling) for part in self.parts}) < len(self.parts):
            raise InvalidInput(
                f"level {self.level!r} is not a list of different levels joined by '+': one is "
                "there twice with the same pooling"
            )

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is joined, in order."""
        rows = zip(
            map(_PART.fullmatch, self.level.split("+")),
            self._spread("pooling"),
            self._spread("normalisation"),
            strict=True,
        )
        return tuple(
            Part(found["level"], pooling, normalisation, float(found["weight"] or 1))
            for found, pooling, normalisation in rows
            if found is not None
        )

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels by name, in the order in which their vectors are joined."""
        return tuple(part.level for part in self.parts)

    @property
    def of_network(self) -> tuple[Part, ...]:
        """The parts that a network computes."""
        return tuple(part for part in self.parts if not part.of_colour)

    @property
    def of_colour(self) -> tuple[Part, ...]:
        """The parts that are taken from the photo's colours."""
        return tuple(part for part in self.parts if part.of_colour)

    def __str__(self) -> str:
        shown = f"{self.level} {self.pooling} {self.normalisation}"
        return shown if self.projection is None else f"{shown} → {self.projection.size}"

    def compose(self, pooled: Sequence[NDArray[Any]]) -> Vectors:
        """Make the vectors of what was pooled: normalise, weigh, join, project.

        Args:
            pooled: for each part, in order, real numbers (N, its size).

        Returns:
            float32 (N, D).

        Example:
            >>> low, high = np.array([[1.0, 3.0]]), np.array([[2.0, 2.0]])
            >>> Descriptor("low+0.5*high").compose([low, high]).tolist()
            [[0.25, 0.75, 0.25, 0.25]]
        """
        joined = np.concatenate(
            [
                normalised(part.folded(values), part.normalisation) * np.float32(part.weight)
                for part, values in zip(self.parts, pooled, strict=True)
            ],
            axis=1,
        )
        return joined if self.projection is None else self.projection(joined)

    def check_metric(self, metric: str) -> None:
        """Refuse a measure that means nothing on such vectors.

        Raises:
            InvalidInput: Bray-Curtis distance on a projection whose values have signs.
        """
        if metric == "braycurtis" and self.projection is not None and self.projection.signed:
            raise InvalidInput(
                "Bray-Curtis distance compares amounts, and the values of this projection have "
                "signs: its sums can cancel to nothing and the distance then grows without "
                "bound; use metric='cosine' or 'euclidean', or fit the projection with "
                "non_negative=True"
            )

    def network_part(self) -> Descriptor:
        """The descriptor of what the network has to compute, and nothing afterwards.

        Raises:
            InvalidInput: nothing of it comes from a network.
        """
        parts = self.of_network
        if not parts:
            raise InvalidInput(
                f"level {self.level!r} has no level of the network; add one, e.g. "
                f"'low+{self.level}'"
            )
        pooling = "+".join(part.of_network for part in parts)
        return Descriptor("+".join(part.level for part in parts), pooling, "none")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a fingerprint; `from_dict` gives the same record back."""
        values: dict[str, Any] = {
            name: getattr(self, name) for name in ("level", "pooling", "normalisation")
        }
        if self.projection is not None:
            values["projection"] = self.projection.to_dict()
        return values

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], projection: Projection | None = None
    ) -> Descriptor:
        """The record that `to_dict` wrote.

        Args:
            values: a fingerprint, or a part of one.
            projection: the one that is named there.

        Raises:
            InvalidInput: there a projection is named, and here another one or none is given.
        """
        named = values.get("projection")
        if named != (projection and projection.to_dict()):
            raise InvalidInput(f"the projection {named} was used there, and {projection} is given")
        return cls(values["level"], values["pooling"], values["normalisation"], projection)

    def _spread(self, name: str) -> list[str]:
        """One value for each part."""
        values: list[str] = str(getattr(self, name)).split("+")
        count = len(self.level.split("+"))
        if len(values) == 1:
            return values * count
        if len(values) != count:
            raise InvalidInput(
                f"{name} {getattr(self, name)!r} names {len(values)}, but level {self.level!r} "
                f"has {count}; name one for all, or one for each"
            )
        return values


def normalised(vectors: NDArray[Any], how: str) -> Vectors:
    """Scale each vector; a zero vector stays zero.

    Args:
        vectors: real numbers (N, D).
        how: one of `NORMALISATION`.

    Returns:
        float32 (N, D).

    Raises:
        InvalidInput: there is no such normalisation.

    Reference:
        Arandjelović, Zisserman, "Three things everyone should know to improve object retrieval",
        CVPR 2012 (hellinger). Perronnin, Sánchez, Mensink, "Improving the Fisher Kernel for
        Large-Scale Image Classification", ECCV 2010 (power).

    Example:
        >>> normalised(np.array([[1.0, 3.0]]), "l1").tolist()
        [[0.25, 0.75]]
    """
    x = np.asarray(vectors, np.float32)
    match how:
        case "none":
            return x
        case "l1":
            return _scaled(x, np.abs(x).sum(axis=1, keepdims=True))
        case "l2":
            return _scaled(x, np.linalg.norm(x, axis=1, keepdims=True))
        case "hellinger":
            return _root(normalised(x, "l1"))
        case "power":
            return normalised(_root(x), "l2")
    raise InvalidInput(f"no normalisation {how!r}{did_you_mean(str(how), NORMALISATION)}")


def _scaled(x: Vectors, size: NDArray[Any]) -> Vectors:
    return np.asarray(x / np.where(size > 0, size, 1), np.float32)


def _root(x: Vectors) -> Vectors:
    return np.asarray(np.sign(x) * np.sqrt(np.abs(x)), np.float32)
