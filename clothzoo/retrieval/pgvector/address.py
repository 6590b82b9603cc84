"""Where a catalogue is on which server: a DSN and the name of a table."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import psycopg
from psycopg import conninfo

from clothzoo.errors import InvalidInput

TABLE = "clothzoo"
TIMEOUT = 60.0

_OWN = ("table", "partitions", "graph", "timeout")
_IDENTIFIER = r"[^\W\d]\w*"
_NAME = re.compile(rf"(?:({_IDENTIFIER})\.)?({_IDENTIFIER})")
_LONGEST = 40  # bytes of a table's name: PostgreSQL cuts names at 63, and ours have endings


@dataclass(frozen=True)
class Address:
    """A server, a table there, and what a URL says besides.

    Args:
        server: what libpq connects to; it may hold a password and is never shown.
        table: name of the table, `schema.table` outside the search path.
        partitions: how many partitions a new table gets; 0 for none.
        graph: "vector" or "halfvec" for a new table with a graph; None for none.
        timeout: seconds that a statement, or the wait for another writer, may take; 0 for ever.
    """

    server: str = field(repr=False)
    table: str = TABLE
    partitions: int = 0
    graph: str | None = None
    timeout: float = TIMEOUT

    @classmethod
    def of(cls, dsn: str, **given: Any) -> Address:
        """Take a DSN apart.

        Args:
            dsn: `postgresql://user@host/database?table=clothzoo`, with any parameters of libpq
                besides our own, or libpq's `key=value` form.
            given: fields that go before the URL's, where they are not None.

        Raises:
            InvalidInput: it is no such thing, or one of our own parameters makes no sense.
        """
        own: dict[str, Any] = {}
        if "://" in dsn:
            place, _, query = dsn.partition("?")
            pairs = parse_qsl(query, keep_blank_values=True)
            own = {name: value for name, value in pairs if name in _OWN}
            rest = [pair for pair in pairs if pair[0] not in _OWN]
            dsn = f"{place}?{urlencode(rest, quote_via=quote)}" if rest else place
        try:
            conninfo.conninfo_to_dict(dsn)
        except psycopg.Error:  # whose message may quote a piece of a password
            raise InvalidInput(
                "the DSN cannot be read; write postgresql://user:password@host:port/database?"
                "table=name, and in the password %40 for @, %2F for / and %3A for :"
            ) from None
        own |= {name: value for name, value in given.items() if value is not None}
        try:
            own["partitions"] = int(own.get("partitions", 0))
            own["timeout"] = float(own.get("timeout", TIMEOUT))
        except ValueError as error:
            raise InvalidInput(f"partitions and timeout are numbers: {error}") from error
        return cls(dsn, **own)

    def __post_init__(self) -> None:
        matched = _NAME.fullmatch(self.table)
        parts = matched.groups("") if matched else ()
        if not parts or max(len(part.encode()) for part in parts) > _LONGEST:
            raise InvalidInput(
                f"{self.table!r} cannot name a table: letters, digits and _ are allowed, at most "
                f"{_LONGEST} bytes, with a schema and a dot before them or not"
            )
        if self.partitions < 0 or self.partitions == 1:
            raise InvalidInput(f"partitions must be 0 or at least 2, not {self.partitions}")
        if self.graph not in (None, "vector", "halfvec"):
            raise InvalidInput(f"graph must be 'vector' or 'halfvec', not {self.graph!r}")
        if not self.timeout >= 0:
            raise InvalidInput(f"timeout must be 0 seconds or more, not {self.timeout!r}")

    def __str__(self) -> str:
        """The address as a URL that shows no password."""
        facts = conninfo.conninfo_to_dict(self.server)
        user = f"{facts['user']}@" if "user" in facts else ""
        port = f":{facts['port']}" if "port" in facts else ""
        place = f"{user}{facts.get('host', '')}{port}/{facts.get('dbname', '')}"
        return f"postgresql://{place}?table={self.table}"

    @property
    def schema_and_name(self) -> tuple[str | None, str]:
        """The parts of the table's name."""
        schema, _, name = self.table.rpartition(".")
        return schema or None, name
