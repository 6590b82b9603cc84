"""The file beside a local catalogue in which whoever uses it keeps a few values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clothzoo.errors import CatalogueError
from clothzoo.retrieval import durable
from clothzoo.retrieval.database import explained

FILE = "engine.json"


def read(folder: Path) -> dict[str, Any]:
    """The notes in a catalogue's folder; {} where there are none.

    Raises:
        CatalogueError: the file cannot be read.
    """
    try:
        with explained(folder):
            notes: dict[str, Any] = json.loads((folder / FILE).read_bytes())
            return notes
    except CatalogueError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return {}
        raise
    except ValueError as error:
        raise CatalogueError(f"catalogue {str(folder)!r}: {FILE} is damaged: {error}") from error


def write(folder: Path, notes: Mapping[str, Any]) -> None:
    """Keep notes in a catalogue's folder, in place of those that are there, in one step.

    Raises:
        CatalogueError: the file cannot be written.
    """
    with explained(folder):
        durable.write(folder / FILE, [json.dumps(notes, indent=2).encode()])
        durable.sync_folder(folder)
