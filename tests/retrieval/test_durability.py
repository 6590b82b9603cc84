"""Kills, full disks, read-only folders and readers beside a writer: nothing lost, nothing twice."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clothzoo.errors import CatalogueError
from clothzoo.retrieval import durable, rolling
from clothzoo.retrieval.local import LocalIndex
from tests.retrieval import writing_process
from tests.retrieval.writing_process import DIM

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="the faults of this suite are made the POSIX way"
)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Starts processes that have all imported, so that a kill hits the work and not the start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.retrieval.writing_process"])
    return context


@pytest.fixture
def path(tmp_path: Path) -> Path:
    LocalIndex.create(tmp_path / "catalogue", dim=DIM, metric="manhattan").close()
    return tmp_path / "catalogue"


def contents(path: Path) -> dict[str, int]:
    """What a catalogue holds, its soundness checked on the way."""
    with LocalIndex.open(path) as index:
        assert index.verify() == []
        found: dict[str, int] = {}
        for batch in index.batches(50):
            for name, vector, attributes in zip(
                batch.ids, batch.vectors, batch.attributes, strict=True
            ):
                assert name not in found, "an item is there twice"
                assert set(vector) == {attributes["number"]}
                found[name] = int(vector[0])
        assert len(index) == len(found)
        assert list(index) == sorted(found)
        return found


@pytest.mark.parametrize("kills", [15, pytest.param(200, marks=pytest.mark.long)])
def test_a_writer_killed_at_any_instant_leaves_all_it_acknowledged_and_nothing_twice(
    path: Path, processes: ForkServerContext, kills: int
) -> None:
    chance = random.Random(7)
    done = 0
    for _ in range(kills):
        ours, theirs = processes.Pipe(duplex=False)
        process = processes.Process(target=writing_process.write, args=(path, done, theirs))
        process.start()
        theirs.close()
        if chance.random() < 0.8:  # else it may die while it opens
            ours.poll(30)
        time.sleep(chance.random() * 0.15)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        acknowledged = done
        try:
            while True:
                acknowledged = ours.recv()
        except EOFError:
            pass
        found = contents(path)
        # The change that was under way has happened wholly or not at all.
        assert found in (
            writing_process.state_after(acknowledged),
            writing_process.state_after(acknowledged + 1),
        )
        done = acknowledged + (found != writing_process.state_after(acknowledged))
    assert done > kills
    with LocalIndex.open(path) as index:
        index.add(["last"], np.zeros((1, DIM)))
        held = {number for (number,) in index._database.read(segment_numbers)}
        assert {int(file.name[:8]) for file in (path / "segments").iterdir()} == held


def segment_numbers(db: Any) -> list[tuple[int]]:
    rows: list[tuple[int]] = db.execute("SELECT number FROM segments").fetchall()
    return rows


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.long)])
def test_readers_beside_a_writer_see_whole_states_only(
    path: Path, processes: ForkServerContext, seconds: float
) -> None:
    pipes, started = [], []
    for target in [writing_process.write_for, *[writing_process.read_for] * 4]:
        ours, theirs = processes.Pipe(duplex=False)
        process = processes.Process(target=target, args=(path, seconds, theirs))
        process.start()
        theirs.close()
        pipes.append(ours)
        started.append(process)
    counts = [pipe.recv() for pipe in pipes]
    for process in started:
        process.join()
    assert all(isinstance(count, int) and count > 0 for count in counts), counts
    assert contents(path) == writing_process.state_after(counts[0])
    print(f"{counts[0]} changes beside {sum(counts[1:])} searches in {seconds} s")


def test_two_writing_processes_take_turns(path: Path, processes: ForkServerContext) -> None:
    pipes = [processes.Pipe(duplex=False) for _ in range(2)]
    writers = [
        processes.Process(target=writing_process.write_for, args=(path, 1.5, theirs))
        for _, theirs in pipes
    ]
    for writer in writers:
        writer.start()
    counts = [ours.recv() for ours, _ in pipes]
    for writer in writers:
        writer.join()
    assert min(counts) > 0
    contents(path)


def test_a_forked_process_uses_the_catalogue_of_its_parent(path: Path) -> None:
    with LocalIndex.open(path) as index:
        index.add(["parent"], np.zeros((1, DIM)), [{"number": 0}])
        assert len(index.search(np.zeros(DIM))) == 1
        child = os.fork()
        if child == 0:
            index.add(["child"], np.zeros((1, DIM)), [{"number": 0}])
            os._exit(len(index.search(np.zeros(DIM))))
        index.add(["parent too"], np.zeros((1, DIM)), [{"number": 0}])
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) in (2, 3)
        assert [hit.id for hit in index.search(np.zeros(DIM))] == ["child", "parent", "parent too"]
    assert len(contents(path)) == 3


def full_disks() -> Iterator[Any]:
    yield pytest.param("files of at most 1 MB", id="file size limit")
    yield pytest.param("a disk of 2 MB", id="small disk")


@pytest.fixture(params=full_disks())
def little_space(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Any]]:
    """A folder, with the limit to put on a file's size or a way to make more space there."""
    if request.param.startswith("files"):
        yield tmp_path, 1_000_000
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield disk, None
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_gives_a_clear_error_and_an_intact_catalogue(
    little_space: tuple[Path, int | None], processes: ForkServerContext
) -> None:
    folder, limit = little_space
    path = folder / "catalogue"
    LocalIndex.create(path, dim=DIM, metric="manhattan").close()
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(
        target=writing_process.write_until_the_disk_is_full, args=(path, limit, theirs)
    )
    process.start()
    message, acknowledged = ours.recv()
    process.join()
    assert "disk" in message
    assert str(path) in message
    assert len(acknowledged) > 100
    if limit is None:
        subprocess.run(["mount", "-o", "remount,size=20m", folder], check=True)
    with LocalIndex.open(path) as index:
        assert index.verify() == []
        assert list(index) == acknowledged
        index.add(["later"], np.ones((1, DIM)))
        assert len(index) == len(acknowledged) + 1


