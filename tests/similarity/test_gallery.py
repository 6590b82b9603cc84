from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clothzoo.errors import InvalidInput
from clothzoo.similarity import Gallery, nearest, pairwise_distances
from clothzoo.similarity.scanner import Scanner
from tests.similarity.reference import METRICS, distances, ranking

DIFFERENCES = ("manhattan", "braycurtis")


def sets(kind, dtype, count=300, dims=40, queries=7, seed=0):
    """A gallery and queries that make trouble in one way or another."""
    rng = np.random.default_rng(seed)
    rows = rng.random((count + queries, dims)) * 200
    if kind == "near ties":
        rows = rows[:1] + rng.integers(0, 2, rows.shape) * 1e-4
    elif kind == "duplicates":
        rows = rows[rng.integers(0, min(9, len(rows)), len(rows))]
    elif kind == "constant rows":
        rows = np.repeat(rng.integers(0, 4, len(rows)), dims).reshape(-1, dims) * 50.0
    elif kind == "huge range":
        rows = 10.0 ** rng.uniform(-4, 2.3, rows.shape)
    elif kind == "outliers":
        rows[rng.integers(0, len(rows), 9), rng.integers(0, dims, 9)] = 6e4
    elif kind == "far from zero":
        rows = 6e4 + rows * 1e-2
    elif kind == "sparse":
        rows *= rng.random(rows.shape) < 0.05
    if dtype == np.uint8:
        rows = np.clip(rows, 0, 255)
    elif kind == "signed":
        rows -= 100
    rows = rows.astype(dtype)
    return rows[:count], rows[count:]


KINDS = (
    "uniform",
    "signed",
    "near ties",
    "duplicates",
    "constant rows",
    "huge range",
    "outliers",
    "far from zero",
    "sparse",
)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8])
def test_a_search_is_the_sorted_matrix_of_float64_distances(metric, kind, dtype):
    gallery, queries = sets(kind, dtype)
    mask = np.random.default_rng(2).random(len(gallery)) < 0.3
    matrix = pairwise_distances(queries, gallery, metric=metric)
    for codes in (False, True) if metric in DIFFERENCES else (False,):
        prepared = Gallery(gallery, metric, codes=codes)
        for allowed in (None, mask):
            for count in (1, len(queries)):
                indices, found = prepared.search(queries[:count], 10, allowed)
                expected = ranking(matrix[:count], 10, allowed)
                np.testing.assert_array_equal(found, expected[1])
                np.testing.assert_array_equal(indices, expected[0])
    floor = 1e-13 if metric == "cosine" else 0.0
    reference = distances(queries, gallery, metric)
    np.testing.assert_allclose(matrix, reference, rtol=1e-6, atol=floor)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_codes_never_change_a_result(data):
    metric = data.draw(st.sampled_from(DIFFERENCES))
    kind = data.draw(st.sampled_from(KINDS))
    count, dims = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 70))
    gallery, queries = sets(kind, np.float32, count, dims, 5, data.draw(st.integers(0, 99)))
    if data.draw(st.booleans()):
        queries = gallery[: len(queries)]
    k = data.draw(st.integers(1, 12))
    plain = Gallery(gallery, metric, codes=False).search(queries, k)
    coded = Gallery(gallery, metric, codes=True).search(queries, k)
    np.testing.assert_array_equal(coded[0], plain[0])
    np.testing.assert_array_equal(coded[1], plain[1])


def test_a_query_falls_back_to_the_rows_where_codes_are_too_coarse(monkeypatch):
    rng = np.random.default_rng(0)
    gallery = rng.random((20_000, 32), dtype=np.float32)
    gallery[::2, 0] = 1e6  # the grid cannot hold these and tell the rest apart
    gallery[::2, 1:] *= 1e3
    coded = Gallery(gallery, codes=True)
    queries = gallery[1:20:2] + np.float32(1e-3)
    refined = []

    scan = Scanner._scan

    def watched(scanner, *others):
        best = scan(scanner, *others)
        refined.append(max(int(b.refined.max()) for b in best))
        return best

    monkeypatch.setattr(Scanner, "_scan", watched)
    indices, found = coded.search(queries, 1, threads=1)
    assert len(refined) == 2
    assert refined[0] > coded._scanner()._allowance(1)
    plain = Gallery(gallery, codes=False).search(queries, 1)
    np.testing.assert_array_equal(indices, plain[0])
    np.testing.assert_array_equal(found, plain[1])


def test_codes_are_dropped_where_they_do_not_pay():
    rng = np.random.default_rng(0)
    even = rng.random((4096, 64), dtype=np.float32)
    coarse = even.copy()
    coarse[::4] *= 1e6  # which leaves one code for all the rest
    assert Gallery(even).prepared.codes is not None
    assert Gallery(coarse).prepared.codes is None


@pytest.mark.parametrize("metric", METRICS)
def test_long_rows_are_summed_in_pieces(metric):
    rng = np.random.default_rng(3)
    gallery = rng.random((40, 5_003), dtype=np.float32)
    queries = gallery[[7, 3]] + rng.random((2, 5_003), dtype=np.float32) * 1e-5
    for array in (gallery, gallery.astype(np.float64)):
        matrix = pairwise_distances(queries, array, metric=metric)
        indices, found = Gallery(array, metric, codes=metric in DIFFERENCES).search(queries, 4)
        np.testing.assert_array_equal(indices, ranking(matrix, 4)[0])
        np.testing.assert_array_equal(found, ranking(matrix, 4)[1])


