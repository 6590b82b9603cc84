"""A PostgreSQL server: connections, transactions that are tried again, errors in plain words."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from pgvector.psycopg import register_vector
from psycopg import IsolationLevel, conninfo, errors
from psycopg.types import TypeInfo
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from clothzoo.errors import CatalogueError, ClothzooError
from clothzoo.retrieval.pgvector.address import Address

Result = TypeVar("Result")
Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

CONNECTIONS = 16

_PAUSES = (0.1, 0.4, 1.0, 2.0)  # seconds before each further try
_CONNECTING = 10
_WAITING = 30  # seconds for a connection, while others use all of them or the server is away
_IDLE = 60  # seconds after which the server drops a client that has stopped in mid-transaction
_FULL = "the server's disk is full; free some space and try again"
_REFUSED = "this user may not do that there; ask the owner of the table for the right"
_REASONS = {
    "53100": _FULL,
    "53300": "the server takes no further connection; try later, or raise its max_connections",
    "57014": "it took longer than allowed; open it with a longer timeout",
    "55P03": "another writer has not finished in time; try again, or open it with a longer timeout",
    "25006": "the server can be read but not written; write to the primary one",
    "42501": _REFUSED,
    "42P01": "one of its tables is missing; restore it from a copy",
    "22003": "a number is too large for its graph of halfvec; make a graph of vector",
}
# A server that stops, one that starts, and one that thought us gone.
_ENDED = ("57P01", "57P02", "57P03", "25P03")
_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)

# What the pool meets in the background is retried or raised; printing it too helps nobody.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())


class Server:
    """A database that is read and written in whole transactions.

    A transaction that ran into another one, or lost its connection, is tried again a few times,
    so what it does must come to the same if it is done twice.

    Args:
        address: where it is.
        connections: how many are opened at most.
    """

    def __init__(self, address: Address, connections: int = CONNECTIONS) -> None:
        self._address = address
        self._connections = connections
        self._pools: dict[int, ConnectionPool[Connection]] = {}
        self._closed = False

    def read(self, work: Callable[[Cursor], Result]) -> Result:
        """Run `work` on one unchanging state of the database.

        Raises:
            CatalogueError: the database cannot be read.
        """
        return self._tried(work, IsolationLevel.REPEATABLE_READ, read_only=True)

    def write(self, work: Callable[[Cursor], Result]) -> Result:
        """Run `work` as one transaction: all or nothing, and durable at the end.

        Where the connection went in the moment of the commit, only the server knows whether it
        happened: then it is done once more.

        Raises:
            CatalogueError: the database cannot be written; nothing of it was.
        """
        return self._tried(work, IsolationLevel.READ_COMMITTED, read_only=False)

    @contextmanager
    def alone(self) -> Iterator[Cursor]:
        """One transaction on a connection of its own, to make or migrate a catalogue.

        Raises:
            CatalogueError: the server cannot be reached, or refuses.
        """
        with explained(self._address), self._connected() as db, db.cursor() as cursor:
            yield cursor

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.close()

    def _tried(
        self, work: Callable[[Cursor], Result], isolation: IsolationLevel, *, read_only: bool
    ) -> Result:
        with explained(self._address):
            for pause in _PAUSES:
                try:
                    return self._once(work, isolation, read_only=read_only)
                except PoolTimeout:
                    raise  # it has waited for the server long enough
                except psycopg.Error as error:
                    if not (isinstance(error, _AGAIN) or _lost(error)):
                        raise
                    if _lost(error):
                        self._pool().check()  # the others are likely to be lost as well
                time.sleep(pause * random.uniform(0.5, 1))
            return self._once(work, isolation, read_only=read_only)

    def _once(
        self, work: Callable[[Cursor], Result], isolation: IsolationLevel, *, read_only: bool
    ) -> Result:
        with self._pool().connection() as db:
            db.isolation_level, db.read_only = isolation, read_only
            with db.transaction(), db.cursor(binary=True) as cursor:
                return work(cursor)

    def _pool(self) -> ConnectionPool[Connection]:
        if self._closed:
            raise CatalogueError(f"catalogue {str(self._address)!r} is closed; open it again")
        # A connection does not survive a fork: the child opens a pool of its own.
        pool = self._pools.get(os.getpid())
        if pool is None:
            pool = self._pools.setdefault(
                os.getpid(),
                ConnectionPool(
                    self._address.server,
                    kwargs={"autocommit": True, **self._settings()},
                    configure=self._configure,
                    min_size=0,
                    max_size=self._connections,
                    timeout=_WAITING,
                    num_workers=1,
                    open=True,
                ),
            )
        return pool

    def _connected(self) -> Connection:
        db = psycopg.connect(self._address.server, **self._settings())
        try:
            self._configure(db)
        except BaseException:
            db.close()
            raise
        return db

    def _configure(self, db: Connection) -> None:
        milliseconds = str(round(1000 * self._address.timeout))
        with db.transaction():
            db.execute(
                "SELECT set_config('statement_timeout', %s, false), "
                "set_config('lock_timeout', %s, false), "
                "set_config('idle_in_transaction_session_timeout', %s, false), "
                # To compile a statement takes longer than what it saves here.
                "set_config('jit', 'off', false), "
                # A plan that is made without the query's own limit passes a graph by.
                "set_config('plan_cache_mode', 'force_custom_plan', false)",
                (milliseconds, milliseconds, str(1000 * _IDLE)),
            )
            if TypeInfo.fetch(db, "vector") is not None:
                register_vector(db)

    def _settings(self) -> dict[str, Any]:
        given = conninfo.conninfo_to_dict(self._address.server)
        return {
            "client_encoding": "utf8",
            "connect_timeout": given.get("connect_timeout", _CONNECTING),
            "fallback_application_name": "clothzoo",
        }


def _lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone: by word of the server, or without any."""
    code = error.sqlstate or ""
    silent = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not code
    return silent or code[:2] == "08" or code in _ENDED


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """Turn what the driver raises into a `CatalogueError` with a way out."""
    try:
        yield
    except ClothzooError:
        raise
    except PoolClosed as error:
        raise CatalogueError(f"catalogue {str(address)!r} is closed; open it again") from error
    except PoolTimeout as error:
        raise CatalogueError(
            f"catalogue {str(address)!r}: no connection within {_WAITING} s; the server is "
            "down, or every connection is in use: try again, or allow more connections"
        ) from error
    except psycopg.Error as error:
        first = str(error).strip().partition("\n")[0]
        if error.sqlstate is None:
            first = f"its server cannot be reached or has gone: {first}"
        reason = _REASONS.get(error.sqlstate or "", first)
        raise CatalogueError(f"catalogue {str(address)!r}: {reason}") from error
