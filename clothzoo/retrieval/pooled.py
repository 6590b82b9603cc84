"""Every level of a network under every pooling, in one pass over the photos, kept on disk."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.record import Record
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.retrieval import durable
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.extractor import Extractor

_NOTE_EVERY = 256


@dataclass(frozen=True, eq=False)
class Pooled:
    """Pooled feature maps of N photos.

    Args:
        parts: (level, pooling, number of values) of each, one behind the other.
        values: real numbers (N, sum of the lengths).
    """

    parts: tuple[tuple[str, str, int], ...]
    values: NDArray[Any] = field(repr=False)

    def part(self, level: str, pooling: str) -> NDArray[np.float32]:
        """One level under one pooling, float32 (N, size).

        A coarser grid and the average are made of a finer grid, whose cells have equal areas.

        Raises:
            InvalidInput: it is not there.
        """
        start = 0
        for name, how, size in self.parts:
            if name == level:
                values = self.values[:, start : start + size]
                if how == pooling:
                    return np.asarray(values, np.float32)
                if how.startswith("grid") and (cells := _cells(pooling)):
                    fine = int(how.removeprefix("grid"))
                    if fine % cells == 0:
                        return _coarser(np.asarray(values, np.float32), fine, cells)
            start += size
        known = ", ".join(f"{name} {how}" for name, how, _ in self.parts)
        raise InvalidInput(f"{level} {pooling} was not pooled; there are: {known}")

    def compose(self, descriptor: Descriptor) -> NDArray[np.float32]:
        """The vectors of a descriptor over these levels.

        Raises:
            InvalidInput: one of its parts is not there.
        """
        return descriptor.compose([self.part(p.level, p.of_network) for p in descriptor.parts])


def everything(parts: Sequence[tuple[str, str]]) -> Descriptor:
    """The descriptor of which `extract` keeps the parts: nothing of it is normalised.

    Args:
        parts: (level, pooling) of each.
    """
    levels, poolings = zip(*parts, strict=True)
    return Descriptor("+".join(levels), "+".join(poolings), "none")


def extract(
    extractor: Extractor,
    records: Sequence[Record],
    path: Path | None = None,
    *,
    advance: Callable[[int], None] | None = None,
) -> Pooled:
    """Describe records, and keep what was pooled in a file.

    What an earlier call kept there of the same extractor and records is taken as it is; where it
    was broken off, this one goes on.

    Args:
        extractor: built for `everything`.
        records: N of them.
        path: of the file, float16 `.npy` with a note beside it; None keeps them in memory.
        advance: is told how many more records are done.

    Raises:
        UnreadablePhoto: the first that cannot be decoded.
        InvalidInput: the extractor has no descriptor, or one that normalises.
    """
    descriptor = extractor.descriptor
    if descriptor is None or {part.normalisation for part in descriptor.parts} != {"none"}:
        raise InvalidInput("levels are kept as they are pooled; build the extractor of everything")
    parts = tuple(
        (part.level, part.pooling, length)
        for part, length in zip(descriptor.parts, extractor.lengths, strict=True)
    )
    shape = (len(records), extractor.dim)
    if path is None:
        values: NDArray[Any] = np.empty(shape, np.float32)
        _fill(values, extractor, records, 0, advance, lambda _: None)
        return Pooled(parts, values)
    path.parent.mkdir(parents=True, exist_ok=True)
    about, note = _about(extractor, records), path.with_suffix(".json")
    done = _done(note, about) if path.exists() else 0
    mode = "r+" if done else "w+"
    values = np.lib.format.open_memmap(path, mode, np.float16, shape)

    def noted(count: int) -> None:
        values.flush()
        durable.write(note, [json.dumps({"about": about, "done": count}).encode()])

    if advance is not None:
        advance(done)
    if done < len(records):
        _fill(values, extractor, records, done, advance, noted)
    return Pooled(parts, values)


def _fill(
    values: NDArray[Any],
    extractor: Extractor,
    records: Sequence[Record],
    done: int,
    advance: Callable[[int], None] | None,
    noted: Callable[[int], None],
) -> None:
    stream = extractor.stream(records[done:], lambda record: record.image)
    for row, (_, vector) in enumerate(stream, done):
        if isinstance(vector, UnreadablePhoto):
            raise vector
        values[row] = vector
        if advance is not None:
            advance(1)
        if (row + 1) % _NOTE_EVERY == 0:
            noted(row + 1)
    noted(len(records))


def _about(extractor: Extractor, records: Sequence[Record]) -> str:
    """A hash of what decides about the values."""
    ids = [(record.id, record.group) for record in records]
    told = json.dumps([extractor.fingerprint, ids], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _done(note: Path, about: str) -> int:
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return int(noted["done"]) if noted.get("about") == about else 0


def _cells(pooling: str) -> int:
    """Cells along a side: of "grid3" 3, of "avg" 1, of another pooling 0."""
    found = re.fullmatch(r"grid(\d+)", pooling)
    return int(found[1]) if found else int(pooling == "avg")


def _coarser(values: NDArray[np.float32], fine: int, cells: int) -> NDArray[np.float32]:
    step = fine // cells
    blocks = values.reshape(len(values), cells, step, cells, step, -1)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(len(values), -1))
