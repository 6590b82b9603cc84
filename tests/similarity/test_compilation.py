"""Kernels in processes of their own: other processors, other cache folders, forks."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from clothzoo.similarity import METRICS, Gallery

SEARCH = """
import sys
import numpy as np
from clothzoo.similarity import METRICS, Gallery, plain
plain.ALLOWANCE = plain.Allowance(0)
rng = np.random.default_rng(0)
rows, queries = (rng.standard_normal((n, 45)).astype(np.float32) for n in (200, 6))
found = [Gallery(rows, m, codes=True).search(queries, 3) for m in sys.argv[1].split(",")]
np.savez(sys.argv[2], *[a for pair in found for a in pair])
print("modules", *[m for m in sys.modules if m in ("keras", "tensorflow")])
"""


def run(tmp_path, metrics, **environment):
    result = tmp_path / "found.npz"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SEARCH, ",".join(metrics), str(result)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["modules"]
    with np.load(result) as found:
        return list(found.values())


def expected(metrics):
    rng = np.random.default_rng(0)
    rows, queries = (rng.standard_normal((n, 45)).astype(np.float32) for n in (200, 6))
    found = [Gallery(rows, m, codes=True).search(queries, 3) for m in metrics]
    return [a for pair in found for a in pair]


def test_a_search_runs_where_no_cache_folder_can_be_written(tmp_path):
    # A file in the place of a folder cannot be written even by the superuser.
    (tmp_path / "file").touch()
    locked = str(tmp_path / "file" / "cache")
    found = run(
        tmp_path,
        ["cosine"],
        NUMBA_CACHE_DIR=locked,
        NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator",
    )
    np.testing.assert_array_equal(found[0], expected(["cosine"])[0])


@pytest.mark.parametrize(
    "features", [pytest.param("+avx,+avx2,+f16c,+fma", marks=pytest.mark.long), ""]
)
def test_a_plain_processor_finds_the_same(tmp_path, features):
    metrics = ["braycurtis"] if not features else list(METRICS)
    found = run(
        tmp_path,
        metrics,
        NUMBA_CPU_NAME="x86-64" if os.uname().machine == "x86_64" else "generic",
        NUMBA_CPU_FEATURES=features,
        NUMBA_CACHE_DIR=str(tmp_path),
    )
    for a, b in zip(found, expected(metrics), strict=True):
        np.testing.assert_array_equal(a, b)


def test_kernels_are_found_again_on_disk(tmp_path):
    run(tmp_path, ["braycurtis"], NUMBA_CACHE_DIR=str(tmp_path))
    kept = {path.name for path in tmp_path.rglob("*.nbc")}
    assert any("scan_codes" in name for name in kept)
    changed = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
    run(tmp_path, ["braycurtis"], NUMBA_CACHE_DIR=str(tmp_path))
    assert changed == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
