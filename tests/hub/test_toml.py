from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from clothzoo.errors import InvalidInput
from clothzoo.hub import toml


@dataclass(frozen=True)
class Inner:
    size: tuple[int, int]
    ratio: float


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    labels: Mapping[str, tuple[str, ...]]
    anything: Mapping[str, Any]
    rows: tuple[Inner, ...]
    extra: Inner | None = None


RECORD = Outer("a", Inner((1, 2), 0.5), {"t": ("x", "y")}, {"n": (1, 2)}, (Inner((3, 4), 1.0),))
TEXT = toml.dumps(RECORD)


def test_a_record_comes_back_as_it_went() -> None:
    assert toml.loads(TEXT, Outer, name="x") == RECORD
    assert toml.dumps(toml.loads(TEXT, Outer, name="x")) == TEXT


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('name = "a"', "", r"x\.toml: missing key 'name'"),
        ('name = "a"', 'nam = "a"', r"unknown key 'nam'; did you mean 'name'\?"),
        ("ratio = 0.5", 'ratio = "half"', "'inner.ratio' must be a number, not 'half'"),
        ("ratio = 0.5", "ratio = true", "'inner.ratio' must be a number"),
        ("ratio = 0.5", "", "missing key 'inner.ratio'"),
        ("    2,\n", "    2,\n    3,\n", "'inner.size' needs 2 values, not 3"),
        ('name = "a"', "name = 1", "'name' must be a string, not 1"),
        ("[inner]", "[inner", "x.toml is not TOML"),
        ("[[rows]]", "[rows]", "'rows' must be a list"),
    ],
)
def test_what_is_wrong_is_named_with_the_key(before: str, after: str, message: str) -> None:
    assert before in TEXT
    with pytest.raises(InvalidInput, match=message):
        toml.loads(TEXT.replace(before, after, 1), Outer, name="x.toml")


def test_an_integer_serves_as_a_float_but_not_the_other_way_round() -> None:
    assert toml.loads(TEXT.replace("0.5", "2"), Outer, name="x").inner.ratio == 2.0
    with pytest.raises(InvalidInput, match=r"'inner.size\[0\]' must be an integer"):
        toml.loads(TEXT.replace("    1,", "    1.5,", 1), Outer, name="x")
