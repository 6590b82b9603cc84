"""The tables of a catalogue on a server: made, migrated from older versions, and described.

```
clothzoo            id, vector, attributes, file facts: a row for each item
clothzoo_about      one row: format, metric, dimension, fingerprint, number of items, notes
```
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from psycopg import errors, sql

from clothzoo.errors import CatalogueError, InvalidInput
from clothzoo.retrieval.header import Header
from clothzoo.retrieval.pgvector.address import Address
from clothzoo.retrieval.pgvector.server import Cursor, Server

MOST_DIMS = 16_000
"""The longest vector that pgvector keeps."""

MOST_DIMS_OF_GRAPH = {"vector": 2_000, "halfvec": 4_000}

_LOCK = 0x636C6F74  # an advisory lock: one process at a time makes or migrates catalogues
_INLINE = 6_000  # bytes of a vector that still lies in the row's own page
_OLDEST_PGVECTOR = (0, 7)  # the first with a Manhattan distance that graphs know

# Each entry leads from one format to the next. An entry that was released is never changed.
#
# `attributes` is the JSON text as given. `terms` is what filters compare: None left out, True
# as 1 and 2.0 as 2, so that equal values are equal JSON. A row is `extreme` where float32 sums
# over it could overflow or vanish; it is always compared in float64. `extremes` says whether
# there ever was such a row. `extreme` comes first because every search looks at it in every row.
# Ids collate by bytes, which in UTF-8 is the order of code points.
_MIGRATIONS = (
    """
    CREATE TABLE {about} (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        format integer NOT NULL, metric text NOT NULL, dim integer NOT NULL,
        fingerprint text NOT NULL, graph text, items bigint NOT NULL DEFAULT 0,
        extremes boolean NOT NULL DEFAULT false);
    CREATE TABLE {table} (
        extreme boolean NOT NULL, id text COLLATE "C" NOT NULL, vector vector({dim}) NOT NULL,
        attributes text NOT NULL, terms jsonb NOT NULL, size bigint, mtime_ns bigint,
        sha256 text){partitioning};
    """,
    """
    ALTER TABLE {about} ADD COLUMN notes text NOT NULL DEFAULT '{{}}';
    CREATE INDEX {terms} ON {table} USING gin (terms jsonb_path_ops);
    """,
)
FORMAT = len(_MIGRATIONS)

_EF_CONSTRUCTION = 128  # neighbours that are considered for a row; as in the graph of a folder
_OPERATORS = {"braycurtis": "l1", "manhattan": "l1", "euclidean": "l2", "cosine": "cosine"}


@dataclass(frozen=True)
class Names:
    """The names of a catalogue's tables and indexes, quoted.

    Args:
        schema: None for the first one of the search path.
        name: of the table.
    """

    schema: str | None
    name: str

    @property
    def table(self) -> sql.Identifier:
        """The items."""
        return self._with("")

    @property
    def about(self) -> sql.Identifier:
        """The one row about all of them."""
        return self._with("_about")

    @property
    def graph(self) -> sql.Identifier:
        """The HNSW index."""
        return self._with("_graph")

    def partition(self, number: int) -> sql.Identifier:
        """One part of a table with partitions."""
        return self._with(f"_{number}")

    def _with(self, ending: str) -> sql.Identifier:
        parts = (self.schema, self.name + ending) if self.schema else (self.name + ending,)
        return sql.Identifier(*parts)


def names_of(address: Address) -> Names:
    """The names of the catalogue at an address."""
    return Names(*address.schema_and_name)


def exists(server: Server, address: Address) -> bool:
    """Whether there is a catalogue, of whatever format.

    Raises:
        CatalogueError: the server cannot be reached.
    """
    with server.alone() as cursor:
        return _is_there(cursor, names_of(address).about)


def make(server: Server, address: Address, header: Header) -> None:
    """Make the tables of an empty catalogue, all or none.

    Raises:
        InvalidInput: pgvector cannot keep vectors of that length, or make a graph of them.
        CatalogueError: there are such tables already, or the server refuses.
    """
    if header.dim > MOST_DIMS:
        raise InvalidInput(
            f"pgvector keeps at most {MOST_DIMS:,} numbers in a vector, not {header.dim:,}; "
            "choose another pooling, or a catalogue in a folder"
        )
    names = names_of(address)
    with server.alone() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        _check_server(cursor, address)
        for name in (names.about, names.table):
            if _is_there(cursor, name):
                raise CatalogueError(
                    f"{str(address)!r} has a table {name.as_string(cursor)} already; open that "
                    "catalogue, or choose another table"
                )
        _migrate(cursor, names, 0, header.dim, address.partitions)
        cursor.execute(
            sql.SQL(
                "INSERT INTO {} (format, metric, dim, fingerprint) VALUES (%s, %s, %s, %s)"
            ).format(names.about),
            (FORMAT, header.metric, header.dim, json.dumps(header.fingerprint)),
        )
        if address.graph is not None:
            make_graph(cursor, names, header, address.graph)


def read(server: Server, address: Address) -> Header:
    """What a catalogue is; one of an older format is brought up to date first.

    Raises:
        CatalogueError: there is none, it is of a later format, or may not be migrated.
    """
    names = names_of(address)
    with server.alone() as cursor:
        if not _is_there(cursor, names.about):
            raise CatalogueError(
                f"there is no catalogue {str(address)!r}; check the table's name, or make one"
            )
        found = _format(cursor, names)
        if found < FORMAT:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            found = _format(cursor, names)  # another process may have done it meanwhile
            try:
                _migrate(cursor, names, found)
            except errors.InsufficientPrivilege as error:
                raise CatalogueError(
                    f"catalogue {str(address)!r} has format {found} and must be brought to "
                    f"{FORMAT} by the owner of its tables; have them open it once"
                ) from error
            cursor.execute(sql.SQL("UPDATE {} SET format = %s").format(names.about), (FORMAT,))
        check_format(max(found, FORMAT), address)
        values = cursor.execute(
            sql.SQL("SELECT metric, dim, fingerprint FROM {}").format(names.about)
        ).fetchone()
    assert values is not None
    return Header(values[0], values[1], json.loads(values[2]))


def check_format(found: int, address: Address) -> None:
    """Refuse what a later clothzoo has made.

    Raises:
        CatalogueError: it has.
    """
    if found != FORMAT:
        raise CatalogueError(
            f"catalogue {str(address)!r} has format {found}, and this clothzoo knows formats up "
            f"to {FORMAT}; use the version of clothzoo that made it, or a newer one"
        )


def graph_and_extremes(cursor: Cursor, names: Names) -> tuple[str | None, bool]:
    """What the graph is made of, None where there is none; and whether a row may be extreme."""
    statement = sql.SQL("SELECT graph, extremes FROM {}").format(names.about)
    row = cursor.execute(statement).fetchone()
    return (row[0], row[1]) if row else (None, False)


def make_graph(cursor: Cursor, names: Names, header: Header, kind: str) -> None:
    """Make the HNSW index, in place of the one that is there.

    Args:
        cursor: in a transaction.
        names: of the catalogue.
        header: what it is.
        kind: "vector", or "halfvec" for numbers of two bytes.

    Raises:
        InvalidInput: no such kind, or the vectors are too long for it.
    """
    most = MOST_DIMS_OF_GRAPH.get(kind)
    if most is None:
        raise InvalidInput(f"a graph is made of 'vector' or 'halfvec', not of {kind!r}")
    if header.dim > most:
        raise InvalidInput(
            f"a graph of {kind} takes at most {most:,} numbers in a vector, not {header.dim:,}"
        )
    drop_graph(cursor, names)
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute(
        sql.SQL(
            "CREATE INDEX {} ON {} USING hnsw (({}) {}) WITH (ef_construction = {}) "
            "WHERE NOT extreme"
        ).format(
            sql.Identifier(f"{names.name}_graph"),
            names.table,
            as_kind("vector", kind, header.dim),
            sql.SQL(f"{kind}_{_OPERATORS[header.metric]}_ops"),
            sql.Literal(_EF_CONSTRUCTION),
        )
    )
    cursor.execute(sql.SQL("UPDATE {} SET graph = %s").format(names.about), (kind,))


def drop_graph(cursor: Cursor, names: Names) -> None:
    """Remove the HNSW index, if there is one."""
    cursor.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(names.graph))
    cursor.execute(sql.SQL("UPDATE {} SET graph = NULL").format(names.about))


def as_kind(what: str, kind: str, dim: int) -> sql.Composable:
    """A column or placeholder as a graph's type; the index and its queries must say the same."""
    of = sql.SQL("vector" if what == "vector" else "%s::vector")
    return of if kind == "vector" else sql.SQL("{}::halfvec({})").format(of, sql.Literal(dim))


