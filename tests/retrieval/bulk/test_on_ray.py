"""Extraction by a Ray cluster: what one process gives, whoever is killed.

Ray's processes listen on every interface, whatever they are told. So each scenario runs in a
network namespace of its own, which has nothing but its loopback interface.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

pytest.importorskip("ray.data", reason="Ray is not installed")

# On a busy machine Ray would take its own processes, slow to start or to answer, for dead.
_PATIENT = {"RAY_raylet_start_wait_time_s": "900", "RAY_health_check_failure_threshold": "20"}


def _namespace() -> list[str]:
    command = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    return [*command, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


@pytest.fixture(scope="module")
def namespace() -> list[str]:
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("network namespaces need unshare and ip")
    tried = subprocess.run([*_namespace(), "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no network namespace may be made here: {tried.stderr.strip()}")
    return _namespace()


@pytest.mark.parametrize("scenario", ["equality", "driver", "machine", "errors", "networks"])
def test_on_two_machines(scenario: str, namespace: list[str], tmp_path: Path) -> None:
    token = secrets.token_hex(32)
    done = subprocess.run(
        [
            *namespace,
            sys.executable,
            "-m",
            "tests.retrieval.bulk.ray_scenarios",
            scenario,
            tmp_path,
        ],
        env={**os.environ, **_PATIENT, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
