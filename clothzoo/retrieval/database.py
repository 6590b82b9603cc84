"""The SQLite file of a local catalogue: connections, transactions, and errors in plain words."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from clothzoo.errors import CatalogueError, ClothzooError

Result = TypeVar("Result")
Signature = tuple[int, int, int]

# A key names one version of one item and is never used again, so that a key found in a vector
# file either still is that item or belongs to nothing. `dead` has those that belong to nothing.
# `recent` has the vectors of small adds until they are rolled into a segment, which is a set of
# files. `attributes` leaves None out: to a filter, absent and None are the same.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (
    generation INTEGER NOT NULL, next_key INTEGER NOT NULL, next_segment INTEGER NOT NULL,
    recent_rows INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, attributes TEXT NOT NULL,
    size INTEGER, mtime_ns INTEGER, sha256 TEXT);
CREATE TABLE IF NOT EXISTS attributes (
    name TEXT, value, key INTEGER, PRIMARY KEY (name, value, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recent (
    number INTEGER PRIMARY KEY, keys BLOB NOT NULL, vectors BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS segments (
    number INTEGER PRIMARY KEY, rows INTEGER NOT NULL, checksums TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dead (key INTEGER PRIMARY KEY);
INSERT INTO state SELECT 0, 0, 0, 0 WHERE NOT EXISTS (SELECT * FROM state);
"""
_WAL_BYTES_KEPT = 64 << 20

_FULL = "the disk is full; free some space and try again"
_READ_ONLY = "it may be read here but not written; check the permissions of its folder"
_DAMAGED = "its database is damaged; restore the folder from a copy"
_SQLITE_REASONS = {
    sqlite3.SQLITE_BUSY: "another process is writing to it and has not finished in time; "
    "try again, or open it with a longer timeout",
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: "its database is missing or may not be opened; check its permissions",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_IOERR: "its database could not be read or written; is the disk full?",
}
_OS_REASONS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
}


class Retry(Exception):
    """What was being read has been replaced meanwhile: read again.

    Args:
        generation: of the state that was read; a second failure of the same one is damage.
        reason: what is then wrong.
    """

    def __init__(self, generation: int, reason: str) -> None:
        super().__init__(reason)
        self.generation = generation


class _Connection(sqlite3.Connection):
    """One that can be referred to weakly: it closes when its thread ends."""


class Database:
    """One SQLite file with a connection a thread, or one in memory that the threads share.

    Args:
        path: the file, which must exist; None for a database in memory.
        name: the catalogue, for messages.
        timeout: seconds to wait for another writer.

    Raises:
        CatalogueError: it cannot be opened.
    """

    def __init__(self, path: Path | None, *, name: object, timeout: float) -> None:
        self._path = path
        self._name = name
        self._timeout = timeout
        self._mine = threading.local()
        self._all: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._closed = False
        self._in_turn: AbstractContextManager[object] = nullcontext()
        if path is None:
            self._in_turn = threading.RLock()
            self._shared = self._connected(":memory:")
            self._shared.executescript(_SCHEMA)
        self.read(lambda db: None)

    @classmethod
    def create(cls, path: Path, *, name: object, timeout: float) -> None:
        """Make the file and its tables; one that was left half made is completed."""
        with explained(name), closing(sqlite3.connect(path, timeout, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` on one unchanging state of the database, again where it raises `Retry`.

        Raises:
            CatalogueError: the database cannot be read.
        """
        failed = -1
        with self._in_turn, explained(self._name):
            while True:
                db = self._connection()
                db.execute("BEGIN")
                try:
                    result = work(db)
                    if not self._changed_under_us():
                        return result
                except Retry as stale:
                    if stale.generation == failed:
                        raise CatalogueError(f"catalogue {str(self._name)!r}: {stale}") from stale
                    failed = stale.generation
                finally:
                    db.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction of the one writer: all or nothing, and durable at the end.

        Raises:
            CatalogueError: another writer did not finish in time, or it cannot be written.
        """
        with self._in_turn, explained(self._name):
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("UPDATE state SET generation = generation + 1")
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # SQLite itself has rolled back where the disk was full
                    db.execute("ROLLBACK")
                raise

    def vacuum(self) -> None:
        """Give the space of deleted rows back to the disk."""
        with self._in_turn, explained(self._name):
            db = self._connection()
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what readers hold up comes later

    def close(self) -> None:
        """Close every thread's connection."""
        self._closed = True
        for connection in list(self._all):
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise CatalogueError(f"catalogue {str(self._name)!r} is closed; open it again")
        if self._path is None:
            return self._shared
        # SQLite forbids that a connection crosses a fork: the child opens one of its own.
        if getattr(self._mine, "process", None) != os.getpid() or self._changed_under_us():
            self._mine.connection, self._mine.frozen = self._opened(self._path)
            self._mine.process = os.getpid()
        db: sqlite3.Connection = self._mine.connection
        return db

    def _opened(self, path: Path) -> tuple[_Connection, Signature | None]:
        uri = path.absolute().as_uri()
        try:
            return self._connected(f"{uri}?mode=rw"), None
        except sqlite3.OperationalError as error:
            # To read, SQLite wants to write its shared memory file. Where it cannot, the file is
            # read as one that never changes, and `_changed_under_us` looks whether that was so.
            if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            frozen = _signature(path)
            if frozen is None:
                raise
            return self._connected(f"{uri}?mode=ro&immutable=1"), frozen

    def _connected(self, uri: str) -> _Connection:
        db = sqlite3.connect(
            uri,
            self._timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
            uri=True,
        )
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._all.add(db)
        return db

    def _changed_under_us(self) -> bool:
        frozen: Signature | None = getattr(self._mine, "frozen", None)
        return frozen is not None and self._path is not None and frozen != _signature(self._path)


@contextmanager
def explained(name: object, kind: str = "catalogue") -> Iterator[None]:
    """Turn what SQLite and the file system raise into a `CatalogueError` with a way out.

    Args:
        name: of what is read or written, for the message.
        kind: what that is.
    """
    try:
        yield
    except ClothzooError:
        raise
    except sqlite3.Error as error:
        reason = _SQLITE_REASONS.get(_code(error), str(error))
        raise CatalogueError(f"{kind} {str(name)!r}: {reason}") from error
    except OSError as error:
        reason = _OS_REASONS.get(error.errno or 0, str(error))
        raise CatalogueError(f"{kind} {str(name)!r}: {reason}") from error


def _code(error: sqlite3.Error) -> int:
    # The low byte says what happened; the rest where, which no user can do anything about.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _signature(path: Path) -> Signature | None:
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return None  # what the log holds is not in the file yet
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino
