from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import clothzoo.similarity as similarity
from clothzoo.errors import InvalidInput
from tests.similarity.reference import METRICS, distances

WIDTHS = {np.float16: 16, np.float32: 32, np.float64: 64}
SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0**-10, 1000.0, 255.0)


@st.composite
def rows(draw, dims):
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64, np.uint8]))
    if dtype == np.uint8:
        numbers = st.integers(0, 255)
    else:
        # Squares of float64 numbers must neither vanish nor overflow: scipy's would.
        largest, least = {
            np.float16: (2.0**13, 2.0**-14),
            np.float32: (2.0**60, 2.0**-126),
            np.float64: (2.0**200, 2.0**-200),
        }[dtype]
        size = st.floats(least, largest, width=WIDTHS[dtype])
        numbers = st.sampled_from(SPECIAL) | size | size.map(lambda x: -x)
    array = draw(arrays(dtype, (draw(st.integers(1, 6)), dims), elements=numbers))
    layout = draw(st.sampled_from(["C", "F", "every second row", "every second column"]))
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "every second row":
        return np.repeat(array, 2, axis=0)[::2]
    if layout == "every second column":
        return np.repeat(array, 2, axis=1)[:, ::2]
    return array


@st.composite
def two_sets(draw):
    dims = draw(st.sampled_from([1, 2, 7, 8, 16, 17, 33]))
    x = draw(rows(dims))
    # Some rows of X again, so that equal and nearly equal rows meet.
    y = draw(rows(dims) | st.just(x) | st.just(-x.astype(np.float64)))
    return x, y


@settings(max_examples=150, deadline=None)
@given(two_sets(), st.sampled_from(METRICS))
def test_a_matrix_agrees_with_scipy_in_float64(sets, metric):
    x, y = sets
    found = similarity.pairwise_distances(x, y, metric=metric)
    assert found.dtype == np.float64
    # Below 1e-13 the reference's own unit vectors have no six digits left.
    floor = 1e-13 if metric == "cosine" else 0.0
    np.testing.assert_allclose(found, distances(x, y, metric), rtol=1e-6, atol=floor)


@settings(max_examples=40, deadline=None)
@given(rows(9), st.sampled_from(METRICS))
def test_a_set_against_itself_is_symmetric_with_a_zero_diagonal(x, metric):
    found = similarity.pairwise_distances(x, metric=metric)
    assert not np.diag(found).any()
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("metric", METRICS)
def test_the_short_forms_are_the_long_one(metric):
    rng = np.random.default_rng(0)
    x, y = rng.random((3, 20)), rng.random((4, 20))
    expected = similarity.pairwise_distances(x, y, metric=metric)
    np.testing.assert_array_equal(getattr(similarity, f"{metric}_distances")(x, y), expected)
    assert getattr(similarity, metric)(x[2], y[1]) == expected[2, 1]


@pytest.mark.parametrize("metric", METRICS)
def test_six_digits_are_left_between_near_duplicates_of_313600_dims(metric):
    rng = np.random.default_rng(1)
    v = rng.random(313_600, dtype=np.float32)
    u = v * (1 + 3e-7 * rng.standard_normal(v.size)).astype(np.float32)
    assert 0 < np.abs(u - v).max() < 3e-6
    wide = np.asarray(np.stack([u, v]), np.longdouble)
    difference, total = np.abs(wide[0] - wide[1]), np.abs(wide[0] + wide[1])
    units = wide / np.sqrt((wide**2).sum(axis=1, keepdims=True))
    expected = {
        "manhattan": difference.sum(),
        "euclidean": np.sqrt((difference**2).sum()),
        "braycurtis": difference.sum() / total.sum(),
        "cosine": ((units[0] - units[1]) ** 2).sum() / 2,
    }[metric]
    assert getattr(similarity, metric)(u, v) == pytest.approx(float(expected), rel=1e-6, abs=0)
    _, found = similarity.nearest(u, np.stack([v, u + 1]), k=1, metric=metric)
    assert found[0, 0] == pytest.approx(float(expected), rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("metric", "u", "v", "expected"),
    [
        ("braycurtis", [0, 0], [0, 0], 0.0),
        ("braycurtis", [1, -2], [-1, 2], np.inf),
        ("braycurtis", [0, 0], [1, 0], 1.0),
        ("cosine", [0, 0], [0, 0], 0.0),
        ("cosine", [0, 0], [1, 0], 1.0),
        ("cosine", [1, 2], [3, 6], 0.0),
        ("cosine", [1, 2], [-1, -2], 2.0),
        ("euclidean", [1e-100, 0], [0, 0], 1e-100),
        ("manhattan", [1e140, 0], [0, 1e140], 2e140),
    ],
)
def test_edge_values(metric, u, v, expected):
    assert getattr(similarity, metric)(u, v) == pytest.approx(expected, rel=1e-12, abs=1e-30)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("metric", METRICS)
def test_a_number_that_cannot_be_used_is_refused_with_its_row(metric, bad):
    x = np.ones((5, 3))
    x[3, 1] = bad
    with pytest.raises(InvalidInput, match="row 3 of X"):
        similarity.pairwise_distances(x, np.ones((2, 3)), metric=metric)
    with pytest.raises(InvalidInput, match="row 3 of Y"):
        similarity.pairwise_distances(np.ones((2, 3)), x, metric=metric)


def test_what_does_not_fit_is_named():
    with pytest.raises(InvalidInput, match="did you mean 'braycurtis'"):
        similarity.pairwise_distances([[1.0]], metric="braycurtiss")
    with pytest.raises(InvalidInput, match="Y has 2 dims where 3 are needed"):
        similarity.manhattan_distances(np.ones((1, 3)), np.ones((1, 2)))
    with pytest.raises(InvalidInput, match="u has shape"):
        similarity.cosine([[1.0]], [1.0])
    with pytest.raises(InvalidInput, match="complex"):
        similarity.euclidean([1j], [1.0])
