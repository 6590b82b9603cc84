"""Approximate search: a graph of neighbours proposes rows, the exact distance decides.

The graph is usearch's HNSW over the vectors in bytes, under our own distances. It is made of
what the catalogue holds when it is first asked for, and kept beside the segments. What is added
later is scanned exactly until it is worth extending the graph; what is removed is passed over.

Reference:
    Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
    Hierarchical Navigable Small World graphs", 2016, arXiv:1603.09320.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from clothzoo.optional import require
from clothzoo.retrieval import durable
from clothzoo.retrieval.coded import Coding
from clothzoo.retrieval.index import Vectors
from clothzoo.retrieval.segments import Keys
from clothzoo.retrieval.snapshot import Snapshot
from clothzoo.similarity import pairwise_distances

Distances: TypeAlias = npt.NDArray[np.float64]

WORTH_IT = 20_000
"""With fewer rows an exact scan is as fast."""

_CONNECTIVITY = 16
_EXPANSION_ADD = 128
_EXPANSION_SEARCH = 320
_FEWEST_CANDIDATES = 40
_STALE = 0.1
_BATCH = 10_000
_SAMPLE = 5_000
_NAME = re.compile(r"(\d+)\.usearch")


class Graph:
    """The graph of one catalogue, made and refreshed when it is used.

    Args:
        folder: where its file is kept; None to keep it in memory only.
        dim: length of the vectors.
        metric: name of the distance.

    Raises:
        ExtraMissing: usearch is not installed.
    """

    def __init__(self, folder: Path | None, dim: int, metric: str) -> None:
        self._usearch = require("usearch.index", "ann")
        self._folder = folder
        self._dim = dim
        self._metric = metric
        self._coding = Coding(metric, 0, 1.0)
        self._index = self._empty()
        self._mapped: Path | None = None
        self._covered = 0  # keys below this are in the graph, or were dead when it was made
        self._lock = threading.Lock()

    def cover(self, snapshot: Snapshot) -> None:
        """Load, make or extend the graph where it lags behind the catalogue.

        A million rows take minutes the first time, and nothing after that.
        """
        with self._lock:
            if not self._covered:
                self._open(snapshot.next_key)
            live = snapshot.live_keys
            inside = int(np.searchsorted(live, self._covered))
            overgrown = len(self._index) > (1 + _STALE) * inside
            if overgrown or len(live) > (1 + _STALE) * inside:
                if overgrown or not inside or not self._extendable():
                    sample = live[:: max(1, len(live) // _SAMPLE)]
                    self._coding = Coding.of(snapshot.vectors_of(sample), self._metric)
                    self._index, inside = self._empty(), 0
                for start in range(inside, len(live), _BATCH):
                    keys = live[start : start + _BATCH]
                    codes = self._coding.encode(snapshot.vectors_of(keys))
                    # Rows that are added at the same time do not see each other: in a small
                    # graph, threads leave some of them out of every other row's reach.
                    threads = 0 if len(self._index) >= _BATCH else 1
                    self._index.add(keys.astype(np.uint64), codes, threads=threads)
                self._mapped, self._covered = None, snapshot.next_key
                self._save()

    def nearest(self, snapshot: Snapshot, queries: Vectors, k: int) -> tuple[Keys, Distances]:
        """Candidates for the k nearest rows, with their exact distances.

        Args:
            snapshot: the state to search; rows that the graph does not cover are scanned.
            queries: float32 (Q, D).
            k: how many are wanted.

        Returns:
            Keys int64 (Q, K) and distances float64 (Q, K) in no order; a key of -1 is no
            candidate.
        """
        candidates = max(2 * k, _FEWEST_CANDIDATES)
        with self._lock:  # usearch gives its scratch memory to one search at a time
            found = self._index.search(self._coding.encode(queries), candidates)
            covered = self._covered
        proposed = np.full((len(queries), candidates), -1, np.int64)
        distances = np.zeros(proposed.shape)
        for row, matches in enumerate(found if len(queries) > 1 else [found]):
            keys = matches.keys.astype(np.int64)
            keys = keys[snapshot.is_live(keys)]
            vectors = snapshot.vectors_of(keys)
            proposed[row, : len(keys)] = keys
            distances[row, : len(keys)] = pairwise_distances(
                queries[row : row + 1], vectors, metric=self._metric, threads=1
            )
        newer, exact = snapshot.nearest(queries, k, snapshot.masks_from(covered))
        return np.hstack([proposed, newer]), np.hstack([distances, exact])

    def _empty(self) -> Any:
        return self._usearch.Index(
            ndim=self._dim,
            metric=self._distance(),
            dtype="i8",
            connectivity=_CONNECTIVITY,
            expansion_add=_EXPANSION_ADD,
            expansion_search=_EXPANSION_SEARCH,
            enable_key_lookups=False,
        )

    def _distance(self) -> Any:
        return self._usearch.CompiledMetric(
            pointer=self._coding.distance(self._dim),
            kind=self._usearch.MetricKind.Unknown,
            signature=self._usearch.MetricSignature.ArrayArray,
        )

    def _open(self, next_key: int) -> None:
        """Map the newest graph that was kept and does not run ahead of the catalogue."""
        kept = {number: path for number, path in self._files().items() if number <= next_key}
        if kept and self._read(self._index.view, kept[max(kept)]):
            self._covered = max(kept)
            self._mapped = kept[self._covered]

    def _extendable(self) -> bool:
        """Whether the graph is in memory, where it can grow, as it may be by now."""
        return self._mapped is None or self._read(self._index.load, self._mapped)

    def _read(self, read: Callable[[Path], None], path: Path) -> bool:
        try:
            zero, step = np.load(_coding_of(path))
            read(path)
        except (OSError, ValueError, RuntimeError):
            return False  # another process has replaced it, or it is damaged: it is made anew
        self._coding = Coding(self._metric, int(zero), float(step))
        # A file cannot hold a function, and reading one forgets the function set before.
        self._index.metric = self._distance()
        return True

    def _save(self) -> None:
        """Keep the graph for the next process; where that cannot be, it only costs time again."""
        if self._folder is None:
            return
        path = self._folder / f"{self._covered}.usearch"
        partial = path.with_name(path.name + durable.PARTIAL)
        # usearch reports a full disk as a RuntimeError.
        with suppress(OSError, RuntimeError):
            self._folder.mkdir(exist_ok=True)
            np.save(_coding_of(path), [self._coding.zero, self._coding.step])
            try:
                self._index.save(partial)
                durable.adopt(partial, path)
            finally:
                partial.unlink(missing_ok=True)
            for number, old in self._files().items():
                if number != self._covered:
                    old.unlink(missing_ok=True)
                    _coding_of(old).unlink(missing_ok=True)

    def _files(self) -> dict[int, Path]:
        if self._folder is None or not self._folder.is_dir():
            return {}
        named = ((_NAME.fullmatch(path.name), path) for path in self._folder.iterdir())
        return {int(name[1]): path for name, path in named if name}


def _coding_of(graph: Path) -> Path:
    return graph.with_suffix(".coding.npy")
