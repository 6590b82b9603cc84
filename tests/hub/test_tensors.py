from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clothzoo.errors import WeightsCorrupted
from clothzoo.hub import presets, tensors
from tests.hub.mutated_files import joined, split
from tests.hub.samples import environment

ARRAYS = {
    "conv/kernel": np.arange(18, dtype=np.float32).reshape(3, 3, 1, 2),
    "head/bias": np.ones(3, np.float16),
}
GOOD = tensors.encode(ARRAYS, ("head",))


def changed(**rows: object) -> bytes:
    table, body = split(GOOD)
    return joined(json.dumps({**table, **rows}).encode(), body)


def test_tensors_come_back_with_their_types_and_the_names_of_the_head() -> None:
    header, arrays = tensors.decode(GOOD, "x")
    assert header.head == ("head",)
    assert header.parameters == 21
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_the_same_tensors_give_the_same_bytes() -> None:
    assert tensors.encode(dict(reversed(ARRAYS.items())), ("head",)) == GOOD


def test_the_tables_digest_follows_names_types_and_shapes_alone() -> None:
    other = {name: array + 1 for name, array in ARRAYS.items()}
    digest = tensors.header(GOOD, "x").digest
    assert tensors.header(tensors.encode(other, ()), "x").digest == digest
    half = {name: array.astype(np.float16) for name, array in ARRAYS.items()}
    assert tensors.header(tensors.encode(half, ()), "x").digest != digest


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a safetensors file, found 0 bytes"),
        ((2_000_000).to_bytes(8, "little") + b" " * 2_000_000, "a header of at most 1,000,000"),
        (GOOD[:-1], "bytes, found"),
        (GOOD + b"\0", "bytes, found"),
        (joined(b'{"a":1,"a":2}', b""), "unique names"),
        (joined(b"[" * 100_000, b""), "JSON"),
        (joined(b"[]", b""), "a table of tensors"),
        (joined(b'{"__metadata__":{"a":1}}', b""), "metadata of strings"),
        (changed(more={"dtype": "I64", "shape": [1], "data_offsets": [78, 86]}), "F16 or F32"),
        (changed(more={"dtype": "F32", "shape": [2**62], "data_offsets": [78, 82]}), "to start"),
        (changed(more={"dtype": "F32", "shape": [0] * 9, "data_offsets": [78, 78]}), "a shape"),
        (changed(more={"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}), "to start at byte"),
        (changed(more={"dtype": "F32", "shape": [1]}), "data_offsets"),
    ],
)
def test_a_header_that_is_not_sound_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(WeightsCorrupted, match=f"weights.file is damaged: .*{message}"):
        tensors.decode(data, "weights.file")


@pytest.mark.parametrize(
    "count", [pytest.param(150, id="150"), pytest.param(2000, id="2000", marks=pytest.mark.long)]
)
def test_no_mutated_file_loads_crashes_or_takes_200_mb(
    copy: Path, tmp_path: Path, count: int
) -> None:
    program = [sys.executable, "-m", "tests.hub.mutated_files", str(copy), str(count)]
    done = subprocess.run(
        program, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "WeightsCorrupted" in done.stdout
    assert (copy / presets.WEIGHTS).stat().st_size > 100_000
    print(done.stdout)
