"""Which network the demo page uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clothzoo import demo
from clothzoo.classification import Classifier, classifier
from clothzoo.hub.presets import preset as find

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "all-together": {"level": "low+high"},
    "cloth-and-pattern": {"level": "low"},
    "kind-of-garment": {"level": "high"},
}
"""What can count as alike on the page, as arguments of `RetrievalEngine`.

These are plain levels and not the library's own looks, since what they find can be traced back to
places of the photos, which the page shows.
"""


@dataclass(frozen=True)
class Network:
    """A network as the page uses it.

    Args:
        preset: its name.
        classifier: names what is on photos.
    """

    preset: str
    classifier: Classifier

    @property
    def summary(self) -> str:
        """A sentence for the page."""
        return find(self.preset).summary

    @property
    def key(self) -> str:
        """A name that changes with the weights, for the folder of its catalogues."""
        return f"{Path(self.preset).name}-{find(self.preset).sha256[:8]}"


def choose(preset: str | None = None) -> Network:
    """The network for the page.

    Args:
        preset: a preset's name; None is the best one for photos, and where there is none that of
            drawn garments.

    Raises:
        PresetNotFound: no preset has that name.
    """
    name = preset or demo.best_for_photos() or demo.FOR_DRAWINGS
    return Network(name, classifier(name))
