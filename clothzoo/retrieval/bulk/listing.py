"""The photos that are to be described: those of a folder, of an object store, or of a list."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from clothzoo.datasets.folder import SUFFIXES
from clothzoo.errors import DatasetNotFound, InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval.bulk.storage import filesystem, is_url
from clothzoo.retrieval.from_folder import files_in
from clothzoo.retrieval.index import Attributes, checked_attributes, checked_ids

PHOTO_COLUMNS = ("path", "url", "uri", "image", "photo")
"""Columns of a list that are taken to name the photos, the first that is there."""

_ID = "id"
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Listed:
    """A photo that is to be described.

    Args:
        id: what a catalogue will call it.
        place: its file's absolute path, or a URL.
        attributes: what is to be noted of it.
        mtime_ns: time of its last change, where an object store's listing says so.
    """

    id: str
    place: str
    attributes: Attributes = field(default_factory=dict)
    mtime_ns: int | None = None


@dataclass(frozen=True)
class Source:
    """Where photos are, and how they are listed.

    Args:
        place: a folder; the URL of one in an object store; or a Parquet file, at a path or a URL,
            with a row for each photo.
        labels: attributes of the photos of a folder: "folders" or a CSV file, see
            `RetrievalEngine.add_folder`. The other columns of a list are its attributes.
        prefix: put in front of each id.
        recursive: whether to go into subfolders.
        column: of a list: which column has the photos' paths or URLs; by default the first that
            is there of `PHOTO_COLUMNS`.
    """

    place: str
    labels: str | None = None
    prefix: str = ""
    recursive: bool = True
    column: str | None = None

    @classmethod
    def of(cls, place: str | os.PathLike[str], **options: Any) -> Source:
        """The source that a user named, its paths made absolute.

        Raises:
            InvalidInput: options that do not go with this kind of place.
        """
        text = os.fspath(place)
        if text.startswith("file://"):
            text = filesystem(text)[1]
        if not is_url(text):
            text = str(Path(text).resolve())
        labels = options.pop("labels", None)
        if labels not in (None, "folders"):
            labels = str(Path(labels).resolve())
        source = cls(text, labels, **options)
        source._check()
        return source

    @property
    def is_list(self) -> bool:
        """Whether it is a Parquet file."""
        return self.place.endswith(".parquet")

    @property
    def folder(self) -> str:
        """What relative ids start from: the folder itself, or that of the list."""
        return str(Path(self.place).parent) if self.is_list else self.place

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `Source(**values)` gives the same record back."""
        return asdict(self)

    def photos(self) -> Iterator[Listed]:
        """The photos, in the order in which they are described.

        A folder's come in the order of their paths, as with `RetrievalEngine.add_folder`; a
        list's in its own.

        Raises:
            DatasetNotFound: there is no such place.
            InvalidInput: an id is there twice; a list has no column of photos, or an id or an
                attribute that cannot be kept.
            ExtraMissing: what reads it is not installed.
        """
        if self.is_list:
            return _without_copies(self._in_list, self.place)
        return self._in_store() if is_url(self.place) else self._in_folder()

    def _check(self) -> None:
        if self.is_list and self.labels is not None:
            raise InvalidInput(
                f"the attributes of {self.place!r} are its own columns; leave labels= out"
            )
        if self.column is not None and not self.is_list:
            raise InvalidInput(
                f"column= says where a Parquet file names the photos, but {self.place!r} is a "
                "folder; a list's name ends in .parquet"
            )
        if is_url(self.place) and self.labels not in (None, "folders"):
            raise InvalidInput(
                "a table of labels goes with a folder of this machine; for an object store, give "
                "a Parquet file with a column of URLs, whose other columns are the attributes"
            )

    def _in_folder(self) -> Iterator[Listed]:
        root = Path(self.place)
        for file in files_in(
            root, recursive=self.recursive, labels=self.labels, prefix=self.prefix, rivals=()
        ):
            yield Listed(file.id, str(file.path), file.attributes)

    def _in_store(self) -> Iterator[Listed]:
        files, inside = filesystem(self.place)
        root = inside.rstrip("/") + "/"
        try:
            found = files.find(inside, maxdepth=None if self.recursive else 1, detail=True)
        except OSError as error:
            raise DatasetNotFound(f"cannot list {self.place!r}: {error}") from error
        if not found:
            raise DatasetNotFound(f"there is nothing at {self.place!r}")
        # By their parts, as a folder's are: "a/b.jpg" before "a.jpg".
        for path in sorted(PurePosixPath(name.removeprefix(root)) for name in found):
            if path.suffix.lower() not in SUFFIXES or any(p.startswith(".") for p in path.parts):
                continue
            grouped = self.labels == "folders" and len(path.parts) > 1
            name = root + path.as_posix()
            yield Listed(
                self.prefix + path.as_posix(),
                files.unstrip_protocol(name),
                {"category": path.parts[0]} if grouped else {},
                _mtime_ns(found[name]),
            )

    def _in_list(self) -> Iterator[list[Listed]]:
        arrow, reader = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
        try:
            with _opened(self.place) as stream, reader.ParquetFile(stream) as file:
                names = file.schema_arrow.names
                column = self._column(names)
                kept = [name for name in names if name not in (column, _ID)]
                for page in file.iter_batches(_PAGE):
                    yield self._rows(page.to_pydict(), column, kept)
        except FileNotFoundError as error:
            raise DatasetNotFound(f"no list {self.place!r}") from error
        except (arrow.ArrowInvalid, OSError) as error:
            raise InvalidInput(f"{self.place!r} is not a readable Parquet file: {error}") from error

    def _column(self, names: Sequence[str]) -> str:
        wanted = PHOTO_COLUMNS if self.column is None else (self.column,)
        for name in wanted:
            if name in names:
                return name
        raise InvalidInput(
            f"{self.place!r} has no column {' or '.join(map(repr, wanted))} that names the photos; "
            f"its columns are {', '.join(map(repr, names))}; say column=…"
        )

    def _rows(self, page: dict[str, list[Any]], column: str, kept: Sequence[str]) -> list[Listed]:
        places = page[column]
        for name in places:
            if not isinstance(name, str) or not name:
                raise InvalidInput(
                    f"column {column!r} of {self.place!r} has {name!r}, which names no photo"
                )
        ids = checked_ids(page.get(_ID, places))
        attributes = checked_attributes(
            [
                {name: value for name, value in zip(kept, values, strict=True) if value is not None}
                for values in zip(*(page[name] for name in kept), strict=True)
            ]
            if kept
            else None,
            len(places),
        )
        return [
            Listed(self.prefix + name, _beside(self.place, place), row)
            for name, place, row in zip(ids, places, attributes, strict=True)
        ]


