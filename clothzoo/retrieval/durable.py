"""Files that are whole or absent, whenever the power goes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

PARTIAL = ".partial"


def write(path: Path, pieces: Iterable[bytes | memoryview]) -> str:
    """Write a file under a temporary name, flush it to the disk, then give it its name.

    The name itself is durable only after `sync_folder`.

    Args:
        path: where it goes; a file of that name is replaced.
        pieces: the content.

    Returns:
        The content's sha256, hexadecimal.

    Raises:
        OSError: it could not be written; nothing is left behind.
    """
    partial = path.with_name(path.name + PARTIAL)
    digest = hashlib.sha256()
    try:
        with partial.open("wb") as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def adopt(partial: Path, path: Path) -> None:
    """Give a file that something else has written its name, once it is on the disk."""
    with partial.open("r+b") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the files they stand for."""
    if os.name == "nt":
        return  # Windows has no such call, and journals names by itself
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
