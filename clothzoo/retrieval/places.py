"""Where a catalogue can be: in memory, in a folder, in a PostgreSQL server's table.

`place_of` is the one way from what a user writes to a kind of index. Another kind is a class here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.header import is_catalogue
from clothzoo.retrieval.index import Index
from clothzoo.retrieval.local import LocalIndex

if TYPE_CHECKING:
    from clothzoo.retrieval.pgvector import PgVectorIndex

Location: TypeAlias = str | Path | None
"""A folder, a `postgresql://` URL, or None for memory."""

_SCHEMES = ("postgresql://", "postgres://")


class Place(Protocol):
    """Where a catalogue is or may be. Equal places are the same catalogue."""

    @property
    def lasting(self) -> bool:
        """Whether it outlives this process."""

    def exists(self) -> bool:
        """Whether there is a catalogue, sound or not."""

    def create(self, *, dim: int, metric: str, fingerprint: Mapping[str, Any]) -> Index:
        """Make an empty catalogue; see the `create` of its index."""

    def open(self) -> Index:
        """Open the catalogue; see the `open` of its index."""


@dataclass(frozen=True, eq=False)
class Memory:
    """This process's memory; each is a place of its own."""

    lasting = False

    def exists(self) -> bool:
        """Never: nothing can be found again."""
        return False

    def create(self, *, dim: int, metric: str, fingerprint: Mapping[str, Any]) -> Index:
        """Make an empty catalogue."""
        return LocalIndex.create(None, dim=dim, metric=metric, fingerprint=fingerprint)

    def open(self) -> Index:
        """Refuse.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput("a catalogue in memory cannot be opened; say where one is")

    def __str__(self) -> str:
        return "in memory"


@dataclass(frozen=True)
class Folder:
    """A folder of this machine.

    Args:
        path: as the user wrote it.
    """

    path: Path = field(compare=False)
    _resolved: Path = field(init=False, repr=False)

    lasting = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "_resolved", self.path.resolve())

    def exists(self) -> bool:
        """Whether there is a catalogue, sound or not."""
        return is_catalogue(self.path)

    def create(self, *, dim: int, metric: str, fingerprint: Mapping[str, Any]) -> Index:
        """Make an empty catalogue."""
        return LocalIndex.create(self.path, dim=dim, metric=metric, fingerprint=fingerprint)

    def open(self) -> Index:
        """Open the catalogue."""
        return LocalIndex.open(self.path)

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class Table:
    """A table of a PostgreSQL server.

    Args:
        url: `postgresql://user@host/database?table=clothzoo`; it may hold a password, which no
            message shows.
    """

    url: str = field(repr=False)

    lasting = True

    def exists(self) -> bool:
        """Whether there is a catalogue."""
        return self._kind().exists(self.url)

    def create(self, *, dim: int, metric: str, fingerprint: Mapping[str, Any]) -> Index:
        """Make an empty catalogue."""
        return self._kind().create(self.url, dim=dim, metric=metric, fingerprint=fingerprint)

    def open(self) -> Index:
        """Open the catalogue."""
        return self._kind().open(self.url)

    def __str__(self) -> str:
        from clothzoo.retrieval.pgvector.address import Address

        return str(Address.of(self.url))

    def _kind(self) -> type[PgVectorIndex]:
        from clothzoo.retrieval.pgvector import PgVectorIndex

        return PgVectorIndex


def place_of(location: Location) -> Place:
    """The place that a user means.

    Args:
        location: a folder, a `postgresql://` URL, or None for memory.

    Raises:
        InvalidInput: a URL of another kind, or one that has become a path.
    """
    if location is None:
        return Memory()
    if isinstance(location, str) and location.startswith(_SCHEMES):
        return Table(location)
    scheme, colon, _ = Path(location).parts[0].partition(":") if str(location) else ("", "", "")
    if colon and len(scheme) > 1:  # one letter is a drive of Windows
        raise InvalidInput(
            f"a catalogue cannot be at {scheme}:…; give a folder, or a string "
            "'postgresql://user@host/database?table=name'"
        )
    return Folder(Path(location))
