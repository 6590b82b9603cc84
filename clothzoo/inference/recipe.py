"""What is compiled: everything that decides what a compiled network computes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clothzoo._version import __version__
from clothzoo.errors import InvalidInput, WeightsNotFound, did_you_mean
from clothzoo.hub import presets
from clothzoo.inference import processor, seen

PRECISIONS = ("auto", "bfloat16", "float32")
"""What a compiled network computes in."""


@dataclass(frozen=True)
class Recipe:
    """A network to be compiled, named so that another process can build it.

    Args:
        source: a preset's name or folder, an architecture's id, or a path to a `.keras` file, for
            which there is no key.
        weights: for an architecture: "imagenet" or a path.
        preprocessing: `Preprocessing.to_dict()`; None for the source's own.
        descriptor: `Descriptor.network_part().to_dict()`; None for the whole network up to its
            logits.
        precision: one of `PRECISIONS`; "auto" is the fastest that gives the same hits.

    Raises:
        InvalidInput: there is no such precision.
    """

    source: str
    weights: str | None = None
    preprocessing: Mapping[str, Any] | None = None
    descriptor: Mapping[str, str] | None = None
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InvalidInput(
                f"no precision {self.precision!r}{did_you_mean(self.precision, PRECISIONS)}"
            )

    def key(self) -> str:
        """A hash of all that decides about the result: 64 hex digits.

        Raises:
            PresetNotFound: no preset has the name `source`.
            WeightsNotFound: the weights cannot be read.
        """
        weights = self.weights
        if weights is None:
            weights = presets.preset(self.source).to_toml()
        elif weights != "imagenet":
            path = Path(weights)
            try:
                weights = seen.sha256(path / presets.WEIGHTS if path.is_dir() else path)
            except OSError as error:
                raise WeightsNotFound(f"cannot read the weights {weights!r}: {error}") from error
        made_by = [__version__, _sources(), processor.identity()]
        parts = {**asdict(self), "weights": weights, "with": made_by}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """Text from which `from_json` makes an equal recipe."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The recipe that `to_json` wrote."""
        return cls(**json.loads(text))


@cache
def _sources() -> str:
    """A hash of the code that compiles: of a checkout it changes without the version."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
