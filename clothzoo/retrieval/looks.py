"""Three meanings of "alike", and the descriptor and measure that serves each best.

`benchmarks/study.py` chooses among some hundred alternatives, by their mean over frozen
Inception-v3 and MobileNetV2 on pictures to choose by, and compares the chosen with the plain search
by the topmost map on others. No row takes more than 4 KB a photo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.projection import Projection

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Look:
    """A descriptor with its measure.

    Args:
        level: as in `Descriptor`.
        pooling: as in `Descriptor`.
        normalisation: as in `Descriptor`.
        metric: a name from `clothzoo.similarity.METRICS`.
    """

    level: str
    pooling: str = "avg"
    normalisation: str | None = None
    metric: str = "braycurtis"

    def descriptor(self, projection: Projection | None = None) -> Descriptor:
        """The recipe of its vectors."""
        return Descriptor(self.level, self.pooling, self.normalisation, projection)


MEANING = {
    "same-kind": "garments of the same kind, whatever their colour: a dress for a dress",
    "same-look": "garments of the same kind and colour: a red dress for a red dress",
    "same-garment": "other photos of the very same garment",
}
"""The looks, and what each finds."""

DEFAULT_EXTRACTOR = "transfer_mobilenet_v2.retrieval"
"""Describes photos where nothing else is named; its weights come with the package."""

DEFAULT_LOOK = "same-look"
"""What alike means where nothing is said, and an extractor serves it."""

LOOKS: Mapping[str, Look] = {
    "same-kind": Look("high", "fold1024", "none", "cosine"),
    "same-look": Look("high+0.5*lab", "fold768+avg", "hellinger", "cosine"),
    "same-garment": Look("high+0.35*lab", "fold768+avg", "l1", "braycurtis"),
}
"""What serves each meaning, on any network with feature levels."""


@dataclass(frozen=True)
class Wish:
    """What a user has said about how photos are to be compared; None where nothing.

    Args:
        look: a name from `MEANING`.
        level: as in `Descriptor`; it takes the place of the look's, with its pooling and
            normalisation.
        pooling: as in `Descriptor`.
        normalisation: as in `Descriptor`.
        metric: a name from `clothzoo.similarity.METRICS`.
        projection: as in `Descriptor`.

    Raises:
        InvalidInput: there is no such look.
    """

    look: str | None = None
    level: str | None = None
    pooling: str | None = None
    normalisation: str | None = None
    metric: str | None = None
    projection: Projection | None = None

    def __post_init__(self) -> None:
        if self.look is not None and self.look not in MEANING:
            raise InvalidInput(f"no look {self.look!r}{did_you_mean(self.look, MEANING)}")

    @property
    def silent(self) -> bool:
        """Whether nothing was said."""
        return self == Wish()

    def settled(self, source: str | Path | keras.Model) -> tuple[Descriptor, str]:
        """The descriptor and the measure, for an extractor.

        Without a look, a level, a pooling or a normalisation given means that the rest is what
        `Descriptor` has by default; nothing given means `DEFAULT_LOOK`.

        Args:
            source: a preset's name, an architecture's id, or a Keras model.

        Raises:
            InvalidInput: the extractor does not serve the look, names do not fit together, or
                the measure means nothing on such vectors.
        """
        by_hand = (self.level, self.pooling, self.normalisation) != (None, None, None)
        plain = self.look is None and by_hand
        base = Look("low") if plain else look_of(source, self.look)
        if self.level is not None:
            base = Look(self.level, metric=base.metric)
        named = {"pooling": self.pooling, "normalisation": self.normalisation}
        named["metric"] = self.metric
        base = replace(base, **{name: value for name, value in named.items() if value is not None})
        descriptor = base.descriptor(self.projection)
        descriptor.check_metric(base.metric)
        return descriptor, base.metric


def served(source: str | Path | keras.Model) -> Mapping[str, Look]:
    """The looks that an extractor serves.

    A network with feature levels serves all of them. One without, such as a trained embedding
    that only its own last layer speaks for, serves the kind that it was trained to tell.

    Args:
        source: a preset's name or folder, an architecture's id, or a Keras model.
    """
    if isinstance(source, (str, Path)):
        return LOOKS
    from clothzoo.models import feature_layers

    try:
        feature_layers(source)
    except InvalidInput:
        return {"same-kind": Look(source.layers[-1].name, metric="cosine")}
    return LOOKS


def metric_of(recipe: Mapping[str, Any]) -> str:
    """The measure that goes with a descriptor: its look's, or Bray-Curtis where it is of none.

    Args:
        recipe: `Descriptor.to_dict()`, or a fingerprint, which holds it.
    """
    for look in LOOKS.values():
        own = look.descriptor().to_dict()
        if "projection" not in recipe and all(recipe.get(k) == v for k, v in own.items()):
            return look.metric
    return Look.metric


def look_of(source: str | Path | keras.Model, look: str | None = None) -> Look:
    """The descriptor and measure of a look, for an extractor.

    Args:
        source: a preset's name or folder, an architecture's id, or a Keras model.
        look: a name from `MEANING`; None is `DEFAULT_LOOK`, or the only one that is served.

    Raises:
        InvalidInput: there is no such look, or the extractor does not serve it.
    """
    looks = served(source)
    if look is None:
        return looks.get(DEFAULT_LOOK) or next(iter(looks.values()))
    if look not in MEANING:
        raise InvalidInput(f"no look {look!r}{did_you_mean(look, MEANING)}")
    if look not in looks:
        name = source if isinstance(source, (str, Path)) else source.name
        raise InvalidInput(
            f"{str(name)!r} has no feature levels of its own and serves "
            f"{', '.join(map(repr, looks))} only, not {look!r}; use a network with levels, such as "
            "'transfer_inception_v3', or choose level= by hand"
        )
    return looks[look]
