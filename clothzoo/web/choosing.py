"""Which network the demo page uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clothzoo import demo
from clothzoo.classification import Classifier, classifier
from clothzoo.datasets import rendered
from clothzoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "all-together": {"level": "low+high"},
    "cloth-and-pattern": {"level": "low"},
    "kind-of-garment": {"level": "high"},
}
"""What can count as alike on the page, as arguments of `RetrievalEngine`.

These are plain levels and not the library's own looks, since what they find can be traced back to
places of the photos, which the page shows.
"""

_PHOTO_TESTS = ("clothing_small", "clothing")
"""Data sets of photos; figures are compared within the first on which any preset was measured."""


@dataclass(frozen=True)
class Network:
    """A network as the page uses it.

    Args:
        source: a preset's name, or an architecture's id.
        classifier: names what is on photos.
        summary: a sentence for the page.
        weights: of an architecture.
        preprocessing: of an architecture.
        explained: what `clothzoo.explain.class_map` is asked about: a preset's name or a model.
    """

    source: str
    classifier: Classifier
    summary: str
    weights: Path | None = None
    preprocessing: Preprocessing | None = None
    explained: str | keras.Model = ""

    @property
    def key(self) -> str:
        """A name that changes with the weights, for the folder of its catalogues."""
        from clothzoo.hub.files import sha256
        from clothzoo.hub.presets import preset

        if self.weights is None:
            return f"{Path(self.source).name}-{preset(self.source).sha256[:8]}"
        return f"{self.source}-{sha256(self.weights.read_bytes())[:8]}"


def best_for_photos() -> str | None:
    """The preset that names photos of clothes best, of those whose weights lie on this machine.

    Returns:
        The one with the highest measured accuracy on the test photos of `clothing_small`, or of
        `clothing` where none was measured on the former; None where there is no such preset.
    """
    from clothzoo.hub import table

    here = [row.preset for row in table() if row.where in ("bundled", "cached")]
    for dataset in _PHOTO_TESTS:
        found = [
            (metric.value, preset.name)
            for preset in here
            for metric in preset.metrics
            if (metric.dataset, metric.split, metric.metric) == (dataset, "test", "accuracy")
            and metric.task == "category"
        ]
        if found:
            return max(found)[1]
    return None


def choose(out: Path, preset: str | None = None, size: demo.Size | None = None) -> Network:
    """The network for the page.

    Args:
        out: where the demo's own small network lies, or is put.
        preset: a preset's name; the best one for photos where None, and where there is none a
            small network that is trained here on drawn garments.
        size: how much that one learns.

    Raises:
        PresetNotFound: no preset has that name.
    """
    name = preset or best_for_photos()
    if name is not None:
        from clothzoo.hub.presets import preset as find

        return Network(name, classifier(name), find(name).summary, explained=name)
    size = size or demo.Size()
    weights = demo.trained(out, size)
    model = demo.network(weights)
    labels = {"category": rendered.LABELS["category"]}
    return Network(
        demo.ARCHITECTURE,
        Classifier(model, labels, demo.PREPROCESSING),
        f"A small network that was trained on this machine, on {size.lessons:,} drawn garments.",
        weights=weights,
        preprocessing=demo.PREPROCESSING,
        explained=model,
    )
