"""What a descriptor is: which feature maps, how each becomes a vector, how they are joined."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from clothzoo.errors import InvalidInput, did_you_mean

POOLING = ("avg", "flatten", "gem", "grid4", "max")
"""How a feature map becomes a vector.

avg and max: one value per channel. gem: generalised mean with p = 3, between the two. grid4: the
average of each cell of a 4×4 grid, so that place counts. flatten: every value of the map.
"""

NORMALISATION = ("hellinger", "l1", "l2", "none")
"""What is done to each level's vector: nothing, scaled to sum or length 1, or root of the first."""


@dataclass(frozen=True)
class Descriptor:
    """The recipe from feature maps to one vector: pooling, normalisation, fusion.

    Args:
        level: "low", "mid" or "high", a stage or layer of the network by name, or several joined
            by "+" as in "low+high": their vectors are set one behind the other.
        pooling: one of `POOLING`.
        normalisation: one of `NORMALISATION`, applied to each level on its own. None means
            "l1" for several levels, so that none of them drowns the others, and "none" for one.

    Raises:
        InvalidInput: a name is not known.

    Example:
        >>> Descriptor("low+high").levels
        ('low', 'high')
        >>> Descriptor("low+high").normalisation
        'l1'
    """

    level: str = "low"
    pooling: str = "avg"
    normalisation: str | None = None

    def __post_init__(self) -> None:
        if self.normalisation is None:
            chosen = "l1" if len(self.levels) > 1 else "none"
            object.__setattr__(self, "normalisation", chosen)
        for name, known in (("pooling", POOLING), ("normalisation", NORMALISATION)):
            value = getattr(self, name)
            if value not in known:
                raise InvalidInput(f"no {name} {value!r}{did_you_mean(str(value), known)}")
        if not all(self.levels) or len(set(self.levels)) < len(self.levels):
            raise InvalidInput(
                f"level {self.level!r} is not a list of different levels joined by '+'; "
                "write e.g. 'low' or 'low+high'"
            )

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels by name, in the order in which their vectors are joined."""
        return tuple(self.level.split("+"))

    def to_dict(self) -> dict[str, str]:
        """Plain values for a fingerprint; `Descriptor(**values)` gives the same record back."""
        return asdict(self)
