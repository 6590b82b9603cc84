"""Compiled networks on disk, in the user's cache folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from clothzoo.hub import files
from clothzoo.inference import seen
from clothzoo.inference.program import Program


def folder() -> Path:
    """Where compiled networks are kept; it can be deleted at any time."""
    return user_cache_path("clothzoo") / "compiled"


def find(key: str) -> Program | None:
    """A network that was compiled before.

    Args:
        key: `Recipe.key()`.

    Returns:
        The network; None where there is none, where its file is damaged, or where the weights
        that it was made of have since become others.
    """
    with suppress(OSError, ValueError, KeyError):
        record = json.loads((folder() / f"{key}.json").read_text(encoding="utf-8"))
        if not _unchanged(record["made_of"]):
            return None
        blob = (folder() / f"{record['blob_sha256']}.blob").read_bytes()
        if files.sha256(blob) == record["blob_sha256"]:
            return Program(blob, record)
    return None


def keep(keys: Iterable[str], blob: bytes, record: Mapping[str, Any]) -> None:
    """Keep a compiled network; what is there under the same keys is replaced.

    Args:
        keys: under which `find` finds it.
        blob: the network.
        record: what is known of it; see `Program`.

    Raises:
        OSError: the folder cannot be written.
    """
    digest = files.sha256(blob)
    folder().mkdir(parents=True, exist_ok=True)
    files.write(folder() / f"{digest}.blob", blob)
    # The record comes last: it names the blob by its content, so the two always fit.
    text = json.dumps({**record, "blob_sha256": digest}, indent=2)
    for key in keys:
        files.write(folder() / f"{key}.json", text.encode())


def _unchanged(made_of: Mapping[str, str]) -> bool:
    """Whether each file, where it still exists, has the sha256 noted for it."""
    return all(
        seen.sha256(Path(path)) == sha256 for path, sha256 in made_of.items() if Path(path).exists()
    )
