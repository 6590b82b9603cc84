"""What every catalogue can do, whatever keeps it, and the checks that each one makes first.

An index holds items: an id, a vector, attributes and, where the item came from a file, that
file's facts. It answers which items lie nearest to a vector. Equal distances are ordered by id
(by code points), in every index.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from clothzoo.errors import FingerprintMismatch, InvalidInput
from clothzoo.retrieval.hits import Hit, Hits, Scalar

__all__ = [
    "Attributes",
    "Batch",
    "FileFacts",
    "Hit",
    "Hits",
    "Index",
    "Item",
    "Scalar",
    "Vectors",
    "Where",
]

Attributes: TypeAlias = Mapping[str, Scalar]
Where: TypeAlias = Mapping[str, Any]
Vectors: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What tells whether a file has changed since it was indexed.

    Args:
        size: bytes.
        mtime_ns: time of the last change, nanoseconds.
        sha256: hexadecimal digest of the content.
    """

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One item as the index keeps it.

    Args:
        id: its id.
        vector: float32 (D,).
        attributes: its attributes, a dict of its own.
    """

    id: str
    vector: Vectors
    attributes: dict[str, Scalar] = field(default_factory=dict)


class Batch(NamedTuple):
    """Some items as `Index.add` takes them: `other.add(*batch)` copies them.

    Args:
        ids: N ids.
        vectors: float32 (N, D).
        attributes: N mappings.
        files: N file facts, None where there are none.
    """

    ids: list[str]
    vectors: Vectors
    attributes: list[dict[str, Scalar]]
    files: list[FileFacts | None]


class Index(Protocol):
    """The contract that every catalogue keeps.

    An id is a non-empty string without NUL. Attributes are str, int, float, bool or None under
    string names. `where` maps an attribute's name to a value (equal to it), a list or set
    (equal to one of them) or a 2-tuple (between the two, both included; None leaves an end
    open); all entries must hold. A number never equals a string, True equals 1, and None is
    equal to an attribute that is None or absent.
    """

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def metric(self) -> str:
        """Name of the distance, as in `clothzoo.similarity`."""

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What made the vectors, as plain JSON values; {} where nobody said."""

    def add(
        self,
        ids: Sequence[str],
        vectors: npt.ArrayLike,
        attributes: Sequence[Attributes | None] | None = None,
        files: Sequence[FileFacts | None] | None = None,
    ) -> None:
        """Add items: all or none, and durable when it returns.

        An id that is there already is replaced, its attributes and file facts too.

        Args:
            ids: N ids, each once.
            vectors: (N, D), finite; kept as float32.
            attributes: N mappings, None where there are none.
            files: facts of the N files that the vectors came from, None where there is none.

        Raises:
            InvalidInput: an argument cannot be used; nothing was added.
            CatalogueError: it could not be written; nothing was added.
        """

    def remove(self, ids: Iterable[str]) -> int:
        """Remove items, all in one step; an id that is not there is passed over.

        Returns:
            How many items were removed.
        """

    def get(self, id: str) -> Item:  # noqa: A002 - named as the field of Item and Hit
        """The item of that id.

        Raises:
            ItemNotFound: there is none.
        """

    def search(
        self,
        vectors: npt.ArrayLike,
        k: int = 10,
        where: Where | None = None,
        *,
        exclude: Iterable[str] = (),
        approximate: bool = False,
    ) -> Hits | list[Hits]:
        """The k items nearest to a vector, or to each of several.

        Args:
            vectors: (D,) or (Q, D), finite.
            k: how many hits at most.
            where: conditions on the attributes; see the class.
            exclude: ids that may not be hits, for all queries alike.
            approximate: may miss some hits for the sake of speed; distances stay exact.

        Returns:
            Hits, nearest first, equal distances by id; a list of Q such for (Q, D).

        Raises:
            InvalidInput: an argument cannot be used.
        """

    def batches(self, rows: int = 1024) -> Iterator[Batch]:
        """All items, at most `rows` at a time, in no particular order."""

    def files(self) -> dict[str, FileFacts]:
        """File facts by id, for the items that have them."""

    def update_files(self, files: Mapping[str, FileFacts]) -> None:
        """Replace the file facts of items that are there; others are passed over."""

    def notes(self) -> dict[str, Any]:
        """What `keep_notes` has kept; {} before."""

    def keep_notes(self, values: Mapping[str, Any]) -> None:
        """Keep a few plain JSON values with the catalogue, in place of those from before.

        They are for whoever uses the index, and say nothing of what its vectors mean.

        Raises:
            CatalogueError: they could not be written.
        """

    def close(self) -> None:
        """Let go of everything; a second time does nothing."""

    def __len__(self) -> int: ...

    def __contains__(self, id: object) -> bool: ...  # noqa: A002

    def __iter__(self) -> Iterator[str]:
        """The ids, in order."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def checked_ids(ids: Iterable[str]) -> list[str]:
    """The ids as a list.

    Raises:
        InvalidInput: one is not a non-empty, encodable string without NUL.
    """
    if isinstance(ids, str):
        raise InvalidInput(f"ids must be a list of ids, not one string; write [{ids!r}]")
    ids = list(ids)
    for name in ids:
        if not isinstance(name, str) or not name or "\0" in name or not encodable(name):
            raise InvalidInput(
                f"{name!r} cannot be an id: ids are non-empty strings of valid Unicode without NUL"
            )
    return ids


def checked_new_ids(ids: Iterable[str]) -> list[str]:
    """The ids of one `add` as a list.

    Raises:
        InvalidInput: as `checked_ids`, or an id is there twice.
    """
    ids = checked_ids(ids)
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InvalidInput(f"id {name!r} is there twice in one add; which one is meant?")
        seen.add(name)
    return ids


def checked_vectors(vectors: npt.ArrayLike, ids: Sequence[str], dim: int) -> Vectors:
    """The vectors of one `add` as C-contiguous float32 (N, D).

    Raises:
        InvalidInput: another shape, not numeric, or a value that float32 cannot hold.
    """
    array = _float32(vectors)
    if array.shape != (len(ids), dim) and not (len(ids) == 0 and array.size == 0):
        raise InvalidInput(
            f"vectors have shape {array.shape}; {len(ids)} ids in a catalogue of dimension "
            f"{dim} need ({len(ids)}, {dim})"
        )
    array = array.reshape(len(ids), dim)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        raise InvalidInput(f"the vector of {ids[bad[0]]!r} (row {bad[0]}) has NaN or infinity")
    return array


def checked_queries(vectors: npt.ArrayLike, dim: int) -> Vectors:
    """The queries of one `search` as C-contiguous float32 (Q, D).

    Raises:
        InvalidInput: another shape, not numeric, or a value that float32 cannot hold.
    """
    array = _float32(vectors)
    if array.ndim not in (1, 2) or array.shape[-1] != dim:
        raise InvalidInput(
            f"query has shape {array.shape}; this catalogue is searched with ({dim},) or (Q, {dim})"
        )
    array = array.reshape(-1, dim)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        raise InvalidInput(f"query row {bad[0]} has NaN or infinity")
    return array


def checked_k(k: int) -> int:
    """`k` as an int.

    Raises:
        InvalidInput: it is not a whole number of at least 1.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InvalidInput(f"k must be a whole number of at least 1, not {k!r}")
    return int(k)


