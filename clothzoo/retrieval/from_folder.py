"""A folder of photos into a catalogue: resumable, and only what has changed is read again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from clothzoo.datasets import folder
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.retrieval.content import CONTENT, file_facts, mark
from clothzoo.retrieval.extractor import Extractor, Vector
from clothzoo.retrieval.index import Attributes, FileFacts, Index

_COMMIT_EVERY = 256


@dataclass(frozen=True)
class FolderReport:
    """What `add_folder` did.

    Args:
        added: photos that were not in the catalogue before.
        updated: photos that were, but have changed since, or their attributes have.
        unchanged: photos that were left as they are.
        skipped: {id: why its photo could not be read}.
        seconds: how long it took.
    """

    added: int
    updated: int
    unchanged: int
    skipped: Mapping[str, str]
    seconds: float

    def __str__(self) -> str:
        parts = [f"{self.added:,} added"]
        for count, what in (
            (self.updated, "updated"),
            (self.unchanged, "unchanged"),
            (len(self.skipped), "skipped"),
        ):
            parts += [f"{count:,} {what}"] * bool(count)
        return f"{', '.join(parts)} in {self.seconds:.1f} s"


@dataclass
class PhotoFile:
    """A file that may have to be described.

    Args:
        id: what the catalogue calls it.
        path: where it is.
        attributes: what is to be noted of it.
        rivals: where photos of other folders with the same id would be.
        known: the catalogue's facts of it, if it has been there.
        facts: its facts now; None until it has been read.
    """

    id: str
    path: Path
    attributes: Attributes = field(default_factory=dict)
    rivals: Sequence[Path] = ()
    known: FileFacts | None = None
    facts: FileFacts | None = None

    def untouched(self) -> bool:
        """Whether size and time are what the catalogue noted."""
        try:
            status = self.path.stat()
        except OSError:
            return False  # reading it will say why
        return self.known is not None and (
            (status.st_size, status.st_mtime_ns) == (self.known.size, self.known.mtime_ns)
        )

    def read(self) -> Path | None:
        """Hash the file; None where the content is what the catalogue has already.

        Raises:
            UnreadablePhoto: it cannot be opened.
            InvalidInput: its id belongs to a photo of another folder.
        """
        self.facts = file_facts(self.path)
        if self.known is None:
            return self.path
        if self.known.sha256 == self.facts.sha256:
            return None
        for rival in self.rivals:
            if rival.is_file():
                raise InvalidInput(
                    f"{self.id!r} is in the catalogue as {rival}; to add {self.path} "
                    f"beside it, give this folder's ids a prefix: prefix='{self.path.parent.name}/'"
                )
        return self.path

    def noted(self) -> Attributes:
        """The attributes as they are kept, with the one that finds copies."""
        facts = self.facts or self.known
        assert facts is not None  # it has been read, or it was there before
        return {**self.attributes, CONTENT: mark(facts)}


def files_in(
    root: Path, *, recursive: bool, labels: str | Path | None, prefix: str, rivals: Sequence[Path]
) -> list[PhotoFile]:
    """The photos of a folder, in order of their paths.

    Args:
        root: the folder.
        recursive: whether to go into its subfolders.
        labels: None, "folders" or a table; see `RetrievalEngine.add_folder`.
        prefix: put in front of each id.
        rivals: other folders whose photos the catalogue has under the same prefix.

    Raises:
        DatasetNotFound: there is no such folder or table.
        InvalidInput: the table names none of the photos.
    """
    paths = [path for path in folder.photos(root) if recursive or len(path.parts) == 1]
    known: dict[str, Attributes] = {}
    if labels == "folders":
        known = {path.as_posix(): {"category": path.parts[0]} for path in paths if path.parts[1:]}
    elif labels is not None:
        known = _from_table(Path(labels), root, paths)
    return [
        PhotoFile(
            prefix + path.as_posix(),
            root / path,
            known.get(path.as_posix(), {}),
            rivals=[rival / path for rival in rivals],
        )
        for path in paths
    ]


def _from_table(table: Path, root: Path, paths: Sequence[Path]) -> dict[str, Attributes]:
    """Attributes by relative path; a row may name a photo from the table's folder or from root."""
    records = folder.load(table, check=False).records
    rows: dict[str, Attributes] = {}
    for record in records:
        known = record.labels if record.group is None else {**record.labels, "group": record.group}
        rows[record.id] = known
        rows.setdefault(os.path.relpath(str(record.image), root), known)
    found: dict[str, Attributes] = {}
    for path in paths:
        row = rows.get(path.as_posix(), rows.get(path.with_suffix("").as_posix()))
        if row is not None:
            found[path.as_posix()] = row
    if paths and not found:
        raise InvalidInput(
            f"no row of {str(table)!r} names a photo in {str(root)!r}; its first column must hold "
            f"their paths, e.g. {paths[0].as_posix()!r}"
        )
    return found


def add_files(
    index: Index,
    extractor: Extractor,
    files: Iterable[PhotoFile],
    *,
    advance: Callable[[], None] = lambda: None,
) -> FolderReport:
    """Describe files and add them, committing every few hundred photos.

    A run that was broken off is resumed by running it again: what was committed is not described
    a second time. A file that is gone from the folder stays in the catalogue.

    Args:
        index: the catalogue.
        extractor: makes the descriptors.
        files: what to add; `known` is filled in here.
        advance: called once for each file that is done with.

    Returns:
        What was done, and what was skipped and why.

    Raises:
        CatalogueError: it could not be written; what was committed before stays.
    """
    start = time.perf_counter()
    known = index.files()
    skipped: dict[str, str] = {}
    unchanged = 0

    def changed() -> Iterator[PhotoFile]:
        nonlocal unchanged
        for file in files:
            file.known = known.get(file.id)
            if file.untouched() and not relabelled(file):
                unchanged += 1
                advance()
            else:
                yield file

    def relabelled(file: PhotoFile) -> bool:
        return bool(file.attributes) and index.get(file.id).attributes != file.noted()

    batch = _Batch(index)
    for file, vector in extractor.stream(changed(), PhotoFile.read):
        if isinstance(vector, UnreadablePhoto):
            skipped[file.id] = vector.reason
        elif vector is not None:
            batch.add(file, vector)
        elif relabelled(file):
            batch.add(file, index.get(file.id).vector)
        else:
            batch.touch(file)
            unchanged += 1
        advance()
    batch.commit()
    return FolderReport(
        added=batch.done - batch.replaced,
        updated=batch.replaced,
        unchanged=unchanged,
        skipped=skipped,
        seconds=time.perf_counter() - start,
    )


class _Batch:
    """Photos that are to be committed together."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._waiting: list[tuple[PhotoFile, Vector]] = []
        self._touched: dict[str, FileFacts] = {}
        self.done = 0
        self.replaced = 0

    def add(self, file: PhotoFile, vector: Vector) -> None:
        if file.known and not file.attributes:
            file.attributes = self._index.get(file.id).attributes
        self._waiting.append((file, vector))
        self.done += 1
        self.replaced += file.known is not None
        if len(self._waiting) >= _COMMIT_EVERY:
            self.commit()

    def touch(self, file: PhotoFile) -> None:
        if file.facts:
            self._touched[file.id] = file.facts

    def commit(self) -> None:
        if self._waiting:
            self._index.add(
                [file.id for file, _ in self._waiting],
                np.stack([vector for _, vector in self._waiting]),
                [file.noted() for file, _ in self._waiting],
                [file.facts for file, _ in self._waiting],
            )
        if self._touched:
            self._index.update_files(self._touched)
        self._waiting, self._touched = [], {}
