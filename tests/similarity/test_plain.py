"""Without the kernels: the same numbers, bit for bit, and a process that never loads them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clothzoo.similarity import Gallery, pairwise_distances, plain
from tests.similarity.reference import METRICS
from tests.similarity.test_gallery import KINDS, sets
from tests.similarity.test_pairwise import two_sets

PLENTY = 1 << 40

SEARCHES = """
import sys
import numpy as np
from clothzoo.similarity import METRICS, Gallery, nearest, pairwise_distances
rows = np.random.default_rng(0).random((300, 40), np.float32)
for metric in METRICS:
    nearest(rows[:3], rows, metric=metric)
    pairwise_distances(rows[:3], rows, metric=metric)
assert "numba" not in sys.modules
for _ in range(40):
    Gallery(rows, codes=False).search(rows)
assert "numba" in sys.modules
"""


@settings(max_examples=150, deadline=None)
@given(two_sets(), st.sampled_from(METRICS))
def test_a_matrix_is_that_of_the_kernels(sets, metric):
    x, y = sets
    compiled = pairwise_distances(x, y, metric=metric)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "ALLOWANCE", plain.Allowance(PLENTY))
        np.testing.assert_array_equal(pairwise_distances(x, y, metric=metric), compiled)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8])
def test_a_search_is_that_of_the_kernels(monkeypatch, metric, kind, dtype):
    rows, queries = sets(kind, dtype, count=1100, dims=83)
    gallery = Gallery(rows, metric, codes=False)
    mask = np.random.default_rng(2).random(len(rows)) < 0.3
    for allowed in (None, mask):
        compiled = gallery.search(queries, 10, allowed)
        with monkeypatch.context() as patch:
            patch.setattr(plain, "ALLOWANCE", plain.Allowance(PLENTY))
            found = gallery.search(queries, 10, allowed)
        np.testing.assert_array_equal(found[0], compiled[0])
        np.testing.assert_array_equal(found[1], compiled[1])


def test_the_compiler_is_loaded_when_it_has_been_worth_it_and_not_before():
    subprocess.run([sys.executable, "-W", "error", "-c", SEARCHES], check=True)


def test_an_allowance_that_was_exceeded_once_is_spent():
    allowance = plain.Allowance(100)
    assert allowance.covers(60)
    assert not allowance.covers(60)
    assert not allowance.covers(1)
