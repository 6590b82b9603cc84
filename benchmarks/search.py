"""Exact search beside faiss, scipy and the machine's own limits, in one run.

    python benchmarks/search.py                 # the whole table, about ten minutes
    python benchmarks/search.py --quick         # a tenth of the rows, to see that it runs
    python benchmarks/search.py --only bc-256 limits --json search.json

All methods of a line are timed in turns, so that whatever else the machine does falls on each of
them alike: trust the ratios rather than the milliseconds. The median is of full calls from float32
queries to sorted hits. Preparing is not timed on either side, but printed. `million` writes a file
of 1.3 GB into a temporary folder (`--folder`).
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np

from clothzoo.similarity import Gallery, Prepared, plain

plain.ALLOWANCE = plain.Allowance(0)  # a process that lives for long has loaded its kernels

THREADS = 2
K = 10


def in_turns(methods: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The median of each method's seconds, after one call to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for method in methods.values():
        method()
    for _ in range(repeats):
        for name, method in methods.items():
            start = time.perf_counter()
            method()
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(times)) for name, times in seconds.items()}


def timed(make: Callable[[], object]) -> tuple[object, float]:
    start = time.perf_counter()
    made = make()
    return made, time.perf_counter() - start


def uniform(rows: int, dims: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((rows, dims), np.float32), rng.random((queries, dims), np.float32)


def by_scipy(gallery: np.ndarray, queries: np.ndarray, metric: str) -> Callable[[], object]:
    from scipy.spatial.distance import cdist

    def search() -> object:
        distances = cdist(queries, gallery, metric)
        nearest = np.argpartition(distances, K, axis=1)[:, :K]
        return np.take_along_axis(distances, nearest, axis=1)

    return search


def by_faiss(gallery: np.ndarray, metric: str) -> object:
    import faiss

    kind = {
        "braycurtis": faiss.METRIC_BrayCurtis,
        "manhattan": faiss.METRIC_L1,
        "euclidean": faiss.METRIC_L2,
        "cosine": faiss.METRIC_INNER_PRODUCT,
    }[metric]
    index = faiss.IndexFlat(gallery.shape[1], kind)
    if metric == "cosine":
        gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    index.add(gallery)
    return index


def search_line(
    metric: str, rows: int, dims: int, queries: int, repeats: int, with_scipy: bool = False
) -> dict[str, object]:
    """Ours, with and without codes, against the others."""
    gallery, asked = uniform(rows, dims, queries)
    prepared: dict[str, float] = {}
    methods: dict[str, Callable[[], object]] = {}
    ours, prepared["clothzoo"] = timed(lambda: Gallery(gallery, metric, threads=THREADS))
    methods["clothzoo"] = lambda: ours.search(asked, K, threads=THREADS)
    if ours.prepared.codes is not None:
        plain, prepared["clothzoo, no codes"] = timed(
            lambda: Gallery(gallery, metric, codes=False, threads=THREADS)
        )
        methods["clothzoo, no codes"] = lambda: plain.search(asked, K, threads=THREADS)
    index, prepared["faiss flat"] = timed(lambda: by_faiss(gallery, metric))
    of_faiss = asked
    if metric == "cosine":
        of_faiss = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    methods["faiss flat"] = lambda: index.search(of_faiss, K)
    if with_scipy:
        methods["scipy cdist + argpartition"] = by_scipy(gallery, asked, metric)
    seconds = in_turns(methods, repeats)
    found, theirs = ours.search(asked, K)[0], index.search(of_faiss, K)[1]
    return {
        "work": f"{metric} top-{K}, {rows:,} × {dims:,}, queries: {queries}",
        "milliseconds": {name: 1e3 * s for name, s in seconds.items()},
        "ratios": {name: s / seconds["clothzoo"] for name, s in seconds.items()},
        "prepared in seconds": prepared,
        "hits in common with faiss": float(
            np.mean([len(set(a) & set(b)) / K for a, b in zip(found, theirs, strict=True)])
        ),
    }


def compiled_limits(folder: Path) -> ctypes.CDLL:
    """The C kernels of limits.c, for this very processor."""
    library = folder / "limits.so"
    options = ["-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512"]
    if platform.machine() != "x86_64":
        options.pop()
    source = Path(__file__).with_name("limits.c")
    subprocess.run(["cc", *options, "-shared", "-fPIC", "-o", library, source], check=True)
    limits = ctypes.CDLL(str(library))
    address, size = ctypes.c_void_p, ctypes.c_size_t
    for name in ("differences", "minima"):
        getattr(limits, name).argtypes = [address, size, address, size, size]
        getattr(limits, name).restype = ctypes.c_float
    limits.read_all.argtypes = [address, size]
    limits.read_all.restype = ctypes.c_float
    return limits


def on_threads(pool: ThreadPoolExecutor, work: Callable[[slice], object], rows: int) -> None:
    edges = np.linspace(0, rows, THREADS + 1).astype(int)
    list(pool.map(work, [slice(a, b) for a, b in itertools.pairwise(edges)]))


def limit_lines(quick: bool, folder: Path, repeats: int) -> Iterator[dict[str, object]]:
    """Our float32 kernel, top-k and all, against bare sums in C and against reading memory."""
    limits = compiled_limits(folder)
    pool = ThreadPoolExecutor(THREADS)
    for rows, dims in ((10_000, 256), (2_000, 2048)) if quick else ((100_000, 256), (20_000, 2048)):
        gallery, asked = uniform(rows, dims, 100)
        plain = Gallery(gallery, codes=False, threads=THREADS)
        coded = Gallery(gallery, codes=True, threads=THREADS)

        def bare(name: str, y: np.ndarray = gallery, x: np.ndarray = asked) -> Callable[[], None]:
            kernel = getattr(limits, name)
            return lambda: on_threads(
                pool,
                lambda part: kernel(
                    x.ctypes.data, len(x), y[part].ctypes.data, len(y[part]), y.shape[1]
                ),
                len(y),
            )

        seconds = in_turns(
            {
                "C: sum of |u − v|": bare("differences"),
                "C: sum of min(u, v)": bare("minima"),
                "clothzoo, no codes": lambda p=plain, x=asked: p.search(x, K, threads=THREADS),
                "clothzoo, codes": lambda c=coded, x=asked: c.search(x, K, threads=THREADS),
            },
            repeats,
        )
        speed = {name: gallery.size * len(asked) / s / 1e9 for name, s in seconds.items()}
        own = speed["clothzoo, no codes"]
        yield {
            "work": f"braycurtis, {rows:,} × {dims:,}, queries: 100, thousand million terms/s",
            "terms per nanosecond": speed,
            "share of the limit": {n: own / speed[n] for n in speed if n.startswith("C:")},
        }
    yield {"work": "reading memory", "gigabytes per second": read_speed(limits, pool, quick)}


def read_speed(limits: ctypes.CDLL, pool: ThreadPoolExecutor, quick: bool) -> float:
    numbers = np.ones((1 << 10, (1 << 15) if quick else (1 << 18)), np.float32)

    def read(part: slice) -> object:
        return limits.read_all(numbers[part].ctypes.data, numbers[part].size)

    seconds = in_turns({"read": lambda: on_threads(pool, read, len(numbers))}, 5)["read"]
    return numbers.nbytes / seconds / 1e9


def write_million(folder: Path, rows: int, dims: int) -> float:
    """A catalogue's segment and its prepared state as files; the seconds that preparing took."""
    rng = np.random.default_rng(0)
    path = folder / "rows.npy"
    out = np.lib.format.open_memmap(path, "w+", np.float32, (rows, dims))
    for start in range(0, rows, 10_000):
        out[start : start + 10_000] = rng.random((min(10_000, rows - start), dims), np.float32)
    out.flush()
    del out
    mapped = np.load(path, mmap_mode="r")
    gallery, seconds = timed(lambda: Gallery(mapped, codes=True, threads=THREADS))
    for name, array in gallery.prepared.to_arrays().items():
        np.save(folder / f"state-{name}.npy", array)
    return seconds


