"""`catalogue.json`: what a catalogue is, and the mark of a folder that is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clothzoo.errors import CatalogueError, InvalidInput, did_you_mean
from clothzoo.retrieval import durable
from clothzoo.retrieval.database import Database, explained
from clothzoo.similarity import METRICS

DATABASE = "catalogue.sqlite"
SEGMENTS = "segments"

_FORMAT = 1
_NAME = "catalogue.json"
_HALF_MADE = {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", _NAME + durable.PARTIAL}


@dataclass(frozen=True, slots=True)
class Header:
    """What is settled once and for all when a catalogue is made.

    Args:
        metric: a name from `clothzoo.similarity.METRICS`.
        dim: length of the vectors.
        fingerprint: what makes the vectors, as plain JSON values.
        format: of the folder.

    Raises:
        InvalidInput: no such metric, no such dimension, or a fingerprint that JSON cannot hold.
    """

    metric: str
    dim: int
    fingerprint: dict[str, Any] = field(default_factory=dict)
    format: int = _FORMAT

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise InvalidInput(f"no metric {self.metric!r}{did_you_mean(self.metric, METRICS)}")
        if not isinstance(self.dim, int) or isinstance(self.dim, bool) or self.dim < 1:
            raise InvalidInput(f"dim must be a whole number of at least 1, not {self.dim!r}")

    @classmethod
    def of(
        cls, metric: str, dim: int | np.integer[Any], fingerprint: Mapping[str, Any] | None
    ) -> Header:
        """The header of a new catalogue, its fingerprint as it will be read back."""
        try:
            plain = json.loads(json.dumps(dict(fingerprint or {})))
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"the fingerprint is not made of JSON values: {error}") from error
        return cls(metric, int(dim) if isinstance(dim, np.integer) else dim, plain)


def is_catalogue(folder: Path) -> bool:
    """Whether there is a catalogue in a folder, sound or not."""
    return (folder / _NAME).is_file()


def read(folder: Path) -> Header:
    """The header of a catalogue.

    Raises:
        CatalogueError: there is none, it cannot be read, or a later clothzoo has made it.
    """
    try:
        with explained(folder):
            values = json.loads((folder / _NAME).read_bytes())
    except CatalogueError as error:
        if not isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise
        raise CatalogueError(
            f"there is no catalogue in {str(folder)!r}; check the path, or make one"
        ) from error
    except ValueError as error:
        raise CatalogueError(f"catalogue {str(folder)!r}: {_NAME} is damaged: {error}") from error
    if values.get("format") != _FORMAT:
        raise CatalogueError(
            f"catalogue {str(folder)!r} has format {values.get('format')!r}, and this clothzoo "
            f"reads format {_FORMAT}; use the version of clothzoo that made it, or a newer one"
        )
    try:
        return Header(**values)
    except (TypeError, InvalidInput) as error:
        raise CatalogueError(f"catalogue {str(folder)!r}: {_NAME} is damaged: {error}") from error


def make(folder: Path, header: Header, timeout: float) -> None:
    """Turn an empty folder, or one that is not there, into an empty catalogue.

    The header is written last and marks a whole one; a folder in which a process died before
    that is taken up where it stopped.

    Raises:
        CatalogueError: it has something in it, or cannot be written.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _check_free(folder, {path.name for path in folder.iterdir()})
        Database.create(folder / DATABASE, name=folder, timeout=timeout)
        database = Database(folder / DATABASE, name=folder, timeout=timeout)
        # Another process may be making the same one: whoever comes second finds the header.
        with closing(database), database.writing() as db:
            _check_free(folder, {path.name for path in folder.iterdir()})
            if db.execute("SELECT EXISTS (SELECT * FROM items)").fetchone()[0]:
                raise CatalogueError(
                    f"catalogue {str(folder)!r} has lost its {_NAME}; restore that file"
                )
            text = json.dumps(asdict(header), indent=2, ensure_ascii=False)
            durable.write(folder / _NAME, [text.encode()])
            durable.sync_folder(folder)
            durable.sync_folder(folder.absolute().parent)


def _check_free(folder: Path, names: set[str]) -> None:
    if _NAME in names:
        raise CatalogueError(f"{str(folder)!r} is a catalogue already; open it, or choose another")
    if names - _HALF_MADE:
        raise CatalogueError(
            f"{str(folder)!r} is not empty and not a catalogue; choose an empty or new folder"
        )
