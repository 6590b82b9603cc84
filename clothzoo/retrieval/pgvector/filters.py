"""A filter's conditions as terms of SQL: fixed text, and the user's values as parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from clothzoo.retrieval.hits import Scalar
from clothzoo.retrieval.index import encodable
from clothzoo.retrieval.where import Between, Condition, OneOf

_EQUAL = "terms @> ANY(%s::text[]::jsonb[])"
_ABSENT = f"(NOT terms ? %s::text OR {_EQUAL})"
_OF_KIND = "jsonb_typeof(terms -> %s::text) = %s"
_NUMBER = "terms -> %s::text {} %s::text::jsonb"
_STRING = '(terms ->> %s::text) COLLATE "C" {} %s::text'


def term(value: Scalar) -> Scalar:
    """A value such that equal values are equal JSON: True is 1, and 2.0 is 2."""
    if isinstance(value, bool) or (
        isinstance(value, float) and value.is_integer() and abs(value) < 2**63
    ):
        return int(value)
    return value


def matching(conditions: Iterable[Condition]) -> tuple[list[str], list[Any]]:
    """The terms that must all hold, and the parameters of their placeholders."""
    texts: list[str] = []
    values: list[Any] = []
    for condition in conditions:
        if not _possible(condition.name):  # no item has it, and the server would not read it
            absent = isinstance(condition, OneOf) and None in condition.values
            texts.append("true" if absent else "false")
            continue
        parts = _between(condition) if isinstance(condition, Between) else [_one_of(condition)]
        for text, *parameters in parts:
            texts.append(text)
            values += parameters
    return texts, values


def _possible(name: str) -> bool:
    return "\0" not in name and encodable(name)


def _one_of(condition: OneOf) -> tuple[Any, ...]:
    wanted = [
        json.dumps({condition.name: term(value)}) for value in condition.values if value is not None
    ]
    if None in condition.values:
        return _ABSENT, condition.name, wanted
    return _EQUAL, wanted


def _between(condition: Between) -> Iterable[tuple[Any, ...]]:
    text = isinstance(condition.low if condition.low is not None else condition.high, str)
    yield _OF_KIND, condition.name, "string" if text else "number"
    for sign, end in ((">=", condition.low), ("<=", condition.high)):
        if end is not None:
            form = _STRING if text else _NUMBER
            yield form.format(sign), condition.name, end if text else json.dumps(term(end))
