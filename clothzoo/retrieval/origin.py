"""Where a catalogue's network and photos lie on this machine; kept beside its vectors."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "engine.json"


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
    def read(cls, catalogue: Path) -> Origin:
        """The origin kept in a catalogue's folder; an empty one where none is."""
        try:
            values = json.loads((catalogue / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        return cls(values["weights"], tuple((p, f) for p, f in values["folders"]))

    def write(self, catalogue: Path) -> None:
        """Keep it in a catalogue's folder, replacing what was there in one step."""
        new = catalogue / f".{FILE}.{os.getpid()}"
        with new.open("w", encoding="utf-8") as stream:
            json.dump(asdict(self), stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(catalogue / FILE)

    def photo(self, name: str) -> Path | None:
        """The file of an id, or None where it is not to be found."""
        inside = [
            Path(folder, name.removeprefix(prefix))
            for prefix, folder in self.folders
            if name.startswith(prefix)
        ]
        return next((path for path in [*inside, Path(name)] if path.is_file()), None)
