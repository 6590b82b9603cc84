"""Hashes of large files, remembered for as long as a file's size and time stay the same."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

from clothzoo.hub import files


def sha256(path: Path) -> str:
    """The hash of a file as 64 hex digits.

    It is computed again only where size or time of the file have changed since the last time.

    Raises:
        OSError: the file cannot be read.
    """
    path = path.resolve()
    status = path.stat()
    facts = {"path": str(path), "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    note = user_cache_path("clothzoo") / "seen" / f"{files.sha256(str(path).encode())}.json"
    with suppress(OSError, ValueError):
        noted = json.loads(note.read_text(encoding="utf-8"))
        digest = noted.pop("sha256", None)
        if noted == facts and isinstance(digest, str):
            return digest
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    with suppress(OSError):  # a cache that cannot be written only costs time
        note.parent.mkdir(parents=True, exist_ok=True)
        files.write(note, json.dumps({**facts, "sha256": digest}).encode())
    return digest
