from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.descriptors import (
    NORMALISATION,
    POOLING,
    Descriptor,
    Part,
    Pooling,
    normalised,
)


def test_one_level_is_left_as_it_is_and_a_fusion_is_balanced() -> None:
    assert Descriptor("low").normalisation == "none"
    assert Descriptor("low+high").normalisation == "l1"
    assert Descriptor("low+high", normalisation="none").normalisation == "none"


def test_it_survives_a_fingerprint() -> None:
    for pooling in POOLING:
        for normalisation in NORMALISATION:
            descriptor = Descriptor("low+mid", pooling, normalisation)
            assert Descriptor.from_dict(descriptor.to_dict()) == descriptor


def test_a_fusion_says_how_much_each_part_counts() -> None:
    low, high = Descriptor("low+0.25*high+2*lab", "grid2+gem4.5+avg", "l2+power+l1").parts[:2]
    assert low == Part("low", "grid2", "l2")
    assert high == Part("high", "gem4.5", "power", 0.25)
    assert Pooling.of("gem4.5") == Pooling("gem", p=4.5)
    fused = Descriptor("low+0.25*high").compose([np.array([[2.0, 2.0]]), np.array([[0.0, 8.0]])])
    assert fused.tolist() == [[0.5, 0.5, 0.0, 0.25]]


def test_the_network_is_asked_for_its_own_parts_alone() -> None:
    descriptor = Descriptor("2*low+lab+high", "gem+avg+max", "hellinger")
    assert descriptor.network_part() == Descriptor("low+high", "gem+max", "none")


@given(
    arrays(np.float32, (3, 5), elements=st.floats(-1e3, 1e3, width=32)),
    st.sampled_from(NORMALISATION),
)
def test_a_normalised_vector_forgets_its_scale(vectors: np.ndarray, how: str) -> None:
    found = normalised(vectors, how)
    assert np.isfinite(found).all()
    assert (np.sign(found) * np.sign(vectors) >= 0).all()
    if how != "none":
        size = {"l1": np.abs(found).sum(axis=1)}.get(how, np.linalg.norm(found, axis=1))
        large = np.abs(vectors).max(axis=1) > 1e-3
        np.testing.assert_allclose(size[large], 1, rtol=1e-3)
        np.testing.assert_allclose(normalised(4 * vectors, how)[large], found[large], rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "gmp"}, "no pooling 'gmp'"),
        ({"pooling": "grid"}, "did you mean 'grid4'"),
        ({"normalisation": "helinger"}, "did you mean 'hellinger'"),
        ({"level": "low+"}, "joined by '\\+'"),
        ({"level": "low+low"}, "different levels"),
        ({"level": ""}, "joined by '\\+'"),
        ({"level": "0*low"}, "joined by '\\+'"),
        ({"level": "much*low"}, "joined by '\\+'"),
        ({"pooling": "gem0.5"}, "exponent of at least 1"),
        ({"pooling": "grid0"}, "no pooling 'grid0'"),
        ({"level": "low+high", "pooling": "avg+max+avg"}, "names 3, but level 'low\\+high' has 2"),
        ({"level": "low+lab", "pooling": "max"}, "pooling='max\\+avg'"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Descriptor(**arguments)