def checked_attributes(
    attributes: Sequence[Attributes | None] | None, count: int
) -> list[dict[str, Scalar]]:
    """The attributes of one `add`, one dict an item, NumPy scalars made plain.

    Raises:
        InvalidInput: not one entry an item, or a name or value that cannot be kept.
    """
    if attributes is None:
        return [{} for _ in range(count)]
    if isinstance(attributes, Mapping) or len(attributes) != count:
        raise InvalidInput(f"attributes must be a list with one mapping for each of {count} ids")
    return [
        {_checked_name(name): checked_scalar(name, value) for name, value in (row or {}).items()}
        for row in attributes
    ]


def checked_scalar(name: str, value: Any) -> Scalar:
    """An attribute's value as a plain Python scalar.

    Args:
        name: the attribute, for the message.
        value: what to check.

    Raises:
        InvalidInput: it is no scalar, not finite, beyond 64 bits, or no valid Unicode.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and "\0" not in value and encodable(value):
        return str(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise InvalidInput(
        f"attribute {name!r} cannot be {value!r}: a value is a string without NUL, "
        "a 64-bit whole number, a finite float, a bool or None"
    )


def checked_files(
    files: Sequence[FileFacts | None] | None, count: int
) -> Sequence[FileFacts | None]:
    """The file facts of one `add`, one entry an item.

    Raises:
        InvalidInput: not one entry an item.
    """
    if files is None:
        return [None] * count
    if len(files) != count:
        raise InvalidInput(f"{len(files)} file facts were given for {count} ids")
    return files


def check_fingerprint(
    kept: Mapping[str, Any], asked: Mapping[str, Any], where: object, kind: str = "catalogue"
) -> None:
    """Refuse vectors that another extractor made.

    Args:
        kept: the catalogue's fingerprint.
        asked: the fingerprint of what now wants to add or search.
        where: the catalogue, for the message.
        kind: what that is, where it is no catalogue.

    Raises:
        FingerprintMismatch: they differ; names what differs, and how.
    """
    if kept == asked:
        return
    differing = sorted(
        name for name in {*kept, *asked} if kept.get(name, ...) != asked.get(name, ...)
    )
    its, other = (
        ", ".join(f"{name} {json.dumps(of.get(name), sort_keys=True)}" for name in differing)
        for of in (kept, asked)
    )
    raise FingerprintMismatch(
        f"{kind} {str(where)!r} was built by another extractor: {', '.join(differing)} differ; it "
        f"has {its}; who asks has {other}; use the extractor of the {kind} or build it anew"
    )


def _checked_name(name: Any) -> str:
    if isinstance(name, str) and name and "\0" not in name and encodable(name):
        return str(name)
    raise InvalidInput(f"{name!r} cannot name an attribute: names are non-empty strings")


def encodable(text: str) -> bool:
    """Whether a text can be kept: half of a surrogate pair is no character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _float32(vectors: npt.ArrayLike) -> Vectors:
    try:
        with np.errstate(over="ignore"):  # an overflow becomes infinity, which is refused by row
            return np.ascontiguousarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"vectors must be a rectangular array of numbers: {error}") from error
