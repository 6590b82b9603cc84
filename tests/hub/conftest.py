"""One Hub, one sample preset and one worker process for all tests of this folder."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from clothzoo.hub import presets
from clothzoo.hub.files import sha256
from clothzoo.hub.presets import Preset, Source
from clothzoo.hub.writing import save
from tests.hub.loopback_hub import LoopbackHub, Repository
from tests.hub.samples import REPOSITORY, environment, write_sample

Case = Callable[..., Preset]
Asked = Callable[..., dict[str, Any]]

# One process that fetches on demand: HF_ENDPOINT is read at import, and each import takes a second.
# Only the client's waits between retries are shortened.
_WORKER = """
import json, sys, os, time
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.02))
from clothzoo.hub import presets
from clothzoo.hub.fetch import at_revision, fetch
for line in sys.stdin:
    wanted = json.loads(line)
    os.environ.update(wanted["environment"])
    try:
        folder = presets.folder(wanted["name"])
        preset = at_revision(presets.Preset.read(folder), wanted["revision"])
        found = fetch(preset, folder if wanted["revision"] is None else None)
        answer = {"path": str(found.path), "sha256": preset.sha256}
    except Exception as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    for key in wanted["environment"]:
        os.environ.pop(key)
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="session")
def hub() -> Iterator[LoopbackHub]:
    with LoopbackHub() as server:
        yield server


@pytest.fixture(autouse=True)
def _clean_hub(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "hub" in request.fixturenames:
        request.getfixturevalue("hub").forget()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of the worker: its caches and the presets that it knows."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "weights").mkdir()
    return folder


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unpublished preset; copy it before changing it."""
    root = tmp_path_factory.mktemp("sample")
    return root / write_sample(root).name


@pytest.fixture(scope="session")
def case(hub: LoopbackHub, home: Path, sample: Path) -> Case:
    """Makes a preset of its own that is on the Hub but not here."""
    numbers = count()

    def make(*, private: bool = False, **source: Any) -> Preset:
        preset = dataclasses.replace(Preset.read(sample), tag=f"case{next(numbers)}")
        repository = Repository(private)
        name = f"zoo/{preset.name}"
        record = dataclasses.replace(preset, source=Source(name)).to_toml().encode()
        weights = (sample / presets.WEIGHTS).read_bytes()
        files = {presets.RECORD: record, presets.WEIGHTS: weights}
        commit = repository.commit(files, preset.name).oid
        hub.repositories[name] = repository
        hub.objects[preset.sha256] = weights
        pinned = {"repository": name, "commit": commit, "record": sha256(record), **source}
        preset = dataclasses.replace(preset, source=Source(**pinned))
        folder = home / "weights" / preset.name
        folder.mkdir()
        save(preset, folder)
        return preset

    return make


@pytest.fixture(scope="session")
def asked(hub: LoopbackHub, home: Path) -> Iterator[Asked]:
    """Fetches a preset in the worker; {"path", "sha256"} or {"error", "message"}."""
    known = {"HF_ENDPOINT": hub.endpoint, "CLOTHZOO_WEIGHTS": str(home / "weights")}
    with subprocess.Popen(
        [sys.executable, "-c", _WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(home, **known),
        text=True,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None

        def ask(name: str, revision: int | None = None, **given: str) -> dict[str, Any]:
            wanted = {"name": name, "revision": revision, "environment": given}
            print(json.dumps(wanted), file=worker.stdin, flush=True)
            return dict(json.loads(worker.stdout.readline()))

        yield ask
        worker.stdin.close()


@pytest.fixture
def copy(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sample that may be changed, known by its name in this process."""
    root = tmp_path / "weights"
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(shutil.copytree(sample, root / sample.name))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    assert (REPOSITORY / "pyproject.toml").is_file()
    return Path(os.path.realpath(REPOSITORY))
