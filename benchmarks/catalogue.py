"""The local catalogue at a million rows: opening, one exact query, memory, filters, adding.

Run: python benchmarks/catalogue.py [--rows 1000000] [--dim 256] [--folder FOLDER]

Everything after the building is measured in a fresh process, which has mapped nothing yet; the
page cache is warm, as it is on a machine that serves searches.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from clothzoo.retrieval.local import LocalIndex
from clothzoo.similarity import plain

plain.ALLOWANCE = plain.Allowance(0)  # a process that lives for long has loaded its kernels

BATCH = 256
REPEATS = 15
CATEGORIES = 17


def clustered(rows: int, dim: int, seed: int = 0) -> np.ndarray:
    """Non-negative rows around 2,000 centres, like pooled feature maps."""
    rng = np.random.default_rng(seed)
    centres = rng.gamma(1.0, 1.0, (2000, dim)).astype(np.float32)
    data = np.empty((rows, dim), np.float32)
    for start in range(0, rows, 50_000):
        some = data[start : start + 50_000]
        noise = rng.gamma(2.0, 0.15, some.shape).astype(np.float32)
        np.multiply(centres[rng.integers(0, len(centres), len(some))], 0.7 + noise, out=some)
    return data


def attributes(start: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "category": f"category {row % CATEGORIES}",
            "price": row % 20_000 / 100,
            "kids": row % 11 == 0,
            "rare": row % 100_000 == 0,
        }
        for row in range(start, start + count)
    ]


def build(folder: Path, rows: int, dim: int) -> None:
    """A tenth of the rows in small batches, the rest in large ones, then one compact."""
    data = clustered(rows, dim)
    with LocalIndex.create(folder, dim=dim, metric="braycurtis") as index:
        small = rows // 10
        for first, last, size in ((0, small, BATCH), (small, rows, 100_000)):
            begin = time.perf_counter()
            for start in range(first, last, size):
                stop = min(start + size, last)
                ids = [f"photo/{row:08}.jpg" for row in range(start, stop)]
                index.add(ids, data[start:stop], attributes(start, stop - start))
            seconds = time.perf_counter() - begin
            print(f"add, batches of {size:>7,}: {(last - first) / seconds:>12,.0f} rows/s")
        begin = time.perf_counter()
        index.compact()
        print(f"compact: {time.perf_counter() - begin:.1f} s")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"on disk: {size / rows:,.0f} bytes a row, of which {4 * dim:,} are the vector")


def anonymous_bytes() -> int:
    """Memory of this process that no file stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell RssAnon")


def peak_above(work: Callable[[], object]) -> int:
    """Bytes of such memory that some work takes at its highest."""
    before, peak, done = anonymous_bytes(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.0005):
            peak = max(peak, anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return max(peak, anonymous_bytes()) - before


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def read_bandwidth() -> float:
    """Bytes a second at which this process's threads together read memory, as NumPy sums it."""
    threads = os.cpu_count() or 1
    data = np.ones((threads, 32 << 20), np.float32)

    def read() -> None:
        workers = [threading.Thread(target=data[n].sum) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    return data.nbytes / seconds(read, 7)


def measure(folder: Path, dim: int) -> None:
    with LocalIndex.create(None, dim=dim, metric="braycurtis") as small:
        small.add(["a"], np.ones((1, dim)))
        small.search(np.ones(dim))  # so that loading the kernels is not taken for opening
    queries = clustered(100, dim, seed=0) * np.float32(1.01)
    begin = time.perf_counter()
    index = LocalIndex.open(folder)
    opened = time.perf_counter() - begin
    peak = peak_above(lambda: index.search(queries[0]))
    first = time.perf_counter() - begin
    rows = len(index)
    bandwidth = read_bandwidth()

    one = seconds(lambda: index.search(queries[0]))
    many = seconds(lambda: index.search(queries), 5)
    vectors = 4 * dim * rows
    print(f"open: {opened * 1e3:.1f} ms; first hit after {first * 1e3:.0f} ms")
    print(f"one exact query: {one * 1e3:.1f} ms; 100 together: {many * 10:.2f} ms a query")
    print(
        f"bandwidth: {vectors / one / 1e9:.1f} GB/s of vectors answered for, "
        f"{bandwidth / 1e9:.1f} GB/s is what NumPy reads: {vectors / one / bandwidth:.2f} of it"
    )
    print(f"memory above the mapped files: {peak / 1e6:.1f} MB at the highest")
    print(f"{'filter':<34}{'matches':>10}{'first':>10}{'again':>10}   against unfiltered")
    for where in (
        {"rare": True},
        {"category": "category 3"},
        {"category": ["category 3", "category 4"], "price": (0, 50)},
        {"price": (0, 50)},
        {"kids": False},
    ):
        begin = time.perf_counter()
        hits = index.search(queries[0], where=where)
        once = time.perf_counter() - begin
        assert hits
        again = seconds(lambda where=where: index.search(queries[0], where=where))
        matching = sum(1 for row in range(rows) if matches(row, where))
        print(
            f"{json.dumps(where):<34.34}{matching:>10,}{once * 1e3:>7.0f} ms"
            f"{again * 1e3:>7.1f} ms   ×{once / one:.1f} and ×{again / one:.1f}"
        )
    index.close()


def matches(row: int, where: dict[str, Any]) -> bool:
    values = attributes(row, 1)[0]
    return all(
        wanted[0] <= values[name] <= wanted[1]
        if isinstance(wanted, tuple)
        else values[name] in (wanted if isinstance(wanted, list) else [wanted])
        for name, wanted in where.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--folder", type=Path, help="a catalogue built before, or where to build")
    parser.add_argument("--measure-only", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure_only:
        measure(given.folder, given.dim)
        return
    print(f"{given.rows:,} × {given.dim} float32, Bray-Curtis, {os.cpu_count()} processors")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "catalogue"
        if not folder.exists():
            build(folder, given.rows, given.dim)
        command = [sys.executable, __file__, "--measure-only", "--folder", str(folder)]
        sys.stdout.flush()
        subprocess.run([*command, "--dim", str(given.dim)], check=True)


if __name__ == "__main__":
    main()
