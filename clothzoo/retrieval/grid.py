"""Levels × pooling × normalisation × measure: each combination judged once, kept in Parquet."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clothzoo.errors import InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval import durable
from clothzoo.retrieval.descriptors import NORMALISATION, Descriptor
from clothzoo.retrieval.evaluation import MEASURES, Relevance, judge
from clothzoo.retrieval.pooled import Pooled
from clothzoo.similarity import METRICS

Row = dict[str, Any]

_ABOUT = b"clothzoo"


@dataclass(frozen=True)
class Cell:
    """One combination.

    Args:
        level: as in `Descriptor`.
        pooling: as in `Descriptor`.
        normalisation: as in `Descriptor`.
        metric: a name from `clothzoo.similarity.METRICS`.
    """

    level: str
    pooling: str
    normalisation: str
    metric: str

    @property
    def descriptor(self) -> Descriptor:
        """The recipe of its vectors."""
        return Descriptor(self.level, self.pooling, self.normalisation)


def cells(
    levels: Sequence[str],
    poolings: Sequence[str] = ("avg", "max", "gem", "grid2"),
    normalisations: Sequence[str] = NORMALISATION,
    metrics: Sequence[str] = tuple(METRICS),
) -> list[Cell]:
    """All combinations, in order."""
    return list(
        itertools.starmap(Cell, itertools.product(levels, poolings, normalisations, metrics))
    )


def run(
    grid: Sequence[Cell],
    pooled: Pooled,
    relevance: Relevance,
    path: Path | None = None,
    *,
    k: int = 10,
    advance: Callable[[int], None] | None = None,
) -> list[Row]:
    """Judge every combination; those that an earlier run has left in the file are not run again.

    Args:
        grid: the combinations.
        pooled: the levels of the records.
        relevance: what is alike among these.
        path: of the Parquet file, rewritten after each descriptor; None keeps nothing.
        k: how many hits are looked at.
        advance: is told how many more combinations are done.

    Returns:
        A row for each combination: its names, `dim`, `queries`, each measure, and `low` and
        `high`, the 95 % interval of P@k by groups.

    Raises:
        InvalidInput: the file is of other records or another k, or a level was not pooled.
        ExtraMissing: pyarrow is not installed, and there is a path.
    """
    about = _about(pooled, relevance, k)
    rows = read(path, about) if path is not None and path.exists() else []
    kept = {_cell(row): row for row in rows}
    found: list[Row] = []
    for descriptor, some in _by_descriptor(grid):
        missing = [cell for cell in some if cell not in kept]
        if missing:
            vectors = pooled.compose(descriptor)
            for cell in missing:
                judged = judge(vectors, relevance, cell.metric, k=k)
                low, high = judged.interval("P@k")
                kept[cell] = {
                    **asdict(cell),
                    "dim": vectors.shape[1],
                    "queries": len(judged.queries),
                    **{name: judged[name] for name in MEASURES},
                    "low": low,
                    "high": high,
                }
            if path is not None:
                write(list(kept.values()), path, about)
        found += [kept[cell] for cell in some]
        if advance is not None:
            advance(len(some))
    return found


def write(rows: Sequence[Row], path: Path, about: str = "") -> None:
    """Write rows to a Parquet file, which is replaced in one step.

    Raises:
        ExtraMissing: pyarrow is not installed.
    """
    arrow, parquet = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    table = arrow.Table.from_pylist(list(rows)).replace_schema_metadata({_ABOUT: about})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + durable.PARTIAL)
    parquet.write_table(table, partial)
    durable.adopt(partial, path)


def read(path: Path, about: str | None = None) -> list[Row]:
    """The rows of a file that `write` wrote.

    Args:
        path: of the file.
        about: what it must be about; None takes whatever it is.

    Raises:
        InvalidInput: it is about other data.
        ExtraMissing: pyarrow is not installed.
    """
    parquet = require("pyarrow.parquet", "parquet")
    table = parquet.read_table(path)
    if about is not None and (table.schema.metadata or {}).get(_ABOUT) != about.encode():
        raise InvalidInput(
            f"{str(path)!r} has the results of other photos, labels or k; name another file, or "
            "remove it"
        )
    rows: list[Row] = table.to_pylist()
    return rows


def _by_descriptor(grid: Sequence[Cell]) -> Iterator[tuple[Descriptor, list[Cell]]]:
    for descriptor, some in itertools.groupby(grid, key=lambda cell: cell.descriptor):
        yield descriptor, list(some)


def _cell(row: Row) -> Cell:
    return Cell(*(row[name] for name in ("level", "pooling", "normalisation", "metric")))


def _about(pooled: Pooled, relevance: Relevance, k: int) -> str:
    """A hash of everything that the figures depend on but the combinations."""
    digest = hashlib.sha256(json.dumps([pooled.parts, k, relevance.other_groups]).encode())
    for values in (relevance.kinds, relevance.contents, relevance.groups):
        digest.update(values.tobytes())
    # A few values of each photo tell two sets of them apart as well as all of them would.
    digest.update(np.ascontiguousarray(pooled.values[:, ::97], np.float16).tobytes())
    return digest.hexdigest()
