from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clothzoo.errors import SourceUnavailable, WeightsCorrupted, WeightsNotFound
from clothzoo.hub import mirrors
from tests.hub.loopback_hub import Fault, LoopbackHub
from tests.hub.samples import environment

DATA = bytes(range(256)) * 1000


@pytest.fixture
def url(hub: LoopbackHub) -> str:
    hub.mirror["a/model.safetensors"] = DATA
    return f"{hub.store}/a/model.safetensors"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights" / "a" / "x.safetensors"


def get(url: str, target: Path, *, fresh: bool = False) -> bytes:
    return mirrors.download(url, target, len(DATA), fresh=fresh).read_bytes()


def test_a_file_is_downloaded_once(hub: LoopbackHub, url: str, target: Path) -> None:
    assert get(url, target) == DATA
    assert get(url, target) == DATA
    assert hub.count("GET /a/") == 1
    assert get(url, target, fresh=True) == DATA
    assert hub.count("GET /a/") == 2


def test_a_dropped_connection_is_resumed_where_it_broke_off(
    hub: LoopbackHub, url: str, target: Path
) -> None:
    hub.faults = [Fault("GET /a/", "drop", times=2)]
    assert get(url, target) == DATA
    assert hub.count("GET /a/") == 3


def test_a_connection_that_keeps_dropping_is_resumed_by_the_next_try(
    hub: LoopbackHub, url: str, target: Path
) -> None:
    hub.faults = [Fault("GET /a/", "drop", times=3)]
    with pytest.raises(SourceUnavailable, match="a/model"):
        get(url, target)
    assert not target.exists()
    assert target.with_suffix(".part").stat().st_size > len(DATA) / 2
    assert get(url, target) == DATA


def test_a_server_that_ignores_ranges_starts_from_the_beginning(
    hub: LoopbackHub, url: str, target: Path
) -> None:
    hub.faults = [Fault("GET /a/", "drop", times=1), Fault("GET /a/", "no-range", times=1)]
    assert get(url, target) == DATA
    assert hub.count("GET /a/") == 2


def test_a_part_that_is_longer_than_the_file_is_thrown_away(
    hub: LoopbackHub, url: str, target: Path
) -> None:
    target.parent.mkdir(parents=True)
    target.with_suffix(".part").write_bytes(b"x" * (len(DATA) - 1))
    hub.mirror["a/model.safetensors"] = DATA[:-1]
    with pytest.raises(WeightsNotFound, match="416"):
        get(url, target)
    hub.mirror["a/model.safetensors"] = DATA
    assert get(url, target) == DATA


def test_more_bytes_than_announced_are_never_written(
    hub: LoopbackHub, url: str, target: Path
) -> None:
    hub.mirror["a/model.safetensors"] = DATA * 100
    with pytest.raises(WeightsCorrupted, match="expected 256,000 bytes, found more"):
        get(url, target)
    assert target.with_suffix(".part").stat().st_size <= len(DATA)


@pytest.mark.parametrize(
    ("status", "error"), [(503, SourceUnavailable), (404, WeightsNotFound), (401, WeightsNotFound)]
)
def test_only_a_server_error_lets_the_next_source_try(
    hub: LoopbackHub, url: str, target: Path, status: int, error: type[Exception]
) -> None:
    hub.faults = [Fault("GET /a/", status)]
    with pytest.raises(error, match=str(status)):
        get(url, target)


def test_a_dead_address_is_unavailable(target: Path) -> None:
    with pytest.raises(SourceUnavailable, match="refused"):
        get("http://127.0.0.1:9/a", target)


def test_a_process_killed_midway_is_continued_by_the_next(
    hub: LoopbackHub, url: str, target: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from clothzoo.hub import mirrors\n"
        f"mirrors.download({url!r}, Path({str(target)!r}), {len(DATA)}, fresh=False)"
    )
    hub.faults = [Fault("GET /a/", "stall", times=1)]
    process = subprocess.Popen([sys.executable, "-c", code], env=environment(tmp_path))
    part = target.with_suffix(".part")
    while not part.is_file() or part.stat().st_size == 0:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert get(url, target) == DATA
    assert hub.count("GET /a/") == 2


def test_eight_processes_download_once(
    hub: LoopbackHub, url: str, target: Path, tmp_path: Path
) -> None:
    code = (
        "from pathlib import Path; from multiprocessing import get_context\n"
        "from clothzoo.hub import mirrors\n"
        "def get(_):\n"
        f"    p = mirrors.download({url!r}, Path({str(target)!r}), {len(DATA)}, fresh=False)\n"
        "    return p.stat().st_size\n"
        "with get_context('fork').Pool(8) as pool:\n"
        f"    assert pool.map(get, range(8), 1) == [{len(DATA)}] * 8"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(tmp_path), check=True)
    assert hub.count("GET /a/") == 1
