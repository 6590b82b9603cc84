"""The filter language, before any engine sees it."""

from __future__ import annotations

import numpy as np
import pytest

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.where import Between, OneOf, parse


def test_no_filter_has_no_conditions() -> None:
    assert parse(None) == parse({}) == ()


def test_the_three_forms() -> None:
    assert parse({"a": "x", "b": [1, None], "c": (0, None)}) == (
        OneOf("a", ("x",)),
        OneOf("b", (1, None)),
        Between("c", 0, None),
    )


def test_numpy_scalars_become_plain() -> None:
    (condition,) = parse({"a": np.int64(3)})
    assert isinstance(condition, OneOf)
    assert type(condition.values[0]) is int


def test_a_range_of_three_suggests_a_list() -> None:
    with pytest.raises(InvalidInput, match="list"):
        parse({"a": (1, 2, 3)})