@pytest.mark.parametrize("step", ["fsync", "replace", "mkdir", "write"])
def test_a_segment_that_cannot_be_written_leaves_the_catalogue_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 1)
    for nth in range(100):
        path = tmp_path / f"catalogue{nth}"
        with LocalIndex.create(path, dim=DIM, metric="manhattan") as index:
            before = {} if step == "mkdir" else {"old": 0}
            index.add(list(before), np.zeros((len(before), DIM)), [{"number": 0}] * len(before))
            with monkeypatch.context() as broken:
                calls = fail_at(broken, step, nth)
                failure = None
                try:
                    index.add(["new"], np.ones((1, DIM)), [{"number": 1}])
                except CatalogueError as error:
                    failure = str(error)
            if len(calls) <= nth:
                break
            assert failure is not None
            assert "disk is full" in failure
            assert list(index) == list(before)
            assert not list(path.rglob(f"*{durable.PARTIAL}"))
            index.add(["newer"], np.full((1, DIM), 2), [{"number": 2}])
        assert contents(path) == before | {"newer": 2}
        files = {int(file.name[:8]) for file in (path / "segments").iterdir()}
        assert len(files) == 1, "what the failed add left is swept"
    assert nth > 0


def fail_at(patch: pytest.MonkeyPatch, step: str, nth: int) -> list[object]:
    owner, name = {
        "fsync": (os, "fsync"),
        "replace": (Path, "replace"),
        "mkdir": (Path, "mkdir"),
        "write": (durable, "write"),
    }[step]
    real: Callable[..., Any] = getattr(owner, name)
    calls: list[object] = []

    def failing(*arguments: Any, **more: Any) -> Any:
        calls.append(arguments)
        if len(calls) == nth + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **more)

    patch.setattr(owner, name, failing)
    return calls


def test_a_segment_is_on_the_disk_before_the_database_names_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "RECENT_BYTES", 1)
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(handle: int) -> None:
        order.append(f"flush {Path(f'/proc/self/fd/{handle}').readlink().name}")
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        order.append(f"name {target.name}")
        return replace(self, target)

    with LocalIndex.open(path) as index:
        index.add(["a"], np.zeros((1, DIM)))
        monkeypatch.setattr(os, "fsync", flushed)
        monkeypatch.setattr(Path, "replace", renamed)
        index._database.read(lambda db: db.set_trace_callback(order.append))
        index.add(["b"], np.zeros((1, DIM)))
    names = [step.removeprefix("name ") for step in order if step.startswith("name ")]
    assert len(names) >= 2
    for name in names:
        flush, rename = order.index(f"flush {name}{durable.PARTIAL}"), order.index(f"name {name}")
        folder = order.index("flush segments")
        assert flush < rename < folder < order.index("COMMIT")


@pytest.fixture
def readable_by_all() -> Iterator[Path]:
    """A catalogue in a folder that every user may reach and only its owner may write."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    LocalIndex.create(folder / "catalogue", dim=DIM, metric="manhattan").close()
    yield folder / "catalogue"
    shutil.rmtree(folder)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)
@pytest.mark.parametrize("writer", ["gone", "there", "killed"])
def test_a_catalogue_that_may_not_be_written_is_read_and_its_changes_seen(
    readable_by_all: Path,
    processes: ForkServerContext,
    monkeypatch: pytest.MonkeyPatch,
    writer: str,
) -> None:
    path = readable_by_all
    monkeypatch.setattr(rolling, "RECENT_BYTES", 4 * DIM * 3)
    index = LocalIndex.open(path)
    index.add(list("abcd"), np.arange(4)[:, None] * np.ones(DIM))
    index.add(["e"], np.full((1, DIM), 9))
    if writer == "killed":  # its log is still there, and nobody has it open
        shutil.copytree(path, path.with_name("left"))
        path = path.with_name("left")
    if writer != "there":
        index.close()
    ours, theirs = processes.Pipe()
    process = processes.Process(target=writing_process.read_as_nobody, args=(path, theirs))
    process.start()
    outcome = ours.recv()
    assert outcome["ids"] == list("abcde")
    assert outcome["hits"] == list("abc")
    assert outcome["problems"] == []
    assert "permissions" in outcome["refusal"]
    with LocalIndex.open(path) as again:
        again.add(["f"], np.full((1, DIM), 10))
        again.compact()
    ours.send("changed")
    assert ours.recv() == list("abcdef")
    process.join()
    index.close()
