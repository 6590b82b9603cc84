"""Approximate against exact search of one local catalogue: recall@10 and queries a second.

Run: python benchmarks/approximate.py [--rows 1000000] [--dim 256] [--folder CATALOGUE]

Both answer the same queries in the same batches, in turn, in one process. A million rows take
several minutes to build; a catalogue given by --folder keeps its graph for the next run.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import cast

import numpy as np
import usearch
from catalogue import build, clustered

from clothzoo.retrieval.index import Hits
from clothzoo.retrieval.local import LocalIndex
from clothzoo.similarity import plain

plain.ALLOWANCE = plain.Allowance(0)  # a process that lives for long has loaded its kernels

K = 10
ROUNDS = 5


def compare(index: LocalIndex, queries: np.ndarray, together: int) -> None:
    """Print both ways' speed in batches of `together`, and what the approximate one finds."""
    batches = [queries[start : start + together] for start in range(0, len(queries), together)]
    seconds: dict[bool, list[float]] = {False: [], True: []}
    found: dict[bool, list[set[str]]] = {}
    for _ in range(ROUNDS):
        for approximate, times in seconds.items():
            begin = time.perf_counter()
            answers = [index.search(batch, K, approximate=approximate) for batch in batches]
            times.append(time.perf_counter() - begin)
            hits = [hits for answer in answers for hits in cast("list[Hits]", answer)]
            found[approximate] = [{hit.id for hit in some} for some in hits]
    exact, quick = (len(queries) / statistics.median(seconds[way]) for way in (False, True))
    shared = sum(len(a & b) for a, b in zip(found[False], found[True], strict=True))
    print(
        f"{together:>5} together: exact {exact:>9,.0f} queries/s, approximate {quick:>9,.0f}: "
        f"×{quick / exact:.1f}, recall@{K} {shared / K / len(queries):.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--folder", type=Path, help="a catalogue built before, or where to build")
    given = parser.parse_args()
    print(f"{given.rows:,} × {given.dim} float32, clustered, Bray-Curtis")
    print(
        f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, usearch {usearch.__version__}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "catalogue"
        if not folder.exists():
            build(folder, given.rows, given.dim)
        with LocalIndex.open(folder) as index:
            queries = clustered(200, given.dim, seed=0) * np.float32(1.01)
            begin = time.perf_counter()
            index.search(queries[:1], K, approximate=True)
            print(f"graph made or loaded in {time.perf_counter() - begin:.1f} s")
            compare(index, queries, 1)
            compare(index, queries, 100)


if __name__ == "__main__":
    main()
