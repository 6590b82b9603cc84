"""TOML files read into frozen dataclasses, key for key, and written back."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import tomli_w

from clothzoo.errors import InvalidInput, did_you_mean

Record = TypeVar("Record")


def loads(text: str, kind: type[Record], *, name: str | Path) -> Record:
    """Read a TOML document into a dataclass.

    Args:
        text: the document.
        kind: a dataclass; every field of it is a key that must be there, unless the field may
            be None, and no other key may be. Lists become tuples.
        name: what errors call the document.

    Returns:
        An instance of `kind`.

    Raises:
        InvalidInput: the text is not TOML, a key is missing or unknown, or a value has the
            wrong type; the message names the document and the key.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{name} is not TOML: {error}") from error
    try:
        return cast("Record", _read(kind, table, ""))
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {error}") from error


def dumps(record: Any) -> str:
    """The TOML document that `loads` reads into an equal record; the same bytes every time."""
    return tomli_w.dumps(_plain(record))


def _read(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _read_table(cast("type", kind), value, where)
    outer, inner = get_origin(kind), get_args(kind)
    if outer is UnionType:
        return _read(next(k for k in inner if k is not NoneType), value, where)
    if outer is tuple and isinstance(value, list):
        if inner[-1] is not Ellipsis and len(inner) != len(value):
            raise InvalidInput(f"'{where}' needs {len(inner)} values, not {len(value)}")
        return tuple(_read(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if outer is Mapping and isinstance(value, dict):
        return {key: _read(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is Any:
        return _read(tuple[Any, ...], value, where) if isinstance(value, list) else value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise InvalidInput(f"'{where}' must be {_spoken(kind)}, not {value!r}")
    return value


def _read_table(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise InvalidInput(f"'{where}' must be a table, not {value!r}")
    prefix = f"{where}." if where else ""
    hints = _hints(kind)
    for key in value:
        if key not in hints:
            raise InvalidInput(f"unknown key '{prefix}{key}'{did_you_mean(key, hints)}")
    needed = [k for k, hint in hints.items() if NoneType not in get_args(hint)]
    if missing := [f"'{prefix}{key}'" for key in needed if key not in value]:
        raise InvalidInput(f"missing key{'s' * (len(missing) > 1)} {', '.join(missing)}")
    return kind(**{key: _read(hints[key], item, prefix + key) for key, item in value.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        pairs = ((f.name, getattr(value, f.name)) for f in fields(value))
        return {key: _plain(item) for key, item in pairs if item is not None}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _spoken(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "a list"
    if get_origin(kind) is Mapping:
        return "a table"
    return {str: "a string", int: "an integer", float: "a number", bool: "true or false"}[kind]
