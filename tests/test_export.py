from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from clothzoo import export as module
from clothzoo.errors import CompilationFailed, ExtraMissing, InvalidInput
from clothzoo.export import FORMATS, export
from tests.hub.samples import write_sample


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("presets")
    write_sample(root)
    return root / "conventional_cnn.sample"


@pytest.mark.parametrize("name", FORMATS)
def test_a_network_is_exported_and_checked(name: str, preset: Path, tmp_path: Path):
    target = FORMATS[name]
    if keras.backend.backend() not in target.backends:
        pytest.skip(f"Keras on {keras.backend.backend()} does not write {name}")
    for package, extra in target.needs:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"the extra `{extra}` is not installed")
    out = tmp_path / f"network{target.suffix}"
    assert export(preset, name, out) == out
    assert out.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with pytest.raises(InvalidInput, match="exists already"):
        export(preset, name, out)


def test_two_tasks_are_both_checked():
    kids, category = np.eye(2, dtype=np.float32), np.eye(3, dtype=np.float32)
    module._check_outputs([category, kids], [kids, category], "it")
    with pytest.raises(CompilationFailed, match="differ by 1"):
        module._check_outputs([category, kids], [kids[::-1], category], "it")
    with pytest.raises(CompilationFailed, match="differ by inf"):
        module._check_outputs([category, kids], [category], "it")


def test_an_output_that_differs_leaves_no_file(preset: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "_outputs", lambda model, photos: [np.ones((3, 3), np.float32)])
    with pytest.raises(CompilationFailed, match="gives other probabilities"):
        export(preset, "tf_saved_model", tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_with_a_request_is_said(preset: Path, tmp_path: Path, monkeypatch):
    with pytest.raises(InvalidInput, match="did you mean 'onnx'"):
        export(preset, "onx", tmp_path / "a.onnx")
    with pytest.raises(InvalidInput, match=r"must end in '\.tflite'"):
        export(preset, "litert", tmp_path / "a.lite")
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ExtraMissing, match=r"clothzoo\[onnx\]"):
        export(preset, "onnx", tmp_path / "a.onnx")
