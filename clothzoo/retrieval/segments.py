"""Large immutable sets of vectors: files that are mapped, or arrays for a catalogue in memory.

The rows of a segment stand in the order of their ids, so that a search that orders equal
distances by row orders them by id.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from clothzoo.errors import CatalogueError
from clothzoo.retrieval import durable
from clothzoo.retrieval.index import Vectors
from clothzoo.similarity import Gallery, Prepared

Keys: TypeAlias = npt.NDArray[np.int64]
Piece: TypeAlias = tuple[Keys, Vectors]

_OURS = re.compile(r"(\d{8,})\.(keys|vectors|prepared\.[a-z]+)\.npy(\.partial)?")
_PREPARED = re.compile(r"\d+\.prepared\.([a-z]+)\.npy")
_SAMPLE_BYTES = 64 << 20
_SAMPLE_ROWS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Rows of vectors, ready to be searched.

    Args:
        keys: int64 (N,), what the rows are; see `clothzoo.retrieval.database`.
        vectors: float32 (N, D).
        gallery: the vectors, prepared.
    """

    keys: Keys
    vectors: Vectors
    gallery: Gallery


class Segments(Protocol):
    """Where the segments of a catalogue are kept, by number."""

    def write(self, number: int, keys: Keys, dim: int, blocks: Iterable[Vectors]) -> dict[str, str]:
        """Keep a new segment, durably.

        Args:
            number: one that no segment has, or ever had.
            keys: int64 (N,).
            dim: D.
            blocks: the vectors, float32 (any, D) each, N rows in all.

        Returns:
            The sha256 of each file by its name; {} where there are no files.
        """

    def open(self, numbers: Sequence[int]) -> list[Segment]:
        """The segments of these numbers, each opened once and kept for as long as it is asked for.

        Raises:
            FileNotFoundError: there is none of such a number.
        """

    def numbers(self) -> set[int]:
        """Every segment that is there, whole or not."""

    def drop(self, numbers: Iterable[int]) -> None:
        """Delete segments; searches that still hold one go on unharmed."""

    def damage(self, checksums: dict[str, str]) -> Iterator[str]:
        """What is wrong with a segment, a sentence each; reads all of it."""


class SegmentFiles:
    """Segments in a folder: keys, vectors and the gallery's prepared state, a file an array.

    Args:
        folder: where; made when it is first needed.
        metric: the distance to prepare them for.
    """

    def __init__(self, folder: Path, metric: str) -> None:
        self._folder = folder
        self._metric = metric
        self._opened: dict[int, Segment] = {}

    def write(self, number: int, keys: Keys, dim: int, blocks: Iterable[Vectors]) -> dict[str, str]:
        """Write the files, and flush them and their names."""
        self._folder.mkdir(exist_ok=True)
        written = [
            self._written(number, "keys", keys.shape, keys.dtype, [keys]),
            self._written(number, "vectors", (len(keys), dim), np.dtype(np.float32), blocks),
        ]
        prepared = _prepared(self._array(self._path(number, "vectors")), self._metric)
        for name, array in prepared.to_arrays().items():
            what = f"prepared.{name}"
            written.append(self._written(number, what, array.shape, array.dtype, [array]))
        durable.sync_folder(self._folder)
        durable.sync_folder(self._folder.parent)
        return dict(written)

    def open(self, numbers: Sequence[int]) -> list[Segment]:
        """Map their files."""
        opened = self._opened
        self._opened = {number: opened.get(number) or self._mapped(number) for number in numbers}
        return list(self._opened.values())

    def numbers(self) -> set[int]:
        """The numbers in the names of the files that are ours."""
        if not self._folder.is_dir():
            return set()
        found = (_OURS.fullmatch(path.name) for path in self._folder.iterdir())
        return {int(ours[1]) for ours in found if ours}

    def drop(self, numbers: Iterable[int]) -> None:
        """Unlink their files, the keys first: who finds those has found the rest."""
        for number in numbers:
            for path in sorted(self._folder.glob(f"{number:08d}.*")):
                # Windows keeps a file that someone has mapped; a later sweep takes it.
                with suppress(PermissionError):
                    path.unlink(missing_ok=True)

    def damage(self, checksums: dict[str, str]) -> Iterator[str]:
        """Compare what the files hold with what was written."""
        for name, checksum in checksums.items():
            try:
                with (self._folder / name).open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                yield f"segment file {name} cannot be read: {error.strerror}"
                return
            if found != checksum:
                yield f"segment file {name} is not what was written: its sha256 is {found[:12]}…, "
                f"not {checksum[:12]}…"

    def _written(
        self,
        number: int,
        what: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        blocks: Iterable[npt.NDArray[Any]],
    ) -> tuple[str, str]:
        path = self._path(number, what)
        return path.name, durable.write(path, _npy(shape, dtype, blocks))

    def _path(self, number: int, what: str) -> Path:
        return self._folder / f"{number:08d}.{what}.npy"

    def _mapped(self, number: int) -> Segment:
        try:
            state = {
                name[1]: self._array(path)
                for path in self._folder.glob(f"{number:08d}.prepared.*")
                if (name := _PREPARED.fullmatch(path.name))
            }
            vectors = self._array(self._path(number, "vectors"))
            keys = self._array(self._path(number, "keys"))
            prepared = Prepared.from_arrays(state)
            return Segment(keys, vectors, Gallery(vectors, self._metric, prepared=prepared))
        except ValueError as error:
            raise CatalogueError(
                f"segment {number} in {str(self._folder)!r} is damaged: {error}; "
                "`verify` names the file, restore it from a copy"
            ) from error

    def _array(self, path: Path) -> npt.NDArray[Any]:
        # As a plain array: a memmap pays for a Python object at every slice.
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r").view(np.ndarray)
        return array


