"""The safetensors format, checked before it is believed.

The safetensors library refuses overlaps, holes and trailing bytes but lets duplicate names and
headers of 100 MB pass. What is checked here needs no more memory than the file itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from clothzoo.errors import WeightsCorrupted
from clothzoo.hub.files import sha256

HEADER_LIMIT = 1_000_000
_RANK_LIMIT = 8
_BYTES = {"F16": 2, "F32": 4}


@dataclass(frozen=True)
class Spec:
    """One row of the tensor table: `dtype` is "F16" or "F32"."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Header:
    """What a weights file says of itself.

    Args:
        specs: {name: row}, in the order of the file.
        head: names of the layers that make the network's head.
    """

    specs: Mapping[str, Spec]
    head: tuple[str, ...]

    @property
    def digest(self) -> str:
        """sha256 of the table of names, types and shapes, whatever their order."""
        rows = [[name, spec.dtype, list(spec.shape)] for name, spec in sorted(self.specs.items())]
        return sha256(json.dumps(rows).encode())

    @property
    def parameters(self) -> int:
        """How many numbers the file holds."""
        return sum(math.prod(spec.shape) for spec in self.specs.values())


def encode(tensors: Mapping[str, NDArray[Any]], head: tuple[str, ...]) -> bytes:
    """A weights file as bytes.

    Args:
        tensors: {variable's path: float16 or float32 array}.
        head: names of the layers that make the network's head.

    Returns:
        The same bytes for the same tensors.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return safetensors.numpy.save(arrays, metadata={"head": " ".join(head)})


def header(data: bytes, file: object) -> Header:
    """Check a weights file's header.

    Args:
        data: the whole file.
        file: what errors call it.

    Returns:
        Its table of tensors.

    Raises:
        WeightsCorrupted: anything but a header of at most 1 MB with unique names, types F16 or
            F32, and offsets that cover the rest of the file exactly.
    """

    def refuse(expected: str, found: object) -> NoReturn:
        raise WeightsCorrupted(f"{file} is damaged: expected {expected}, found {found}")

    if len(data) < 8:
        refuse("a safetensors file", f"{len(data)} bytes")
    length = int.from_bytes(data[:8], "little")
    if length > min(HEADER_LIMIT, len(data) - 8):
        refuse(f"a header of at most {HEADER_LIMIT:,} bytes inside the file", f"{length:,} bytes")
    try:
        table = json.loads(data[8 : 8 + length], object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        refuse("a header of JSON with unique names", error)
    if not isinstance(table, dict):
        refuse("a table of tensors", type(table).__name__)
    metadata = table.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        refuse("metadata of strings", "something else")
    end, specs = 0, {}
    for name, row in table.items():
        match row:
            case {
                "dtype": str(dtype),
                "shape": list(shape),
                "data_offsets": [int(start), int(stop)],
            }:
                pass
            case _:
                refuse(f"dtype, shape and data_offsets of {name!r}", "something else")
        if dtype not in _BYTES or len(row) != 3:
            refuse(f"F16 or F32 for {name!r}", f"{dtype!r} and {len(row)} entries")
        if len(shape) > _RANK_LIMIT or not all(type(n) is int and n >= 0 for n in shape):
            refuse(f"a shape of at most {_RANK_LIMIT} sizes for {name!r}", "something else")
        if start != end or stop - start != math.prod(shape) * _BYTES[dtype]:
            refuse(f"{name!r} to start at byte {end} and fill its shape", f"{start} to {stop}")
        end, specs[name] = stop, Spec(dtype, tuple(shape))
    if 8 + length + end != len(data):
        refuse(f"{8 + length + end:,} bytes", f"{len(data):,}")
    return Header(specs, tuple(metadata.get("head", "").split()))


def decode(data: bytes, file: object) -> tuple[Header, dict[str, NDArray[Any]]]:
    """Read a weights file.

    Args:
        data: the whole file.
        file: what errors call it.

    Returns:
        The header and {name: float16 or float32 array}.

    Raises:
        WeightsCorrupted: the header is not sound (see `header`).
    """
    checked = header(data, file)
    try:
        return checked, safetensors.numpy.load(data)
    except safetensors.SafetensorError as error:
        raise WeightsCorrupted(f"{file} is damaged: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name that comes twice")
    return table