def _migrate(cursor: Cursor, names: Names, found: int, dim: int = 0, partitions: int = 0) -> None:
    for statements in _MIGRATIONS[found:]:
        cursor.execute(
            sql.SQL(statements).format(
                about=names.about,
                table=names.table,
                dim=sql.Literal(dim),
                partitioning=sql.SQL(" PARTITION BY HASH (id)" if partitions else ""),
                terms=sql.Identifier(f"{names.name}_terms"),
            )
        )
    if found == 0:
        _finish(cursor, names, dim, partitions)


def _finish(cursor: Cursor, names: Names, dim: int, partitions: int) -> None:
    """Key and storage of the table, or of each of its partitions.

    The key is the partitions' own: were it the whole table's, none of them could be on another
    server. Since the id decides the partition, it is unique all the same.
    """
    parts = [names.partition(number) for number in range(partitions)]
    for number, part in enumerate(parts):
        cursor.execute(
            sql.SQL(
                "CREATE TABLE {} PARTITION OF {} FOR VALUES WITH (MODULUS {}, REMAINDER {})"
            ).format(part, names.table, sql.Literal(partitions), sql.Literal(number))
        )
    for part in parts or [names.table]:
        cursor.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (id)").format(part))
        cursor.execute(sql.SQL("CREATE INDEX ON {} (id) WHERE extreme").format(part))
        if 4 * dim <= _INLINE:  # what lies elsewhere must be fetched from there for every row
            cursor.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN vector SET STORAGE PLAIN").format(part)
            )


