"""`PgVectorIndex`: the contract of `Index`, kept by a table of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeGuard, cast

import numpy as np
import numpy.typing as npt

from clothzoo.errors import InvalidInput, ItemNotFound
from clothzoo.retrieval.header import Header
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
from clothzoo.retrieval.pgvector import rows, schema
from clothzoo.retrieval.pgvector.address import Address
from clothzoo.retrieval.pgvector.seeking import Seeker
from clothzoo.retrieval.pgvector.server import CONNECTIONS, Cursor, Result, Server
from clothzoo.retrieval.where import parse


class PgVectorIndex:
    """An `Index` in a table of PostgreSQL with pgvector; made by `create` and `open`.

    Any number of clients may search and write it. A search sees one state of the catalogue, the
    one that the last finished write has left; writers take turns. Distances and the order of hits
    are those of a local catalogue, to the last bit: the server proposes, and what it proposes is
    compared in float64 here.

    Example:
        >>> index = PgVectorIndex.create(  # doctest: +SKIP
        ...     "postgresql://shop@db/photos", table="dresses", dim=2, metric="euclidean"
        ... )
        >>> index.add(["a", "b"], [[0, 0], [3, 4]])  # doctest: +SKIP
        >>> [(hit.id, hit.distance) for hit in index.search([0, 0], k=2)]  # doctest: +SKIP
        [('a', 0.0), ('b', 5.0)]
    """

    def __init__(self, address: Address, header: Header, server: Server) -> None:
        self._address = address
        self._header = header
        self._server = server
        self._names = schema.names_of(address)

    @classmethod
    def create(
        cls,
        dsn: str,
        *,
        table: str | None = None,
        dim: int,
        metric: str,
        fingerprint: Mapping[str, Any] | None = None,
        partitions: int | None = None,
        graph: str | None = None,
        timeout: float | None = None,
        connections: int = CONNECTIONS,
    ) -> Self:
        """Make an empty catalogue.

        `table`, `partitions`, `graph` and `timeout` may be parameters of the URL as well.

        Args:
            dsn: `postgresql://user@host/database`, or whatever else libpq connects to.
            table: its name, "clothzoo" by default; `schema.table` outside the search path.
            dim: length of the vectors, at most 16,000.
            metric: a name from `clothzoo.similarity.METRICS`.
            fingerprint: what makes the vectors, as plain JSON values.
            partitions: into how many parts the ids are hashed; by default the table is one.
            graph: "vector" or "halfvec" to keep a graph for approximate search from the start;
                filling first and then `make_graph` is faster.
            timeout: seconds that a statement, or the wait for another writer, may take; 0 for
                ever, 60 by default.
            connections: how many are opened at most.

        Raises:
            InvalidInput: no such metric, dimension or option, or the fingerprint is not plain.
            CatalogueError: there is such a table, or the server refuses.
        """
        header = Header.of(metric, dim, fingerprint)
        address = Address.of(dsn, table=table, partitions=partitions, graph=graph, timeout=timeout)
        server = Server(address, connections)
        schema.make(server, address, header)
        return cls(address, header, server)

    @classmethod
    def open(
        cls,
        dsn: str,
        *,
        table: str | None = None,
        fingerprint: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        connections: int = CONNECTIONS,
    ) -> Self:
        """Open a catalogue; one that an older clothzoo made is brought up to date.

        Args:
            dsn: as in `create`.
            table: as in `create`.
            fingerprint: of the extractor that is going to be used with it.
            timeout: as in `create`.
            connections: as in `create`.

        Raises:
            CatalogueError: there is none, or it cannot be read.
            FingerprintMismatch: another extractor has built it.
        """
        address = Address.of(dsn, table=table, timeout=timeout)
        server = Server(address, connections)
        header = schema.read(server, address)
        if fingerprint is not None:
            check_fingerprint(header.fingerprint, fingerprint, address)
        return cls(address, header, server)

    @classmethod
    def exists(cls, dsn: str, *, table: str | None = None) -> bool:
        """Whether there is a catalogue.

        Raises:
            CatalogueError: the server cannot be reached.
        """
        address = Address.of(dsn, table=table)
        return schema.exists(Server(address), address)

    @property
    def table(self) -> str:
        """Name of the table."""
        return self._address.table

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
        """Add items, or replace them, by one COPY; see `Index.add`."""
        names = checked_new_ids(ids)
        rows.check_length(names)
        given = checked_vectors(vectors, names, self.dim)
        kept = checked_attributes(attributes, len(names))
        facts = checked_files(files, len(names))
        if names:
            self._write(
                lambda db: rows.upsert(db, self._names, self.metric, names, given, kept, facts)
            )

    def remove(self, ids: Iterable[str]) -> int:
        """Remove items and say how many there were; see `Index.remove`."""
        names = list(dict.fromkeys(checked_ids(ids)))
        most = 0

        def work(db: Cursor) -> int:
            # Where the first try was committed unseen, the second finds nothing more to remove.
            nonlocal most
            most = max(most, rows.forget(db, self._names, names))
            return most

        return self._write(work)

    def get(self, id: str) -> Item:  # noqa: A002
        """The item of that id; see `Index.get`."""
        found = _possible(id) and self._server.read(partial(rows.item, names=self._names, name=id))
        if not found:
            raise ItemNotFound(f"no item {id!r} in catalogue {str(self._address)!r}")
        return Item(id, *found)

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

        Without a graph (see `make_graph`), with `where`, and for more than some hundred hits, the
        answer is exact in any case.
        """
        queries = checked_queries(vectors, self.dim)
        k, conditions, barred = checked_k(k), parse(where), sorted(set(checked_ids(exclude)))

        def work(db: Cursor) -> list[Hits]:
            graph, extremes = schema.graph_and_extremes(db, self._names)
            seeker = Seeker(db, self._names, self.metric, extremes, conditions, barred)
            if approximate and graph is not None:
                return [
                    seeker.proposed(query, k, graph) or seeker.nearest(query, k)
                    for query in queries
                ]
            return [seeker.nearest(query, k) for query in queries]

        results = self._server.read(work)
        return results[0] if np.ndim(vectors) == 1 else results

    def make_graph(self, kind: str = "halfvec") -> None:
        """Make the graph (HNSW) that approximate searches follow, in place of an older one.

        A million rows take minutes; writing waits meanwhile, searching goes on. The graph is kept
        up to date by the server from then on. How much it finds, `calibrate` says.

        Args:
            kind: "halfvec", which keeps two bytes of each number and takes up to 4,000 numbers,
                or "vector", four bytes and 2,000. Distances are exact with either.

        Raises:
            InvalidInput: the vectors are too long, or no such kind.
            CatalogueError: the server refuses.
        """
        self._write(lambda db: schema.make_graph(db, self._names, self._header, kind))

    def drop_graph(self) -> None:
        """Remove the graph; approximate searches are exact then."""
        self._write(lambda db: schema.drop_graph(db, self._names))

    def batches(self, rows: int = 1024) -> Iterator[Batch]:
        """All items, in the order of their ids; see `Index.batches`.

        Every batch is of one state, but what is written between two of them may be seen.
        """
        last = ""
        while batch := self._server.read(partial(_batch, self._names, last, rows)):
            yield batch
            last = batch.ids[-1]

    def files(self) -> dict[str, FileFacts]:
        """File facts by id; see `Index.files`."""
        return self._server.read(partial(rows.file_facts, names=self._names))

    def update_files(self, files: Mapping[str, FileFacts]) -> None:
        """Replace file facts; see `Index.update_files`."""
        if files:
            self._write(lambda db: rows.update_file_facts(db, self._names, files))

    def notes(self) -> dict[str, Any]:
        """What is kept beside the items; see `Index.notes`."""
        return self._server.read(partial(rows.notes, names=self._names))

    def keep_notes(self, values: Mapping[str, Any]) -> None:
        """Keep small values beside the items; see `Index.keep_notes`."""
        self._write(lambda db: rows.keep_notes(db, self._names, values))

    def close(self) -> None:
        """Let go of the connections; a second time does nothing."""
        self._server.close()

    def __len__(self) -> int:
        return self._server.read(partial(rows.count, names=self._names))

    def __contains__(self, id: object) -> bool:  # noqa: A002
        return _possible(id) and self._server.read(partial(rows.has, names=self._names, name=id))

    def __iter__(self) -> Iterator[str]:
        page = [""]
        while page := self._server.read(partial(rows.ids_after, names=self._names, last=page[-1])):
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
        return f"PgVectorIndex({str(self._address)!r}, dim={self.dim}, metric={self.metric!r})"

    def _write(self, work: Callable[[Cursor], Result]) -> Result:
        def locked(db: Cursor) -> Result:
            rows.lock(db, self._names, self._address)
            return work(db)

        return self._server.write(locked)


def _possible(name: object) -> TypeGuard[str]:
    """Whether there can be an item of that id."""
    try:
        return bool(checked_ids([cast("str", name)]))
    except InvalidInput:
        return False


def _batch(names: schema.Names, last: str, count: int, db: Cursor) -> Batch | None:
    return rows.batch_after(db, names, last, count)
