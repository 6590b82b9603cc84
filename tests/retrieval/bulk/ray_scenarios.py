"""What `test_on_ray` runs where nobody else can reach it: `… ray_scenarios NAME FOLDER`.

Each scenario has a cluster of two machines, as far as Ray can tell, with one CPU each; where one
of them is lost, the other has room for what ran there.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import ray
from PIL import Image
from ray.cluster_utils import Cluster

from clothzoo.datasets.rendered import render
from clothzoo.errors import ExtractionFailed, FingerprintMismatch, InvalidInput
from clothzoo.retrieval import bulk
from clothzoo.retrieval.bulk import extraction
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.extractor import Extractor
from tests.hub.samples import write_sample
from tests.retrieval.bulk.sensitive import Sensitive, photos_in, sensitive
from tests.retrieval.colours import extractor

PHOTOS = 42
START = "from clothzoo.cli import main; main()"


def extract(folder: Path, address: str, make: Callable[[], Extractor]) -> bulk.ExtractionReport:
    cluster = bulk.Cluster(address=address)
    given = {"labels": "folders", "shard_rows": 4, "engine": "ray", "cluster": cluster}
    return bulk.extract(folder / "photos", folder / "shards", make, **given)


def contents(out: Path) -> dict[str, Any]:
    """What is in shards, through a catalogue: an id in two shards would not add up."""
    with RetrievalEngine(sensitive()) as engine:
        added = bulk.ingest(out, engine.index).added
        assert added == len(engine)
        files = engine.index.files()
        found = {name: engine.index.get(name) for name in engine}
        return {n: (i.vector.tobytes(), i.attributes, files[n]) for n, i in found.items()}


def check_equal_to_one_process(folder: Path) -> None:
    with RetrievalEngine(sensitive()) as engine:
        engine.add_folder(folder / "photos", labels="folders")
        files = engine.index.files()
        expected = {
            name: (item.vector.tobytes(), item.attributes, files[name])
            for name in engine
            for item in [engine.index.get(name)]
        }
    assert len(expected) == 39
    assert contents(folder / "shards") == expected
    assert not list(folder.glob("shards/**/*.partial"))


def machines_at_work(folder: Path) -> set[str]:
    return {path.name for path in (folder / "machines").iterdir()}


def noting(folder: Path, **given: Any) -> Extractor:
    """An extractor that notes which machine of the cluster has made it."""
    (folder / "machines").mkdir(exist_ok=True)
    (folder / "machines" / ray.get_runtime_context().get_node_id()).touch()
    return sensitive(**given)


def equality(folder: Path, cluster: Cluster) -> None:
    """Two machines give what one process gives, though a worker is killed in mid-shard."""
    once = folder / "killed"
    make = partial(_on_cluster, folder, dies_after=6, once=once)
    report = extract(folder, cluster.address, make)
    assert once.exists()
    assert len(machines_at_work(folder)) == 2
    assert (report.described, report.skipped, report.before) == (39, 3, 0)
    check_equal_to_one_process(folder)
    again = extract(folder, cluster.address, make)
    assert (again.described, again.before) == (0, PHOTOS)


def _on_cluster(folder: Path, **given: Any) -> Extractor:
    # `extract` itself makes one too, to know its fingerprint, before it has joined the cluster.
    return noting(folder, **given) if ray.is_initialized() else sensitive()


def driver(folder: Path, cluster: Cluster) -> None:
    """What kill -9 of the driver leaves is whole, and the next driver makes the rest."""
    command = [sys.executable, "-m", __spec__.name, "driven", str(folder), cluster.address]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    there = sorted((folder / "shards" / "shards").glob("*.parquet"))
    assert 1 <= len(there) <= 4  # two or fewer of each actor, which then waits
    written = [path.stat().st_mtime_ns for path in there]
    (folder / "go").touch()
    report = extract(folder, cluster.address, partial(sensitive, waits_for=folder / "go"))
    assert report.before == 4 * len(there)
    assert report.before + report.described + report.skipped == PHOTOS
    assert [path.stat().st_mtime_ns for path in there] == written
    check_equal_to_one_process(folder)


def driven(folder: Path, address: str) -> None:
    """Extract, and die with the first shard that comes back."""

    @contextmanager
    def deadly(_: int) -> Iterator[Callable[[], None]]:
        yield lambda: os.kill(os.getpid(), signal.SIGKILL)

    extraction._bar = deadly
    cluster = bulk.Cluster(address=address)
    given = {"labels": "folders", "shard_rows": 4, "engine": "ray", "cluster": cluster}
    make = partial(sensitive, waits_for=folder / "go")
    bulk.extract(folder / "photos", folder / "shards", make, progress=True, **given)


def machine(folder: Path, cluster: Cluster) -> None:
    """A machine that is lost takes nothing with it: the other one makes its shards."""
    lost = next(node for node in cluster.worker_nodes)

    def lose() -> None:
        while len(list((folder / "shards" / "shards").glob("*.parquet"))) < 3:
            time.sleep(0.05)
        cluster.remove_node(lost, allow_graceful=False)
        (folder / "go").touch()

    losing = threading.Thread(target=lose)
    losing.start()
    report = extract(folder, cluster.address, partial(sensitive, waits_for=folder / "go"))
    losing.join()
    assert report.described + report.skipped == PHOTOS
    check_equal_to_one_process(folder)


def errors(folder: Path, cluster: Cluster) -> None:
    """What goes wrong on other machines is told in one sentence here."""
    with pytest.raises(InvalidInput, match="no machine of the cluster has 64 CPUs"):
        bulk.extract(
            folder / "photos",
            folder / "shards",
            sensitive,
            engine="ray",
            shard_rows=4,
            cluster=bulk.Cluster(cluster.address, cpus=64),
        )
    shutil.rmtree(folder / "shards")
    with pytest.raises(FingerprintMismatch, match="pooling differ"):
        extract(folder, cluster.address, _other_elsewhere)
    with pytest.raises(ExtractionFailed, match="run it again to go on"):
        extract(folder, cluster.address, partial(_on_cluster, folder, dies_after=0))
    extract(folder, cluster.address, sensitive)
    check_equal_to_one_process(folder)


def _other_elsewhere() -> Extractor:
    return extractor(Sensitive(), pooling="max") if ray.is_initialized() else sensitive()


def networks(folder: Path, cluster: Cluster) -> None:
    """Real networks give the bits of one process: by Keras and compiled, by the command line."""
    shutil.rmtree(folder / "photos")
    (folder / "photos").mkdir()
    for number, record in enumerate(render(24, 4, size=96)):
        Image.fromarray(record.image).save(folder / "photos" / f"{number:03}.jpg")
    (folder / "photos" / "050.jpg").write_bytes(b"no picture")
    write_sample(folder / "presets")
    name = str(folder / "presets" / "conventional_cnn.sample")
    for runtime in ("keras", "openvino"):
        out = folder / runtime
        options = ["--extractor", name, "--runtime", runtime, "--level", "high"]
        options += ["--engine", "ray", "--address", cluster.address, "--shard-rows", "32"]
        command = [sys.executable, "-c", START, "extract", str(folder / "photos")]
        command += ["--out", str(out), *options, "--json"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        assert (
            json.loads(done.stdout).items() >= {"described": 95, "skipped": 1, "shards": 3}.items()
        )
        with RetrievalEngine(name, level="high", runtime=runtime) as engine:
            engine.add_folder(folder / "photos")
            bulk.ingest(out, folder / f"{runtime}-catalogue")
            with RetrievalEngine.open(folder / f"{runtime}-catalogue", runtime=runtime) as opened:
                differing = [
                    name
                    for name in engine
                    if (engine.index.get(name).vector != opened.index.get(name).vector).any()
                ]
                assert list(opened) == list(engine)
                assert not differing, (runtime, differing)


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    if name == "driven":
        driven(folder, sys.argv[3])
        return
    photos_in(folder / "photos")
    place = tempfile.mkdtemp(prefix="ray-")  # a longer path would not do for Ray's sockets
    cpus = 2 if name == "machine" else 1
    head = {"num_cpus": cpus, "include_dashboard": False, "temp_dir": place}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        cluster.add_node(num_cpus=cpus)
        cluster.wait_for_nodes()
        {f.__name__: f for f in (equality, driver, machine, errors, networks)}[name](
            folder, cluster
        )
    finally:
        cluster.shutdown()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
