"""Mutated weights files against everything that stands before a variable, without Keras.

Run as a program, so that the limit on memory is its own: python mutated_files.py FOLDER COUNT
"""

from __future__ import annotations

import dataclasses
import json
import logging
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clothzoo.errors import ClothzooError, WeightsCorrupted
from clothzoo.hub import presets, tensors
from clothzoo.hub.fetch import fetch
from clothzoo.hub.files import sha256
from clothzoo.hub.filling import assign
from clothzoo.hub.presets import Preset

LIMIT = 200_000_000


@dataclass
class Variable:
    path: str
    shape: tuple[int, ...]

    def assign(self, value: object) -> None:
        raise AssertionError(f"{self.path} was touched")


@dataclass
class Network:
    """What `assign` needs of a model; touching a variable is the failure looked for."""

    weights: list[Variable]
    name: str = "network"


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: bytes, body: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + body


HUGE = st.sampled_from([-1, 0, 2**31, 2**63, 2**64, 10**30, 10**300, True, 1.5, "1", None, []])
NAMES = st.sampled_from(["", "conv1/conv/kernel2", "../../etc/passwd", "\0", "é" * 50, "a" * 9999])


@st.composite
def hostile(draw: st.DrawFn, good: bytes) -> bytes:
    """A file whose header says something else than the good one's."""
    table, body = split(good)
    names = [n for n in table if n != "__metadata__"]
    name = draw(st.sampled_from(names))
    match draw(st.integers(0, 9)):
        case 0:
            other = draw(NAMES)
            table = {other if key == name else key: row for key, row in table.items()}
        case 1:
            table[name]["shape"] = draw(st.lists(HUGE, max_size=12))
        case 2:
            table[name]["data_offsets"] = draw(st.lists(HUGE, max_size=3))
        case 3:
            kinds = ["F64", "I8", "BF16", "F8_E4M3", "", "f16", None, 7, ["F16"]]
            table[name]["dtype"] = draw(st.sampled_from(kinds))
        case 4:
            del table[name]
        case 5:
            table[name] = draw(st.sampled_from([None, [], {}, "x", 5, {"dtype": "F16"}]))
        case 6:
            other = draw(st.sampled_from([n for n in names if n != name]))
            row = json.dumps({other: table[other]})[1:-1].encode()
            return joined(b"{" + row + b"," + json.dumps(table).encode()[1:], body)
        case 7:
            depth = draw(st.integers(10, 300_000))
            opener = draw(st.sampled_from([b"[", b'{"a":', b"9", b'"\\u0000', b" "]))
            return joined((opener * depth)[: tensors.HEADER_LIMIT], body)
        case 8:
            length = draw(st.sampled_from([0, 1, 2**20, 2**31, 2**62, 2**64 - 1, len(good)]))
            return length.to_bytes(8, "little") + good[8:]
        case _:
            extra = draw(st.binary(min_size=1, max_size=100_000))
            return draw(st.sampled_from([good + extra, extra + good, extra, b""]))
    return joined(json.dumps(table).encode(), body)


@st.composite
def flipped(draw: st.DrawFn, good: bytes) -> bytes:
    """A file with a few other bytes, or cut short."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(data) - 1) | st.integers(0, 4000))
        data[place] ^= draw(st.integers(1, 255))
    return bytes(data[: draw(st.just(len(data)) | st.integers(0, len(data)))])


@contextmanager
def limited_memory() -> Iterator[None]:
    """LIMIT bytes more than the process has now; beyond that, MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def check(folder: Path, count: int) -> Counter[str]:
    """Try `count` mutated files.

    Returns:
        {what stopped them: how many}.
    """
    good = (folder / presets.WEIGHTS).read_bytes()
    preset = Preset.read(folder)
    specs = tensors.header(good, "good").specs
    network = Network([Variable(path, spec.shape) for path, spec in specs.items()])
    outcomes: Counter[str] = Counter()

    def refused(action: Callable[[], object], kind: type[Exception]) -> None:
        try:
            with limited_memory():
                action()
        except kind as error:
            outcomes[type(error).__name__] += 1
        else:
            raise AssertionError("a mutated file was taken")

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def mutate(choice: st.DataObject) -> None:
        structural = choice.draw(st.sampled_from([True, True, False]))
        data = choice.draw(hostile(good) if structural else flipped(good))
        if data == good:
            return
        (folder / presets.WEIGHTS).write_bytes(data)
        refused(lambda: fetch(preset, folder, sources=()), WeightsCorrupted)
        if structural:  # and once more as if the record had been forged to match the file
            weights = dataclasses.replace(preset.weights, size=len(data), sha256=sha256(data))
            forged = dataclasses.replace(preset, weights=weights)
            read = fetch(forged, folder, sources=()).data
            refused(lambda: assign(network, read, head=()), ClothzooError)

    mutate()
    (folder / presets.WEIGHTS).write_bytes(good)
    return outcomes


if __name__ == "__main__":
    logging.disable()
    print(dict(check(Path(sys.argv[1]), int(sys.argv[2]))))