def own_memory() -> int:
    """Bytes of this process that are in no file: what a search holds above the mapped ones."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return 1024 * int(line.split()[1])
    raise SystemExit("this system does not tell a process's own memory")


def open_million(folder: Path, quick: bool) -> None:
    """In a process of its own: open, search once, and report."""
    dims = np.load(folder / "rows.npy", mmap_mode="r").shape[1]
    queries = np.random.default_rng(1).random((12, dims), np.float32)
    Gallery(queries).search(queries[0], 1)  # compiled kernels are loaded
    Gallery(queries, codes=True).search(queries[0], 1)
    before = own_memory()

    def opened() -> Gallery:
        state = {
            path.stem.removeprefix("state-"): np.load(path, mmap_mode="r")
            for path in folder.glob("state-*.npy")
        }
        rows = np.load(folder / "rows.npy", mmap_mode="r")
        return Gallery(rows, prepared=Prepared.from_arrays(state))

    gallery, seconds = timed(opened)
    rows = np.load(folder / "rows.npy", mmap_mode="r")
    state = gallery.prepared
    plain = Gallery(rows, prepared=Prepared(state.metric, state.shape, state.summary, None))
    _, first = timed(lambda: gallery.search(queries[0], K, threads=THREADS))
    memory = own_memory() - before
    turn = iter(range(10**9))

    def ask(of: Gallery) -> Callable[[], object]:
        return lambda: of.search(queries[next(turn) % len(queries)], K, threads=THREADS)

    limits = compiled_limits(folder)
    pool = ThreadPoolExecutor(THREADS)
    copy = np.asarray(rows)

    def read(part: slice) -> object:
        return limits.read_all(copy[part].ctypes.data, copy[part].size)

    times = in_turns(
        {
            "codes": ask(gallery),
            "no codes": ask(plain),
            "read the file": lambda: on_threads(pool, read, len(rows)),
        },
        5 if quick else 11,
    )
    speed = {name: rows.nbytes / s / 1e9 for name, s in times.items()}
    print(
        json.dumps(
            {
                "opened in seconds": seconds,
                "first query, milliseconds": 1e3 * first,
                "milliseconds": {name: 1e3 * s for name, s in times.items()},
                "gigabytes of float32 per second": speed,
                "share of the speed of reading": {
                    name: speed[name] / speed["read the file"] for name in ("codes", "no codes")
                },
                "megabytes above the mapped files": memory / 1e6,
            }
        )
    )


def million_line(quick: bool, folder: Path) -> dict[str, object]:
    rows, dims = (100_000, 256) if quick else (1_000_000, 256)
    seconds = write_million(folder, rows, dims)
    options = [*(["--quick"] if quick else []), "--open", str(folder)]
    done = subprocess.run(
        [sys.executable, __file__, *options], check=True, capture_output=True, text=True
    )
    return {
        "work": f"braycurtis top-{K}, one query, {rows:,} × {dims} mapped from disk",
        "prepared in seconds": seconds,
        **json.loads(done.stdout),
    }


def lines(only: list[str], quick: bool, folder: Path) -> Iterator[dict[str, object]]:
    part = 10 if quick else 1
    repeats = 3 if quick else 7
    searches = {
        "bc-256": ("braycurtis", 100_000, 256, 100, True),
        "bc-2048": ("braycurtis", 20_000, 2048, 100, True),
        "bc-100352": ("braycurtis", 2_000, 100_352, 4, True),
        "bc-one": ("braycurtis", 100_000, 256, 1, True),
        "manhattan": ("manhattan", 100_000, 256, 100, False),
        "euclidean": ("euclidean", 100_000, 256, 100, False),
        "cosine": ("cosine", 100_000, 256, 100, False),
    }
    for name, (metric, rows, dims, queries, with_scipy) in searches.items():
        if name in only:
            line = search_line(metric, rows // part, dims, queries, repeats, with_scipy)
            yield {"line": name, **line}
    if "limits" in only:
        for line in limit_lines(quick, folder, repeats):
            yield {"line": "limits", **line}
    if "million" in only:
        yield {"line": "million", **million_line(quick, folder)}


LINES = (
    "bc-256",
    "bc-2048",
    "bc-100352",
    "bc-one",
    "manhattan",
    "euclidean",
    "cosine",
    "limits",
    "million",
)


def machine() -> dict[str, object]:
    """What the figures were measured on and with."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    packages = ("numpy", "numba", "scipy", "faiss-cpu")
    return {
        "processor": f"{len(names)} × {names[0]}" if names else platform.processor(),
        "threads": THREADS,
        "load when started": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def shown(line: dict[str, object]) -> str:
    text = [str(line["work"])]
    for title, value in line.items():
        if isinstance(value, dict):
            figures = ", ".join(f"{name} {number:.3g}" for name, number in value.items())
            text.append(f"    {title}: {figures}")
        elif title not in ("work", "line"):
            text.append(f"    {title}: {value:.3g}")
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=LINES, default=LINES, help="some lines")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--folder", type=Path, help="where `million` writes (temporary)")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.open:
        open_million(options.open, options.quick)
        return
    import faiss

    faiss.omp_set_num_threads(THREADS)
    report: dict[str, object] = {"machine": machine(), "lines": []}
    print(json.dumps(report["machine"], ensure_ascii=False))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for line in lines(options.only, options.quick, Path(folder)):
            report["lines"].append(line)
            print(shown(line), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
