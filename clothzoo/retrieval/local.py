"""The catalogue in a folder: exact search over mapped vectors, durable, one writer, any readers.

```
catalogue/
  catalogue.json      format, metric, dimension, fingerprint; written last, so it marks a whole one
  catalogue.sqlite    ids, attributes, file facts, recent vectors, the list of segments
  engine.json         notes of whoever uses the catalogue
  segments/           immutable vector files
```
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from clothzoo.errors import ItemNotFound
from clothzoo.retrieval import items, notes, rolling
from clothzoo.retrieval import snapshot as snapshots
from clothzoo.retrieval.approximate import WORTH_IT, Graph
from clothzoo.retrieval.database import Database
from clothzoo.retrieval.header import DATABASE, SEGMENTS, Header, make, read
from clothzoo.retrieval.index import (
    Attributes,
    Batch,
    FileFacts,
    Hits,
    Item,
    Where,
    check_fingerprint,
    checked_attributes,
    checked_files,
    checked_ids,
    checked_k,
    checked_new_ids,
    checked_queries,
    checked_vectors,
)
from clothzoo.retrieval.ranking import ranked
from clothzoo.retrieval.segments import SegmentFiles, Segments, SegmentsInMemory
from clothzoo.retrieval.snapshot import Snapshot
from clothzoo.retrieval.verification import damage
from clothzoo.retrieval.where import parse

TIMEOUT = 30.0


class LocalIndex:
    """An `Index` in a folder of this machine, or in memory; made by `create` and `open`.

    Any number of threads and processes may search it while one of them writes: a search sees
    one state of the catalogue, the one that the last finished write has left. A second writer
    waits for the first.

    Example:
        >>> with LocalIndex.create(None, dim=2, metric="euclidean") as index:
        ...     index.add(["a", "b"], [[0, 0], [3, 4]], [{"kids": True}, None])
        ...     [(hit.id, hit.distance) for hit in index.search([0, 0], k=2)]
        [('a', 0.0), ('b', 5.0)]
    """

    def __init__(self, path: Path | None, header: Header, timeout: float) -> None:
        self.path = path
        self._header = header
        self._segments: Segments = (
            SegmentFiles(path / SEGMENTS, header.metric)
            if path
            else SegmentsInMemory(header.metric)
        )
        self._database = Database(path and path / DATABASE, name=self._name, timeout=timeout)
        self._snapshot: Snapshot | None = None
        self._approximate: Graph | None = None
        self._notes: dict[str, Any] = {}
        self._sweep_due = True

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | None,
        *,
        dim: int,
        metric: str,
        fingerprint: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
    ) -> Self:
        """Make an empty catalogue.

        Args:
            path: a folder that is empty or not there yet; None keeps all in memory.
            dim: length of the vectors.
            metric: a name from `clothzoo.similarity.METRICS`.
            fingerprint: what makes the vectors, as plain JSON values.
            timeout: seconds to wait for another writer.

        Raises:
            InvalidInput: no such metric or dimension, or the fingerprint is not plain.
            CatalogueError: the folder has something in it, or cannot be written.
        """
        header = Header.of(metric, dim, fingerprint)
        if path is None:
            return cls(None, header, timeout)
        make(Path(path), header, timeout)
        return cls.open(path, timeout=timeout)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        fingerprint: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
    ) -> Self:
        """Open a catalogue to read and write it, or to read it where it cannot be written.

        Args:
            path: its folder.
            fingerprint: of the extractor that is going to be used with it.
            timeout: seconds to wait for another writer.

        Raises:
            CatalogueError: there is none, or it cannot be read.
            FingerprintMismatch: another extractor has built it.
        """
        path = Path(path)
        header = read(path)
        if fingerprint is not None:
            check_fingerprint(header.fingerprint, fingerprint, path)
        return cls(path, header, timeout)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._header.dim

    @property
    def metric(self) -> str:
        """Name of the distance."""
        return self._header.metric

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What made the vectors; {} where nobody said."""
        return deepcopy(self._header.fingerprint)

    def add(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        attributes: Sequence[Attributes | None] | None = None,
        files: Sequence[FileFacts | None] | None = None,
    ) -> None:
        """Add items, or replace them; see `Index.add`."""
        names = checked_new_ids(ids)
        rows = checked_vectors(vectors, names, self.dim)
        kept = checked_attributes(attributes, len(names))
        facts = checked_files(files, len(names))
        if not names:
            return
        with self._writing() as (db, replaced):
            items.forget(db, names)
            keys = items.insert(db, names, kept, facts)
            replaced += rolling.keep(db, self._segments, (keys, rows))

    def remove(self, ids: Iterable[str]) -> int:
        """Remove items and say how many there were; see `Index.remove`."""
        names = dict.fromkeys(checked_ids(ids))
        with self._writing() as (db, _):
            return items.forget(db, names)

    def get(self, id: str) -> Item:  # noqa: A002
        """The item of that id; see `Index.get`."""

        def work(db: Connection) -> Item | None:
            for key in items.keys_of(db, [id]):
                for segment in self._current(db).segments:
                    for row in np.flatnonzero(segment.keys == key):
                        _, attributes = items.described(db, [key])[key]
                        return Item(id, segment.vectors[row].copy(), attributes)
            return None

        found = self._database.read(work)
        if found is None:
            raise ItemNotFound(f"no item {id!r} in catalogue {self._name!r}")
        return found

    def search(
        self,
        vectors: npt.ArrayLike,
        k: int = 10,
        where: Where | None = None,
        *,
        exclude: Iterable[str] = (),
        approximate: bool = False,
    ) -> Hits | list[Hits]:
        """The k nearest items; see `Index.search`.

        With `where`, and below some twenty thousand items, the answer is exact in any case. The
        first approximate search of a large catalogue makes a graph of it, which takes minutes
        for a million items and is then kept in the folder.

        Raises:
            ExtraMissing: `approximate`, and usearch is not installed.
        """
        queries = checked_queries(vectors, self.dim)
        k, conditions, barred = checked_k(k), parse(where), checked_ids(exclude)
        graph = self._graph() if approximate and not conditions else None

        def work(db: Connection) -> list[Hits]:
            out = items.keys_of(db, barred)
            snapshot = self._current(db)
            wanted = k + len(out)
            if graph is not None:
                found = graph.nearest(snapshot, queries, wanted)
            else:
                found = snapshot.nearest(queries, wanted, snapshot.masks(db, conditions))
            return ranked(db, *found, k=k, excluded=out)

        results = self._database.read(work)
        return results[0] if np.ndim(vectors) == 1 else results

    def batches(self, rows: int = 1024) -> Iterator[Batch]:
        """All items; see `Index.batches`. What is added after the first batch is left out."""
        snapshot = self._database.read(self._current)
        for segment in snapshot.segments:
            for start in range(0, len(segment.keys), rows):
                keys = segment.keys[start : start + rows].tolist()
                found = self._database.read(partial(items.rows, keys=keys))
                if found:
                    here, *columns = map(list, zip(*found, strict=True))
                    vectors = segment.vectors[start : start + rows][here]
                    yield Batch(columns[0], vectors, columns[1], columns[2])

    def files(self) -> dict[str, FileFacts]:
        """File facts by id; see `Index.files`."""
        return self._database.read(items.file_facts)

    def update_files(self, files: Mapping[str, FileFacts]) -> None:
        """Replace file facts; see `Index.update_files`."""
        with self._writing() as (db, _):
            items.update_file_facts(db, files.items())

    def notes(self) -> dict[str, Any]:
        """What is kept beside the items; see `Index.notes`."""
        return deepcopy(self._notes) if self.path is None else notes.read(self.path)

    def keep_notes(self, values: Mapping[str, Any]) -> None:
        """Keep small values beside the items; see `Index.keep_notes`."""
        if self.path is None:
            self._notes = deepcopy(dict(values))
            return
        with self._writing():  # one writer at a time, for this file as well
            notes.write(self.path, values)

    def compact(self) -> None:
        """Bring all vectors into as few segments as can be, without those of removed items."""
        with self._writing() as (db, replaced):
            replaced += rolling.roll(db, self._segments, self.dim, everything=True)
        self._database.vacuum()

    def verify(self) -> list[str]:
        """Check the whole catalogue, reading every byte of it.

        Returns:
            What is wrong, a sentence each; [] where all is well.
        """
        return self._database.read(lambda db: damage(db, self._segments, self.dim))

    def close(self) -> None:
        """Let go of the files; a second time does nothing."""
        self._database.close()
        self._snapshot = None

    def __len__(self) -> int:
        return self._database.read(items.count)

    def __contains__(self, id: object) -> bool:  # noqa: A002
        return isinstance(id, str) and bool(self._database.read(lambda db: items.keys_of(db, [id])))

    def __iter__(self) -> Iterator[str]:
        page = [""]
        while page := self._database.read(partial(items.ids_after, last=page[-1])):
            yield from page

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LocalIndex({self._name!r}, dim={self.dim}, metric={self.metric!r})"

    @property
    def _name(self) -> str:
        return "in memory" if self.path is None else str(self.path)

    def _current(self, db: Connection) -> Snapshot:
        self._snapshot = snapshots.load(db, self._segments, self.dim, self.metric, self._snapshot)
        return self._snapshot

    def _graph(self) -> Graph | None:
        if self._approximate is None:
            folder = self.path and self.path / "approximate"
            self._approximate = Graph(folder, self.dim, self.metric)
        snapshot = self._database.read(self._current)
        if len(snapshot.live_keys) < WORTH_IT:
            return None
        self._approximate.cover(snapshot)
        return self._approximate

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, list[int]]]:
        replaced: list[int] = []
        try:
            with self._database.writing() as db:
                if self._sweep_due:
                    known = {number for (number,) in db.execute("SELECT number FROM segments")}
                    self._segments.drop(self._segments.numbers() - known)
                    self._sweep_due = False
                yield db, replaced
        except BaseException:
            # A segment that this transaction wrote is left to the next one: should the commit
            # itself have failed, only the database knows whether it happened.
            self._sweep_due = True
            raise
        self._segments.drop(replaced)