def _without_copies(pages: Callable[[], Iterator[list[Listed]]], place: str) -> Iterator[Listed]:
    """The rows of a list, read twice, so that not all of their ids are in memory at once."""
    # Eight bytes of each id are enough to find the few that may be there twice.
    marks = [np.array([_mark(row.id) for row in page], np.uint64) for page in pages()]
    found, counts = np.unique(np.concatenate(marks or [np.empty(0, np.uint64)]), return_counts=True)
    doubtful = set(found[counts > 1].tolist())
    seen: set[str] = set()
    for page in pages():
        for row in page:
            if doubtful and _mark(row.id) in doubtful:
                if row.id in seen:
                    raise InvalidInput(
                        f"id {row.id!r} is there twice in {place!r}; which one is meant?"
                    )
                seen.add(row.id)
            yield row


def _mark(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


def _opened(place: str) -> Any:
    if not is_url(place):
        return Path(place).open("rb")
    files, inside = filesystem(place)
    return files.open(inside)


def _beside(place: str, photo: str) -> str:
    """A photo that a list names, from the list's own folder where it is a relative path."""
    if is_url(photo):
        return photo
    if not is_url(place):
        return str(Path(place).parent / photo)
    return f"{place.rpartition('/')[0]}/{photo}"


def _mtime_ns(entry: dict[str, Any]) -> int | None:
    changed = entry.get("LastModified", entry.get("mtime"))  # each store has words of its own
    if isinstance(changed, datetime):
        changed = changed.timestamp()
    return round(changed * 1e9) if isinstance(changed, float) else None


def places_are_known(rows: Iterable[Listed]) -> Iterator[Listed]:
    """Pass rows through, having checked that each kind of URL among them can be reached.

    Raises:
        InvalidInput, ExtraMissing: see `filesystem`.
    """
    known: set[str] = set()
    for row in rows:
        scheme, url, _ = row.place.partition("://")
        if url and scheme not in known:
            filesystem(row.place)
            known.add(scheme)
        yield row
