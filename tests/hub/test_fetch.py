"""What can go wrong between the Hub and a model, and what the user sees of it."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clothzoo.errors import InvalidInput, WeightsCorrupted, WeightsNotFound
from clothzoo.hub import presets
from clothzoo.hub.fetch import at_revision, fetch, whereabouts
from clothzoo.hub.presets import Earlier, Preset, Source
from clothzoo.hub.writing import save
from tests.hub.conftest import Asked, Case
from tests.hub.loopback_hub import Fault, LoopbackHub
from tests.hub.samples import environment

_FETCH = """
import sys
from clothzoo.hub import presets
from clothzoo.hub.fetch import fetch
folder = presets.folder(sys.argv[1])
print(fetch(presets.Preset.read(folder), folder).path)
"""


def start(home: Path, name: str, **given: str) -> subprocess.Popen[str]:
    """A process of its own that fetches a preset."""
    return subprocess.Popen(
        [sys.executable, "-c", _FETCH, name],
        env=environment(home, CLOTHZOO_WEIGHTS=str(home / "weights"), **given),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def in_hub_cache(home: Path, preset: Preset) -> Path:
    folder = f"models--{preset.source.repository.replace('/', '--')}"
    return home / "hf" / "hub" / folder / "snapshots" / preset.source.commit / presets.WEIGHTS


class TestHub:
    def test_pulls_the_pinned_commit_and_never_asks_again(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        assert "path" in asked(preset.name)
        assert hub.count("^GET /[0-9a-f]{64}") == 1
        hub.forget()
        assert "path" in asked(preset.name)
        assert hub.requests == []

    def test_a_corrupted_body_of_the_right_size_is_downloaded_again(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        hub.faults = [Fault("GET /[0-9a-f]{64}", "corrupt", times=1)]
        assert "path" in asked(preset.name)
        assert hub.count("^GET /[0-9a-f]{64}") == 2

    def test_a_body_that_stays_corrupted_is_an_error_with_both_hashes(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        hub.faults = [Fault("GET /[0-9a-f]{64}", "corrupt")]
        answer = asked(preset.name)
        assert answer["error"] == "WeightsCorrupted"
        assert preset.sha256 in answer["message"]
        assert "found" in answer["message"]
        assert presets.WEIGHTS in answer["message"]
        hub.forget()
        assert "path" in asked(preset.name)

    def test_a_cached_file_that_went_bad_is_downloaded_again(
        self, hub: LoopbackHub, home: Path, case: Case, asked: Asked
    ) -> None:
        preset = case()
        asked(preset.name)
        cached = in_hub_cache(home, preset).resolve()
        cached.write_bytes(b"x" * cached.stat().st_size)
        hub.forget()
        assert "path" in asked(preset.name)
        assert hub.count("^GET /[0-9a-f]{64}") == 1

    def test_a_truncated_body_is_downloaded_again(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        hub.faults = [Fault("GET /[0-9a-f]{64}", "truncate", times=1)]
        assert "path" in asked(preset.name)

    def test_a_body_that_stays_truncated_is_an_error(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        hub.faults = [Fault("GET /[0-9a-f]{64}", "truncate")]
        answer = asked(preset.name)
        assert answer["error"] == "WeightsCorrupted"
        assert f"should be of size {preset.weights.size}" in answer["message"]
        hub.forget()
        assert "path" in asked(preset.name)

    def test_a_dropped_connection_is_resumed(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        hub.faults = [Fault("GET /[0-9a-f]{64}", "drop", times=1)]
        assert "path" in asked(preset.name)
        assert hub.count("^GET /[0-9a-f]{64}") == 2

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_503_is_named_and_the_next_try_works(
        self, hub: LoopbackHub, case: Case, asked: Asked, method: str
    ) -> None:
        preset = case()
        pattern = "GET /[0-9a-f]{64}" if method == "GET" else "HEAD /zoo"
        hub.faults = [Fault(pattern, 503)]
        answer = asked(preset.name)
        assert answer["error"] == "WeightsNotFound"
        assert "503" in answer["message"]
        hub.forget()
        assert "path" in asked(preset.name)

    def test_503_on_head_that_passes_is_waited_out(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        hub.faults = [Fault("HEAD /zoo", 503, times=3)]
        assert "path" in asked(preset.name)

    def test_a_commit_that_is_not_there_is_an_error_and_no_mirror_is_asked(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case(commit="0" * 40, mirrors=(hub.store,))
        answer = asked(preset.name)
        assert answer["error"] == "WeightsNotFound"
        assert "Revision Not Found" in answer["message"]
        assert hub.count(preset.name + "/" + presets.WEIGHTS) == 0

    def test_a_hub_that_names_another_commit_still_gives_only_verified_bytes(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        hub.faults = [Fault("HEAD /zoo", "wrong-commit")]
        assert "path" in asked(preset.name)
        hub.faults.append(Fault("GET /[0-9a-f]{64}", "corrupt"))
        other = case()
        assert asked(other.name)["error"] == "WeightsCorrupted"

    def test_a_private_repository_asks_for_a_token(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case(private=True)
        answer = asked(preset.name)
        assert answer["error"] == "WeightsNotFound"
        assert "HF_TOKEN" in answer["message"]
        assert "path" in asked(preset.name, HF_TOKEN="hf_reader")

    def test_a_wrong_token_is_an_error(self, hub: LoopbackHub, case: Case, asked: Asked) -> None:
        preset = case()
        answer = asked(preset.name, HF_TOKEN="hf_wrong")
        assert answer["error"] == "WeightsNotFound"
        assert "401" in answer["message"]

    def test_a_file_that_is_missing_on_the_hub_is_an_error(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case()
        del hub.repositories[preset.source.repository].commits[0].files[presets.WEIGHTS]
        answer = asked(preset.name)
        assert answer["error"] == "WeightsNotFound"
        assert "Entry Not Found" in answer["message"]


class TestSources:
    def test_a_mirror_steps_in_when_the_hub_answers_503(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case(mirrors=("http://127.0.0.1:9/dead", hub.store))
        hub.mirror[f"{preset.name}/{presets.WEIGHTS}"] = hub.objects[preset.sha256]
        hub.faults = [Fault("HEAD /zoo", 503)]
        assert "/cache/clothzoo/" in asked(preset.name)["path"]

    def test_a_mirror_does_not_step_in_when_the_hubs_bytes_are_wrong(
        self, hub: LoopbackHub, case: Case, asked: Asked
    ) -> None:
        preset = case(mirrors=(hub.store,))
        hub.mirror[f"{preset.name}/{presets.WEIGHTS}"] = hub.objects[preset.sha256]
        hub.faults = [Fault("GET /[0-9a-f]{64}", "corrupt")]
        assert asked(preset.name)["error"] == "WeightsCorrupted"

    def test_ones_own_sources_come_before_the_hub(
        self, hub: LoopbackHub, case: Case, asked: Asked, sample: Path, tmp_path: Path
    ) -> None:
        preset = case()
        own = tmp_path / "own" / preset.name
        own.mkdir(parents=True)
        (own / presets.WEIGHTS).write_bytes((sample / presets.WEIGHTS).read_bytes())
        answer = asked(preset.name, CLOTHZOO_SOURCES=f"/nowhere, {own.parent}")
        assert answer["path"] == str(own / presets.WEIGHTS)
        assert hub.requests == []

    def test_a_folder_without_the_preset_is_an_error(
        self, case: Case, asked: Asked, tmp_path: Path
    ) -> None:
        answer = asked(case().name, CLOTHZOO_SOURCES=str(tmp_path))
        assert answer["error"] == "WeightsNotFound"
        assert str(tmp_path) in answer["message"]


class TestProcesses:
    def test_eight_at_once_download_once(self, hub: LoopbackHub, home: Path, case: Case) -> None:
        preset = case()
        processes = [start(home, preset.name, HF_ENDPOINT=hub.endpoint) for _ in range(8)]
        outputs = [p.communicate(timeout=60) for p in processes]
        assert [p.returncode for p in processes] == [0] * 8, outputs
        assert hub.count("^GET /[0-9a-f]{64}") == 1

    def test_a_process_killed_midway_leaves_nothing_that_hurts(
        self, hub: LoopbackHub, home: Path, case: Case, asked: Asked
    ) -> None:
        preset = case()
        hub.faults = [Fault("GET /[0-9a-f]{64}", "stall", times=1)]
        process = start(home, preset.name, HF_ENDPOINT=hub.endpoint)
        while not hub.count("^GET /[0-9a-f]{64}"):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not in_hub_cache(home, preset).exists()
        assert "path" in asked(preset.name)

    def test_offline_serves_the_cache_and_says_what_is_missing(
        self, hub: LoopbackHub, home: Path, case: Case, asked: Asked
    ) -> None:
        cached, absent = case(), case(mirrors=(hub.store,))
        asked(cached.name)
        hub.forget()
        both = [start(home, p.name, HF_HUB_OFFLINE="1") for p in (cached, absent)]
        (_, _), (_, said) = [p.communicate(timeout=60) for p in both]
        assert [p.returncode for p in both] == [0, 1]
        assert "WeightsNotFound" in said
        assert "HF_HUB_OFFLINE is set" in said
        assert hub.requests == []

    def test_a_dead_endpoint_matters_only_without_a_cache(
        self, hub: LoopbackHub, home: Path, case: Case, asked: Asked
    ) -> None:
        cached, absent = case(), case()
        asked(cached.name)
        began = time.monotonic()
        process = start(home, cached.name, HF_ENDPOINT=dead_address())
        assert process.communicate(timeout=60)[0]
        assert time.monotonic() - began < 10  # the client alone would try for 20 s

        hub.faults = [Fault("HEAD /zoo", "drop")]
        answer = asked(absent.name)
        assert answer["error"] == "WeightsNotFound"
        hub.forget()
        assert "path" in asked(absent.name)

    @pytest.mark.long
    def test_a_dead_endpoint_without_a_cache_ends_in_a_named_error(
        self, home: Path, case: Case
    ) -> None:
        preset = case()
        process = start(home, preset.name, HF_ENDPOINT=dead_address())
        said = process.communicate(timeout=120)[1]
        assert process.returncode == 1
        assert "WeightsNotFound" in said
        assert "Connection refused" in said

    def test_a_full_disk_is_named_and_the_next_try_works(
        self, hub: LoopbackHub, home: Path, case: Case, asked: Asked, tmp_path: Path
    ) -> None:
        preset, mirrored = case(), case(commit="", mirrors=(hub.store,))
        hub.mirror[f"{mirrored.name}/{presets.WEIGHTS}"] = hub.objects[mirrored.sha256]
        for number, which in enumerate((preset, mirrored)):
            small = tmp_path / str(number)
            small.mkdir()
            mount = f"mount -t tmpfs -o size=200k none {small}"
            code = f"{mount} && exec {sys.executable} -c '{_FETCH}' {which.name}"
            known = {"HF_ENDPOINT": hub.endpoint, "CLOTHZOO_WEIGHTS": str(home / "weights")}
            caches = {"HF_HUB_CACHE": str(small), "XDG_CACHE_HOME": str(small)}
            done = subprocess.run(
                ["unshare", "--map-root-user", "--mount", "sh", "-c", code],
                env={**environment(home, **known), **caches},
                capture_output=True,
                text=True,
                check=False,
            )
            if "unshare" in done.stderr or "mount:" in done.stderr:
                pytest.skip(f"no name space for a small disk: {done.stderr.strip()}")
            assert "CacheUnwritable" in done.stderr, done.stderr
            assert "No space left" in done.stderr
            assert "path" in asked(which.name)


class TestNearby:
    def test_the_presets_own_folder_serves_without_a_network(self, copy: Path) -> None:
        preset = Preset.read(copy)
        assert fetch(preset, copy).path == copy / presets.WEIGHTS
        assert whereabouts(preset, copy) == "bundled"

    @pytest.mark.parametrize("damage", [b"", b"x"])
    def test_a_damaged_file_with_nowhere_to_download_from_is_an_error(
        self, copy: Path, damage: bytes
    ) -> None:
        path = copy / presets.WEIGHTS
        path.write_bytes(path.read_bytes()[:-1] + damage)
        with pytest.raises(WeightsCorrupted, match=r"model\.safetensors .*expected .*found"):
            fetch(Preset.read(copy), copy)

    def test_weights_that_are_nowhere_are_an_error(self, copy: Path) -> None:
        (copy / presets.WEIGHTS).unlink()
        with pytest.raises(WeightsNotFound, match="is not published"):
            fetch(Preset.read(copy), copy)
        assert whereabouts(Preset.read(copy), copy) == "missing"


class TestRevisions:
    def test_an_older_published_one_is_found(
        self, hub: LoopbackHub, home: Path, case: Case, asked: Asked
    ) -> None:
        preset = case()
        source = preset.source
        old = Earlier(1, "first", source.repository, source.commit, preset.sha256, source.record)
        newer = dataclasses.replace(preset, revision=2, source=Source(), earlier=(old,))
        save(newer, home / "weights" / preset.name)
        assert asked(preset.name)["error"] == "WeightsNotFound"
        assert asked(preset.name, revision=1)["sha256"] == preset.sha256
        hub.forget()
        asked(preset.name, revision=1)
        assert hub.requests == []

    def test_a_record_that_was_changed_on_the_hub_is_refused(
        self, hub: LoopbackHub, home: Path, case: Case, asked: Asked
    ) -> None:
        preset = case()
        source = preset.source
        old = Earlier(1, "first", source.repository, source.commit, preset.sha256, "0" * 64)
        newer = dataclasses.replace(preset, revision=2, source=Source(), earlier=(old,))
        save(newer, home / "weights" / preset.name)
        assert asked(preset.name, revision=1)["error"] == "WeightsCorrupted"

    def test_one_that_never_was_is_an_error_that_names_the_known_ones(self, copy: Path) -> None:
        with pytest.raises(InvalidInput, match="has no revision 7; known: 1"):
            at_revision(Preset.read(copy), 7)


def dead_address() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
