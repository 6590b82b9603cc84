"""A catalogue in partitions of which all but the first are moved to other servers."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import conninfo, sql


def spread(dsns: Sequence[str], table: str) -> None:
    """Move the partitions of an empty catalogue, as docs/scale.md shows it.

    Args:
        dsns: of the server that has the catalogue, then one for each further partition.
        table: of the catalogue.
    """
    with psycopg.connect(dsns[0], autocommit=True) as here:
        here.execute("CREATE EXTENSION IF NOT EXISTS postgres_fdw")
        for number, dsn in enumerate(dsns[1:], 1):
            there = conninfo.conninfo_to_dict(dsn)
            named = {
                "server": sql.Identifier(f"clothzoo_{number}"),
                "part": sql.Identifier(f"{table}_{number}"),
                "table": sql.Identifier(table),
                "count": sql.Literal(len(dsns)),
                "number": sql.Literal(number),
                **{name: sql.Literal(value) for name, value in there.items()},
            }
            with psycopg.connect(dsn, autocommit=True) as server:
                server.execute("CREATE EXTENSION IF NOT EXISTS vector")
                (dim,) = here.execute(
                    "SELECT atttypmod FROM pg_attribute WHERE attrelid = %s::regclass "
                    "AND attname = 'vector'",
                    (table,),
                ).fetchone()
                server.execute(
                    sql.SQL(
                        "DROP TABLE IF EXISTS {part}; CREATE TABLE {part} ("
                        'extreme boolean NOT NULL, id text COLLATE "C" PRIMARY KEY, '
                        "vector vector({dim}) NOT NULL, "
                        "attributes text NOT NULL, terms jsonb NOT NULL, size bigint, "
                        "mtime_ns bigint, sha256 text); CREATE INDEX ON {part} (id) WHERE extreme; "
                        "CREATE INDEX ON {part} USING gin (terms jsonb_path_ops);"
                    ).format(dim=sql.Literal(dim), **named)
                )
            here.execute(
                sql.SQL(
                    "CREATE SERVER IF NOT EXISTS {server} FOREIGN DATA WRAPPER postgres_fdw "
                    "OPTIONS (host {host}, port {port}, dbname {dbname}, extensions 'vector', "
                    "batch_size '1000'); "
                    "CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER {server} "
                    "OPTIONS (user {user}, password {password}); "
                    "ALTER TABLE {table} DETACH PARTITION {part}; DROP TABLE {part}; "
                    "CREATE FOREIGN TABLE {part} PARTITION OF {table} "
                    "FOR VALUES WITH (MODULUS {count}, REMAINDER {number}) SERVER {server};"
                ).format(**named)
            )


def drop(dsns: Sequence[str], table: str) -> None:
    """Remove such a catalogue from all servers."""
    for number, dsn in enumerate(dsns):
        names = [table, f"{table}_about"] if number == 0 else [f"{table}_{number}"]
        with psycopg.connect(dsn, autocommit=True) as server:
            for name in names:
                server.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
