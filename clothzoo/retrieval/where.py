"""The filter language of `Index.search(where=…)`, parsed and checked.

An index turns the conditions into its own engine's terms with bound parameters; none of the
user's text ever becomes part of a statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.hits import Scalar
from clothzoo.retrieval.index import Where, checked_scalar


@dataclass(frozen=True, slots=True)
class OneOf:
    """The attribute equals one of the values; None stands for null or absent."""

    name: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The attribute lies in [low, high], both numbers or both strings; None is an open end."""

    name: str
    low: str | float | None
    high: str | float | None


Condition: TypeAlias = OneOf | Between


def parse(where: Where | None) -> tuple[Condition, ...]:
    """Turn a user's filter into conditions that must all hold.

    Args:
        where: name → value | list or set of values | (low, high); None for no filter.

    Returns:
        The conditions, hashable, in the order given.

    Raises:
        InvalidInput: an entry is none of the three forms.

    Example:
        >>> parse({"category": "dress", "price": (0, 50)})
        (OneOf(name='category', values=('dress',)), Between(name='price', low=0, high=50))
    """
    return tuple(_condition(name, wanted) for name, wanted in (where or {}).items())


def _condition(name: Any, wanted: Any) -> Condition:
    if not isinstance(name, str):
        raise InvalidInput(f"where: {name!r} cannot name an attribute; names are strings")
    if isinstance(wanted, tuple):
        return _between(name, wanted)
    if isinstance(wanted, list | set | frozenset):
        return OneOf(name, tuple(checked_scalar(name, value) for value in wanted))
    return OneOf(name, (checked_scalar(name, wanted),))


def _between(name: str, wanted: tuple[Any, ...]) -> Between:
    ends = [checked_scalar(name, end) for end in wanted]
    given = [end for end in ends if end is not None]
    of_one_kind = all(isinstance(end, str) for end in given) or not any(
        isinstance(end, str) for end in given
    )
    if len(ends) != 2 or not given or not of_one_kind:
        raise InvalidInput(
            f"where: {name!r} is asked for {wanted!r}; a tuple is a range (low, high) of two "
            "numbers or two strings, one of which may be None; write a list for 'one of these'"
        )
    return Between(name, *ends)