class SegmentsInMemory:
    """Segments as arrays.

    Args:
        metric: the distance to prepare them for.
    """

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._segments: dict[int, Segment] = {}

    def write(self, number: int, keys: Keys, dim: int, blocks: Iterable[Vectors]) -> dict[str, str]:
        """Keep the arrays."""
        vectors = np.empty((len(keys), dim), np.float32)
        np.concatenate(list(blocks), out=vectors)
        self._segments[number] = Segment(keys, vectors, Gallery(vectors, self._metric))
        return {}

    def open(self, numbers: Sequence[int]) -> list[Segment]:
        """The arrays."""
        return [self._segments[number] for number in numbers]

    def numbers(self) -> set[int]:
        """All of them."""
        return set(self._segments)

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget them."""
        for number in numbers:
            self._segments.pop(number, None)

    def damage(self, checksums: dict[str, str]) -> Iterator[str]:
        """Nothing: memory has no checksums."""
        return iter(())


def _prepared(vectors: Vectors, metric: str) -> Prepared:
    """The state of a gallery, with codes where a sample shows that they pay."""
    wanted = max(_SAMPLE_ROWS, _SAMPLE_BYTES // (4 * vectors.shape[1]))
    sample = np.array(vectors[:: max(1, len(vectors) // wanted)])
    pays = Gallery(sample, metric).prepared.codes is not None
    return Gallery(vectors, metric, codes=pays).prepared


def gathered(pieces: Sequence[Piece], rows: npt.NDArray[np.int64]) -> Vectors:
    """Rows of several pieces laid end to end.

    Args:
        pieces: keys int64 (any,) and vectors float32 (any, D) of each.
        rows: int64 (N,).

    Returns:
        float32 (N, D).
    """
    ends = np.cumsum([len(keys) for keys, _ in pieces])
    source = np.searchsorted(ends, rows, side="right")
    block = np.empty((len(rows), pieces[0][1].shape[1]), np.float32)
    for number in np.unique(source):
        keys, vectors = pieces[number]
        here = source == number
        block[here] = vectors[rows[here] - (ends[number] - len(keys))]
    return block


def _npy(
    shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[npt.NDArray[Any]]
) -> Iterator[bytes | memoryview]:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header,
        {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape},
    )
    yield header.getvalue()
    for block in blocks:
        yield np.ascontiguousarray(block).data.cast("B")
