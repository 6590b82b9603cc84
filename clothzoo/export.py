"""A preset's network in the formats of other runtimes, checked for equal outputs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import CompilationFailed, InvalidInput, did_you_mean
from clothzoo.inference.processor import core
from clothzoo.optional import require

if TYPE_CHECKING:
    import keras

TOLERANCE = 1e-4
"""The largest difference of a probability between Keras and an exported network."""

_PHOTOS = 3


@dataclass(frozen=True)
class Format:
    """A format that networks are exported to.

    Args:
        suffix: of its file; "" for a folder.
        run: (file, batch) → outputs, in any order.
        needs: (module, extra) of clothzoo that writes and reads it.
        backends: the Keras backends that can write it.
    """

    suffix: str
    run: Callable[[Path, NDArray[np.float32]], list[NDArray[np.float32]]]
    needs: tuple[tuple[str, str], ...]
    backends: tuple[str, ...]


def export(preset: str | Path, format: str, out: str | Path) -> Path:  # noqa: A002 - Keras's name
    """Write a preset's network for another runtime.

    The file takes what `preset.preprocessing` makes of photos, and gives the probabilities that
    Keras gives: that is checked on drawn garments before it gets its name.

    Args:
        preset: a preset's name or folder.
        format: "onnx", "openvino", "litert" or "tf_saved_model".
        out: the file (`.onnx`, `.xml` with a `.bin` beside it, `.tflite`), or the folder of a
            SavedModel. It must not exist yet.

    Returns:
        `out`.

    Raises:
        InvalidInput: there is no such format, the backend cannot write it, `out` exists or has
            another suffix.
        PresetNotFound: no preset has that name.
        ExtraMissing: a package for this format is not installed; the message names the extra.
        CompilationFailed: the exported network's outputs differ, or there are none.
    """
    out = Path(out)
    if format not in FORMATS:
        raise InvalidInput(f"no format {format!r}{did_you_mean(format, FORMATS)}")
    target = FORMATS[format]
    if out.suffix != target.suffix and target.suffix:
        raise InvalidInput(f"a file in the format {format} must end in {target.suffix!r}: {out}")
    if out.exists() or out.with_suffix(".bin").exists():
        raise InvalidInput(f"{out} exists already; give another name, or remove it first")
    for module, extra in target.needs:
        require(module, extra)

    from clothzoo.hub.presets import preset as find
    from clothzoo.models import load

    record, model = find(preset), load(preset)
    _check_backend(format, target)
    photos = record.preprocessing(_photos())
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        new = Path(folder, out.name)
        try:
            model.export(str(new), format=format, verbose=False)
            found = target.run(new, photos)
        except Exception as error:
            raise CompilationFailed(
                f"Keras cannot export {record.name} to {format}: {error}"
            ) from (error)
        _check_outputs(_outputs(model, photos), found, f"{record.name} in the format {format}")
        for part in Path(folder).iterdir():
            shutil.move(part, out.parent / part.name)
    return out


def _photos() -> list[NDArray[np.uint8]]:
    from clothzoo.datasets.rendered import render

    return [np.asarray(record.image) for record in render(_PHOTOS, 1, size=128)]


def _check_backend(name: str, target: Format) -> None:
    import keras

    if (backend := keras.backend.backend()) not in target.backends:
        raise InvalidInput(
            f"Keras on {backend} cannot write {name}; set KERAS_BACKEND={target.backends[0]}"
        )


def _outputs(model: keras.Model, photos: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    outputs = [model.predict_on_batch(row[None]) for row in photos]
    if isinstance(outputs[0], dict):
        return [np.concatenate([row[task] for row in outputs]) for task in outputs[0]]
    return [np.concatenate(outputs)]


def _check_outputs(
    expected: list[NDArray[np.float32]], found: list[NDArray[np.float32]], what: str
) -> None:
    """Every output must be there; runtimes disagree about their order."""
    for wanted in expected:
        alike = [other for other in found if other.shape == wanted.shape]
        difference = min((float(np.abs(wanted - o).max()) for o in alike), default=np.inf)
        if not difference <= TOLERANCE:
            raise CompilationFailed(
                f"{what} gives other probabilities than Keras: they differ by {difference:.2g}"
            )


def _by_openvino(path: Path, photos: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    run = core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return _joined([[np.array(a) for a in run(row[None]).values()] for row in photos])


def _by_litert(path: Path, photos: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    interpreter = require("tensorflow", "tensorflow").lite.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    rows = []
    for row in photos:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], row[None])
        interpreter.invoke()
        details = interpreter.get_output_details()
        rows.append([interpreter.get_tensor(detail["index"]) for detail in details])
    return _joined(rows)


def _by_tensorflow(path: Path, photos: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    loaded = require("tensorflow", "tensorflow").saved_model.load(os.fspath(path))
    outputs = loaded.serve(photos)
    tensors = outputs.values() if isinstance(outputs, dict) else [outputs]
    return [np.asarray(tensor) for tensor in tensors]


def _joined(rows: list[list[Any]]) -> list[NDArray[np.float32]]:
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]


FORMATS = {
    "litert": Format(".tflite", _by_litert, (("tensorflow", "tensorflow"),), ("tensorflow",)),
    "onnx": Format(
        ".onnx",
        _by_openvino,
        (("tf2onnx", "onnx"), ("openvino", "fast")),
        ("tensorflow",),
    ),
    "openvino": Format(".xml", _by_openvino, (("openvino", "fast"),), ("tensorflow", "torch")),
    "tf_saved_model": Format(
        "", _by_tensorflow, (("tensorflow", "tensorflow"),), ("tensorflow", "jax")
    ),
}
