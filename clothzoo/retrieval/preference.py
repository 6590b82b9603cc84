"""Category-aware search: name the query's class first, and put hits of that class in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clothzoo.datasets.photo import Box, Photo
from clothzoo.errors import InvalidInput
from clothzoo.retrieval.hits import Hit

if TYPE_CHECKING:
    from clothzoo.classification import Classifier


@dataclass(frozen=True)
class Preference:
    """Hits of the class that a classifier sees in the query come first.

    Args:
        classifier: a preset's name, or a `clothzoo.classification.Classifier`.
        gate: the least probability at which its word is taken; below, the search is as without.
        task: which of its tasks, and the attribute of the catalogue that has the class.
        runtime: what computes a preset; see `clothzoo.classify`.

    Raises:
        InvalidInput: the gate is no probability.
    """

    classifier: str | Classifier
    gate: float = 0.8
    task: str = "category"
    runtime: str = "auto"

    def __post_init__(self) -> None:
        if not 0 <= self.gate <= 1:
            raise InvalidInput(f"gate must be a probability from 0 to 1, not {self.gate!r}")

    def labels(self, photos: Sequence[Photo], box: Box | None = None) -> list[str | None]:
        """The class of each photo; None where the classifier is not sure enough.

        Raises:
            PresetNotFound: no preset has that name.
            UnreadablePhoto: a photo cannot be decoded.
            InvalidInput: the classifier has no such task.
        """
        from clothzoo.classification import Classifier, classifier, rankings

        network = self.classifier
        if not isinstance(network, Classifier):
            network = classifier(network, self.runtime)
        if self.task not in network.labels:
            raise InvalidInput(
                f"the classifier knows {', '.join(network.labels)}, not {self.task!r}; "
                "say which with task="
            )
        found: list[str | None] = []
        for answer in network(photos, box=box, top=1):
            by_task = rankings(answer)
            ((label, probability),) = by_task.get(self.task) or by_task[""]
            found.append(label if probability >= self.gate else None)
        return found


def preferred(of_class: Sequence[Hit], others: Sequence[Hit], k: int) -> list[Hit]:
    """Hits of the class, nearest first, then the others, k in all.

    Example:
        >>> near, far = Hit("near", 0.1), Hit("far", 0.9)
        >>> [hit.id for hit in preferred([far], [near, far], k=2)]
        ['far', 'near']
    """
    first = {hit.id for hit in of_class}
    return [*of_class, *(hit for hit in others if hit.id not in first)][:k]


def as_preference(given: str | Preference | None) -> Preference | None:
    """A preset's name as the preference for its classes."""
    return Preference(given) if isinstance(given, str) else given
