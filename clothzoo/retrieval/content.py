"""What tells that two photos are the same: a hash of their content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from PIL import Image

from clothzoo.datasets.photo import Photo
from clothzoo.errors import UnreadablePhoto
from clothzoo.retrieval.index import FileFacts

CONTENT = "_content"
"""The attribute that holds `mark` of an item; a name that starts with `_` is not shown."""


def mark(photo: Photo | FileFacts) -> str:
    """The start of a photo's content hash: enough of it to be unique.

    Args:
        photo: a path, a file's bytes, a PIL image, uint8 pixels, or the facts of a file.

    Returns:
        16 hexadecimal digits, the same for two files of equal bytes, or for equal pixels.

    Raises:
        UnreadablePhoto: the file cannot be opened.
    """
    if isinstance(photo, FileFacts):
        return photo.sha256[:16]
    if isinstance(photo, bytes):
        return hashlib.sha256(photo).hexdigest()[:16]
    if isinstance(photo, (np.ndarray, Image.Image)):
        pixels = np.ascontiguousarray(photo)
        return hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]
    return mark(file_facts(photo))


def file_facts(path: str | os.PathLike[str]) -> FileFacts:
    """Size, time and hash of a file.

    Raises:
        UnreadablePhoto: it cannot be opened.
    """
    try:
        with Path(path).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            status = os.fstat(stream.fileno())
    except OSError as error:
        reason = (error.strerror or "cannot be opened").lower()
        raise UnreadablePhoto(path, reason) from error
    return FileFacts(status.st_size, status.st_mtime_ns, digest)
