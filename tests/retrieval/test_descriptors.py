from __future__ import annotations

import pytest

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.descriptors import NORMALISATION, POOLING, Descriptor


def test_one_level_is_left_as_it_is_and_a_fusion_is_balanced() -> None:
    assert Descriptor("low").normalisation == "none"
    assert Descriptor("low+high").normalisation == "l1"
    assert Descriptor("low+high", normalisation="none").normalisation == "none"


def test_it_survives_a_fingerprint() -> None:
    for pooling in POOLING:
        for normalisation in NORMALISATION:
            descriptor = Descriptor("low+mid", pooling, normalisation)
            assert Descriptor(**descriptor.to_dict()) == descriptor


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "gmp"}, "no pooling 'gmp'"),
        ({"pooling": "grid"}, "did you mean 'grid4'"),
        ({"normalisation": "helinger"}, "did you mean 'hellinger'"),
        ({"level": "low+"}, "joined by '\\+'"),
        ({"level": "low+low"}, "different levels"),
        ({"level": ""}, "joined by '\\+'"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Descriptor(**arguments)
