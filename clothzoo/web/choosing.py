"""Which networks the demo page uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clothzoo import demo
from clothzoo.classification import Classifier, classifier
from clothzoo.hub.presets import preset as find
from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR


@dataclass(frozen=True)
class Network:
    """The networks as the page uses them.

    Args:
        preset: names what is on photos.
        classifier: the same, loaded.
        extractor: a preset that describes photos for searches.
    """

    preset: str
    classifier: Classifier
    extractor: str

    @property
    def summary(self) -> str:
        """A sentence for the page."""
        return find(self.preset).summary

    @property
    def key(self) -> str:
        """A name that changes with the weights, for the folder of its catalogues."""
        return f"{Path(self.extractor).name}-{find(self.extractor).sha256[:8]}"


def choose(preset: str | None = None) -> Network:
    """The networks for the page.

    Args:
        preset: a preset's name, for both; None is the best one for photos, and where there is none
            that of drawn garments, beside the one that searches use by default.

    Raises:
        PresetNotFound: no preset has that name.
    """
    name = preset or demo.best_for_photos() or demo.FOR_DRAWINGS
    return Network(name, classifier(name), preset or DEFAULT_EXTRACTOR)
