"""Where a catalogue's photos and weights came from: kept beside it, as its notes."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from clothzoo.retrieval.extractor import Extractor
from clothzoo.retrieval.index import Index
from clothzoo.retrieval.projection import Projection


@dataclass(frozen=True)
class Origin:
    """What is needed to work on with a catalogue, but does not decide what its vectors mean.

    Args:
        weights: "imagenet" or the path of the weights, where the extractor is an architecture.
        folders: (prefix, folder) of each folder added: an id is the prefix and the photo's path
            relative to the folder.
        projection: what makes its vectors shorter, as base64 of `Projection.to_bytes`.
    """

    weights: str | None = None
    folders: tuple[tuple[str, str], ...] = ()
    projection: str | None = None

    @classmethod
    def of(cls, index: Index) -> Origin:
        """The origin kept with a catalogue; an empty one where none is."""
        values = index.notes()
        folders = tuple((p, f) for p, f in values.get("folders", ()))
        return cls(values.get("weights"), folders, values.get("projection"))

    def of_extractor(self, extractor: Extractor) -> Origin:
        """The same, with where the extractor's weights came from and its projection."""
        projection = None if extractor.descriptor is None else extractor.descriptor.projection
        kept = None if projection is None else base64.b64encode(projection.to_bytes()).decode()
        return replace(self, weights=extractor.weights, projection=kept)

    @property
    def fitted(self) -> Projection | None:
        """The projection.

        Raises:
            WeightsCorrupted: what was kept is none.
        """
        if self.projection is None:
            return None
        return Projection.from_bytes(base64.b64decode(self.projection))

    def keep(self, index: Index) -> None:
        """Keep it with a catalogue, in place of the one that was there."""
        index.keep_notes({**index.notes(), **asdict(self)})

    def photo(self, name: str) -> Path | None:
        """The file of an id, or None where it is not to be found."""
        inside = [
            Path(folder, name.removeprefix(prefix))
            for prefix, folder in self.folders
            if name.startswith(prefix)
        ]
        return next((path for path in [*inside, Path(name)] if path.is_file()), None)
