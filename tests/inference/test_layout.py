"""Transposes cancel and the outputs stay, in a process where Keras runs on OpenVINO."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clothzoo.models import list_models

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="the extra `fast` is not installed"
)

SCRIPT = Path(__file__).with_name("layout.py")


def run(*names: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, SCRIPT, *names],
        env={**os.environ, "KERAS_BACKEND": "openvino"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    "names",
    [
        ["inception_residual_cnn", "transfer_mobilenet_v2"],
        pytest.param(list_models(), marks=pytest.mark.long),
    ],
    ids=["two", "all"],
)
def test_a_network_keeps_what_it_computes_and_one_transpose(names: list[str]) -> None:
    lines = [line.split() for line in run(*names)]
    assert [name for name, _, _ in lines] == names
    for name, before, after in lines:
        assert int(before) > 20, name
        assert int(after) == 1, name


def test_what_does_mind_the_order_of_axes_keeps_its_transposes() -> None:
    (line,) = run("odd")
    assert line == "odd"
