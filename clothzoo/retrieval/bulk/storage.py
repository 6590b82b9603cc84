"""Folders of this machine and of object stores, seen alike: files that are whole or absent."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from clothzoo.errors import ExtraMissing, InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval import durable
from clothzoo.retrieval.database import explained


def is_url(place: str) -> bool:
    """Whether a place is named by a URL, `s3://…`, and not by a path of this machine."""
    return "://" in place


def filesystem(url: str) -> tuple[Any, str]:
    """The file system of a URL, and what that calls the place.

    Raises:
        InvalidInput: nobody knows this kind of URL.
        ExtraMissing: the package for this kind of URL is not installed.
    """
    core = require("fsspec.core", "ray")
    try:
        found, inside = core.url_to_fs(url)
    except ImportError as error:
        raise ExtraMissing(f"{url!r} cannot be reached yet: {error}", name=error.name) from error
    except ValueError as error:
        raise InvalidInput(f"{url!r} cannot be reached: {error}") from error
    return found, inside


class Storage(Protocol):
    """A folder whose files appear at once, when they are complete."""

    name: str
    """The folder as the user named it."""

    def files(self, folder: str = "") -> set[str]:
        """Names of the files in a subfolder; none where it is not there."""

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is no such file."""

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        """A file, opened so that parts of it can be read."""

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A path to write to; what is there when the block ends becomes the file."""

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""


def storage(place: str | os.PathLike[str]) -> Storage:
    """The storage at a path or URL.

    Raises:
        InvalidInput, ExtraMissing: see `filesystem`.
    """
    text = os.fspath(place)
    if text.startswith("file://"):
        text = filesystem(text)[1]
    return RemoteFolder(text) if is_url(text) else LocalFolder(text)


class LocalFolder:
    """A folder of this machine, or one that several machines have mounted.

    Args:
        path: it is made by the first write.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        self.path = Path(path).absolute()

    def files(self, folder: str = "") -> set[str]:
        """See `Storage.files`."""
        place = self.path / folder
        with explained(self.name, "folder"):
            if not place.exists():
                return set()
            names = {entry.name for entry in place.iterdir() if not entry.is_dir()}
            return {name for name in names if not name.endswith(durable.PARTIAL)}

    def read(self, name: str) -> bytes | None:
        """See `Storage.read`."""
        with explained(self.name, "folder"):
            try:
                return (self.path / name).read_bytes()
            except FileNotFoundError:
                return None

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        """See `Storage.reading`."""
        with explained(self.name, "folder"), (self.path / name).open("rb") as stream:
            yield stream

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """See `Storage.writing`."""
        path = self.path / name
        # A name of its own: a worker that was given up may still be writing the same file.
        partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}{durable.PARTIAL}")
        with explained(self.name, "folder"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                yield partial
                durable.adopt(partial, path)
                durable.sync_folder(path.parent)
            finally:
                partial.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """See `Storage.remove`."""
        with explained(self.name, "folder"):
            (self.path / name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete what killed writers have left behind."""
        with explained(self.name, "folder"):
            for left in self.path.glob(f"**/*{durable.PARTIAL}"):
                left.unlink(missing_ok=True)


class RemoteFolder:
    """A folder of an object store, where a file appears when its upload is complete.

    Args:
        url: `s3://bucket/folder` or any other that fsspec knows.

    Raises:
        InvalidInput, ExtraMissing: see `filesystem`.
    """

    def __init__(self, url: str) -> None:
        self.name = url
        self._files, inside = filesystem(url)
        self._inside = inside.rstrip("/")

    def files(self, folder: str = "") -> set[str]:
        """See `Storage.files`."""
        with explained(self.name, "folder"):
            self._files.invalidate_cache()
            try:
                found = self._files.ls(f"{self._inside}/{folder}".rstrip("/"), detail=True)
            except FileNotFoundError:
                return set()
            return {entry["name"].rpartition("/")[2] for entry in found if entry["type"] == "file"}

    def read(self, name: str) -> bytes | None:
        """See `Storage.read`."""
        with explained(self.name, "folder"):
            try:
                return bytes(self._files.cat_file(f"{self._inside}/{name}"))
            except FileNotFoundError:
                return None

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        """See `Storage.reading`."""
        with explained(self.name, "folder"), self._files.open(f"{self._inside}/{name}") as stream:
            yield stream

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """See `Storage.writing`."""
        path = f"{self._inside}/{name}"
        with explained(self.name, "folder"), tempfile.TemporaryDirectory() as folder:
            yield Path(folder, "file")
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(Path(folder, "file")), path)

    def remove(self, name: str) -> None:
        """See `Storage.remove`."""
        with explained(self.name, "folder"):
            try:
                self._files.rm_file(f"{self._inside}/{name}")
            except FileNotFoundError:
                return
