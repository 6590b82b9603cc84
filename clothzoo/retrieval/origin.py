"""Where a catalogue's photos and weights came from: kept beside it, as its notes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from clothzoo.retrieval.index import Index


@dataclass(frozen=True)
class Origin:
    """What is needed to work on with a catalogue, but does not decide what its vectors mean.

    Args:
        weights: "imagenet" or the path of the weights, where the extractor is an architecture.
        folders: (prefix, folder) of each folder added: an id is the prefix and the photo's path
            relative to the folder.
    """

    weights: str | None = None
    folders: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, index: Index) -> Origin:
        """The origin kept with a catalogue; an empty one where none is."""
        values = index.notes()
        folders = values.get("folders", ())
        return cls(values.get("weights"), tuple((p, f) for p, f in folders))

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