def _check_server(cursor: Cursor, address: Address) -> None:
    cursor.execute("SELECT current_setting('server_encoding')")
    (encoding,) = cursor.fetchone() or ("",)
    if encoding != "UTF8":
        raise CatalogueError(
            f"the database of {str(address)!r} is encoded in {encoding}; ids of all kinds need one "
            "made with ENCODING 'UTF8'"
        )
    try:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except (errors.FeatureNotSupported, errors.UndefinedFile, errors.InsufficientPrivilege) as e:
        raise CatalogueError(
            f"the database of {str(address)!r} lacks the extension pgvector; have its "
            "administrator install it, and run: CREATE EXTENSION vector"
        ) from e
    cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    (version,) = cursor.fetchone() or ("0",)
    if tuple(map(int, version.split(".")[:2])) < _OLDEST_PGVECTOR:
        raise CatalogueError(
            f"the database of {str(address)!r} has pgvector {version}; 0.7 or newer is needed: "
            "have its administrator update it, and run: ALTER EXTENSION vector UPDATE"
        )


def _is_there(cursor: Cursor, name: sql.Identifier) -> bool:
    row = cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (name.as_string(cursor),)).fetchone()
    return bool(row and row[0])


def _format(cursor: Cursor, names: Names) -> int:
    row = cursor.execute(sql.SQL("SELECT format FROM {}").format(names.about)).fetchone()
    found: Any = row and row[0]
    return int(found or 0)
