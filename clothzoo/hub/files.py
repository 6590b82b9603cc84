"""Writing a file so that a reader never sees half of it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: temporary name, flush, rename.

    Args:
        path: where; its folder exists.
        data: the content.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would hide the file from everybody else
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sha256(data: bytes) -> str:
    """The hash of some bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()