@pytest.mark.parametrize("metric", METRICS)
def test_numbers_that_float32_cannot_sum_are_summed_in_float64(metric):
    rng = np.random.default_rng(4)
    gallery = (rng.random((90, 20)) * 3e38).astype(np.float32)
    for queries in (gallery[:3] * np.float32(0.9), rng.random((3, 20)) * 1e100):
        matrix = pairwise_distances(queries, gallery, metric=metric)
        indices, _ = Gallery(gallery, metric).search(queries, 5)
        np.testing.assert_array_equal(indices, ranking(matrix, 5)[0])


@pytest.mark.parametrize("metric", METRICS)
def test_tiny_numbers_are_told_apart(metric):
    rng = np.random.default_rng(5)
    gallery = (rng.random((90, 20)) * 1e-36).astype(np.float32)
    matrix = pairwise_distances(gallery[:4], gallery, metric=metric)
    indices, _ = Gallery(gallery, metric).search(gallery[:4], 5)
    np.testing.assert_array_equal(indices, ranking(matrix, 5)[0])


@pytest.mark.parametrize("metric", METRICS)
def test_zero_rows_and_zero_queries_keep_their_places(metric):
    gallery = np.zeros((30, 12), np.float32)
    gallery[10:20] = np.random.default_rng(6).standard_normal((10, 12))
    queries = np.concatenate([gallery[:1], gallery[12:14], -gallery[12:13]])
    matrix = distances(queries, gallery, metric)
    indices, found = Gallery(gallery, metric).search(queries, 30)
    np.testing.assert_allclose(found, ranking(matrix, 30)[1], rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(indices[0, :20], [*range(10), *range(20, 30)])


def test_ties_go_to_the_lower_index_whatever_the_threads():
    rows = np.ones((5_000, 64), np.float32)
    for threads in (1, 2, 5):
        indices, found = Gallery(rows).search(rows[:3], 20, threads=threads)
        np.testing.assert_array_equal(indices, np.tile(np.arange(20), (3, 1)))
        assert not found.any()


@pytest.mark.parametrize("codes", [False, True])
def test_only_rows_that_the_mask_allows_are_found(codes):
    rng = np.random.default_rng(7)
    gallery = Gallery(rng.random((1000, 33), dtype=np.float32), codes=codes)
    mask = np.zeros(1000, bool)
    assert gallery.search(rng.random(33), 5, mask)[0].shape == (1, 0)
    mask[[3, 999]] = True
    indices, found = gallery.search(rng.random((4, 33)), 5, mask)
    assert indices.shape == found.shape == (4, 2)
    assert set(indices.ravel()) == {3, 999}


def test_k_beyond_the_gallery_gives_every_row():
    gallery = np.random.default_rng(8).random((70, 9))
    indices, _ = nearest(gallery[0], gallery, k=1000)
    assert sorted(indices[0]) == list(range(70))
    assert Gallery(np.empty((0, 4))).search(np.ones(4))[0].shape == (1, 0)
    assert Gallery(gallery).search(np.empty((0, 9)))[0].shape == (0, 10)


def test_many_queries_are_searched_in_portions_with_the_same_result():
    rng = np.random.default_rng(9)
    gallery, queries = rng.random((200, 16)), rng.random((301, 16))
    indices, _ = nearest(queries, gallery, k=3)
    matrix = pairwise_distances(queries, gallery, metric="braycurtis")
    np.testing.assert_array_equal(indices, ranking(matrix, 3)[0])


def test_four_python_threads_search_one_gallery_at_once():
    rng = np.random.default_rng(10)
    gallery = Gallery(rng.random((3000, 64), dtype=np.float32))
    queries = rng.random((9, 64), dtype=np.float32)
    expected = gallery.search(queries)
    wrong = []

    def search():
        for _ in range(20):
            found = gallery.search(queries, threads=2)
            if not all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)):
                wrong.append(found)

    users = [threading.Thread(target=search) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert not wrong


def test_what_cannot_be_searched_is_named():
    gallery = Gallery(np.ones((5, 3)))
    with pytest.raises(InvalidInput, match="queries has 2 dims where 3"):
        gallery.search([1.0, 2.0])
    queries = np.ones((201, 3))
    queries[200, 0] = np.nan
    with pytest.raises(InvalidInput, match="row 200 of queries"):
        gallery.search(queries)
    with pytest.raises(InvalidInput, match="row 1 of the gallery"):
        Gallery([[1.0], [np.inf]])
    with pytest.raises(InvalidInput, match=r"mask is int64 of shape \(5,\)"):
        gallery.search(np.ones(3), mask=np.ones(5, np.int64))
    with pytest.raises(InvalidInput, match="k=0"):
        gallery.search(np.ones(3), k=0)
    with pytest.raises(InvalidInput, match="threads=0"):
        gallery.search(np.ones(3), threads=0)
    with pytest.raises(InvalidInput, match="'cosinus'; did you mean 'cosine'"):
        Gallery(np.ones((5, 3)), "cosinus")
