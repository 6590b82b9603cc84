"""The user's own photos: a folder, a folder for each class, or a table of paths and labels."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from clothzoo.datasets.photo import open_photo
from clothzoo.datasets.record import Label, Record
from clothzoo.errors import DatasetNotFound, InvalidInput, UnreadablePhoto

SUFFIXES = (
    ".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pgm", ".png",
    ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
"""Files with these endings, in either case, are taken for photos."""

_THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Loaded:
    """The photos that can be read, and why the others cannot.

    Args:
        records: one for each readable photo; its id is the path below the folder.
        skipped: path → reason, e.g. "truncated or damaged file".
    """

    records: list[Record]
    skipped: dict[Path, str]

    @property
    def labels(self) -> dict[str, tuple[Label, ...]]:
        """Task → the labels that occur, sorted."""
        seen: dict[str, set[Label]] = {}
        for record in self.records:
            for task, label in record.labels.items():
                seen.setdefault(task, set()).update(() if label is None else (label,))
        return {task: tuple(sorted(labels, key=str)) for task, labels in seen.items()}


def photos(folder: str | os.PathLike[str]) -> list[Path]:
    """Find the photos below a folder, at any depth, by their file names' endings.

    Args:
        folder: hidden files and folders in it are passed over.

    Returns:
        Paths relative to the folder, sorted.

    Raises:
        DatasetNotFound: there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DatasetNotFound(f"no folder {str(folder)!r}")
    found = []
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(place).relative_to(root)
        found += [
            here / name
            for name in files
            if not name.startswith(".") and name.lower().endswith(SUFFIXES)
        ]
    return sorted(found)


def load(
    path: str | os.PathLike[str],
    *,
    task: str = "category",
    check: bool = True,
    strict: bool = False,
) -> Loaded:
    """Read the user's own photos.

    Args:
        path: a folder with a folder of photos for each class; or a flat folder, whose photos get
            no labels; or a CSV file whose first column is a photo's path, relative to the file,
            a column `group` says what a split must not tear apart, and every other column is a
            task with its labels (empty where not known).
        task: what the folders' names are labels of.
        check: decode every photo now (small, in threads), so that those that cannot be read are
            left out and named.
        strict: raise for the first of these instead.

    Returns:
        The records, sorted by path (a table's in its order), and what was skipped.

    Raises:
        DatasetNotFound: there is no such folder or table.
        InvalidInput: the table has no header, or a row of another length.
        UnreadablePhoto: strict, and a photo cannot be read.
    """
    source = Path(path)
    records = _from_table(source) if source.is_file() else _from_folder(source, task)
    return _checked(records, strict) if check or strict else Loaded(records, {})


def _from_folder(root: Path, task: str) -> list[Record]:
    found = photos(root)
    # A photo at the top belongs to no class: then the folders are no classes either.
    labelled = bool(found) and all(len(path.parts) > 1 for path in found)
    return [
        Record(root / path, {task: path.parts[0]} if labelled else {}, path.as_posix())
        for path in found
    ]


def _from_table(table: Path) -> list[Record]:
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.reader(stream))
    if not rows or not rows[0]:
        raise InvalidInput(f"{str(table)!r} is empty; its first row must name the columns")
    header, records = rows[0], []
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(header):
            raise InvalidInput(
                f"{str(table)!r}, row {number}, has {len(row)} values for {len(header)} columns"
            )
        named = dict(zip(header[1:], row[1:], strict=True))
        group = named.pop("group", "") or None
        labels: dict[str, Label] = {name: value or None for name, value in named.items()}
        records.append(Record(table.parent / row[0], labels, Path(row[0]).as_posix(), group))
    return records


def _checked(records: Iterable[Record], strict: bool) -> Loaded:
    def reason(record: Record) -> UnreadablePhoto | None:
        try:
            open_photo(record.image, size_hint=(1, 1))
        except UnreadablePhoto as unreadable:
            return unreadable
        return None

    loaded = Loaded([], {})
    pool = ThreadPoolExecutor(_THREADS)
    try:
        records = list(records)
        for record, unreadable in zip(records, pool.map(reason, records), strict=True):
            if unreadable is None:
                loaded.records.append(record)
            elif strict:
                raise unreadable
            else:
                loaded.skipped[Path(str(record.image))] = unreadable.reason
    finally:
        pool.shutdown(cancel_futures=True)
    return loaded
