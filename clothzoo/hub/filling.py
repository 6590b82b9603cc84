"""Weights into a model and out of it: everything is checked before a variable is touched."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import InvalidInput, WeightsMismatch, WeightsNotFound
from clothzoo.hub import presets, tensors
from clothzoo.hub.fetch import at_revision, fetch

if TYPE_CHECKING:
    import keras

_LUMA = np.array(
    [0.299, 0.587, 0.114], np.float32
)  # what Pillow makes grey of red, green and blue with
_CLASSIFIER = "_predictions"  # what follows a task's name in that of its last layer
_LOG = logging.getLogger(__name__)


def fill(
    model: keras.Model, architecture: str, weights: str | os.PathLike[str], *, head: Sequence[str]
) -> None:
    """Load a preset's weights, or a file's, into a model.

    Args:
        model: a Functional model of that architecture.
        architecture: its id.
        weights: a preset's tag ("fashion_mnist"), a tag and an older revision
            ("fashion_mnist@1"), a preset's whole name, a preset's folder, or the path of a
            `.safetensors` file.
        head: names of the layers that stay fresh where the weights do not fit them.

    Raises:
        PresetNotFound, WeightsNotFound: `weights` names nothing that exists.
        WeightsCorrupted: the file is not what its preset says, or no sound weights file.
        WeightsMismatch: the weights do not fit the model, which is then as before.
    """
    path = Path(weights)
    if not isinstance(weights, str) or path.suffix == ".safetensors" or os.sep in weights:
        data = _read(path)
    else:
        tag, _, revision = str(weights).partition("@")
        name = tag if "." in tag else f"{architecture}.{tag}"
        newest = presets.preset(name)
        preset = at_revision(newest, _number(revision, weights) if revision else None)
        data = fetch(preset, presets.folder(name) if preset is newest else None).data
    assign(model, data, head=head, file=weights)


def dump(model: keras.Model, dtype: str = "float16") -> bytes:
    """A model's weights as the bytes of a safetensors file.

    Args:
        model: a Functional model whose layers are named explicitly. Random seeds and the
            optimiser's state are not weights and stay out.
        dtype: "float16" or "float32", how numbers are stored.

    Returns:
        The same bytes for the same weights.

    Raises:
        InvalidInput: two variables share a path, or a number is not finite in `dtype`.
    """
    if dtype not in ("float16", "float32"):
        raise InvalidInput(f"weights are stored as 'float16' or 'float32', not {dtype!r}")
    table: dict[str, NDArray[Any]] = {}
    for variable in model.weights:
        if variable.path in table:
            raise InvalidInput(f"two variables are called {variable.path!r}; name every layer")
        with np.errstate(over="ignore"):  # an overflow is reported below, by name
            array = np.asarray(variable.numpy()).astype(dtype)
        if not np.isfinite(array).all():
            raise InvalidInput(f"{variable.path!r} holds numbers that are not finite in {dtype}")
        table[variable.path] = array
    return tensors.encode(table, head_layers(model))


def assign(
    model: keras.Model, data: bytes, *, head: Sequence[str], file: object = "the weights"
) -> None:
    """Put the weights of a file into a model.

    A layer of the head whose shapes differ from the file's, or that the file does not hold,
    keeps the weights that it has. A task that the file does not know begins with the layers that
    the file's first task has to itself. A first kernel for one channel is adapted to three and
    the other way round, so that a grey picture gives the same output as before.

    Args:
        model: what is filled.
        data: the whole safetensors file.
        head: names of the layers that may stay fresh.
        file: what errors call the file.

    Raises:
        WeightsCorrupted: the file is not sound.
        WeightsMismatch: names or shapes differ outside the head. The model is as before.
    """
    header, arrays = tensors.decode(data, file)
    variables = {variable.path: variable for variable in model.weights}
    first = next((path for path, v in variables.items() if len(v.shape) == 4), "")
    if first in arrays:
        arrays[first] = _adapted(arrays[first], tuple(variables[first].shape))
    arrays = _for_tasks(arrays, variables, header.head, head)

    wrong = [
        path
        for path, variable in variables.items()
        if path not in arrays or arrays[path].shape != tuple(variable.shape)
    ]
    fresh = {_layer(path) for path in wrong if _layer(path) in head}
    if wrong := [path for path in wrong if _layer(path) not in fresh]:
        path = wrong[0]
        found = f"is {arrays[path].shape}" if path in arrays else "is not there"
        raise WeightsMismatch(
            f"{file} does not fit {model.name}: {path!r} is {tuple(variables[path].shape)} in the "
            f"model and {found} in the file ({len(wrong)} of {len(variables)} differ); build the "
            "model with the arguments that the weights were trained with, or pass weights=None"
        )
    if extra := [p for p in arrays if p not in variables and _layer(p) not in header.head]:
        raise WeightsMismatch(
            f"{file} does not fit {model.name}: the model has no {extra[0]!r} "
            f"({len(extra)} such in the file)"
        )
    for path, variable in variables.items():
        if _layer(path) not in fresh:
            variable.assign(arrays[path])
    if fresh:
        _LOG.warning("%s: fresh head %s, body from %s", model.name, ", ".join(sorted(fresh)), file)


def head_layers(model: keras.Model) -> tuple[str, ...]:
    """Names of a model's head: going back from each output, the first layer with weights.

    Args:
        model: a Functional model.

    Returns:
        Sorted names, e.g. ("predictions",).
    """
    found, ahead = set(), list(model.outputs)
    while ahead:
        tensor = ahead.pop()
        layer = tensor._keras_history.operation
        if layer.weights:
            found.add(layer.name)
        else:
            ahead.extend(layer.input if isinstance(layer.input, list) else [layer.input])
    return tuple(sorted(found))


def _for_tasks(
    arrays: dict[str, NDArray[Any]],
    paths: Collection[str],
    stored: Sequence[str],
    head: Sequence[str],
) -> dict[str, NDArray[Any]]:
    """The arrays of a file without those of tasks that `head` lacks, and with those of new ones."""
    old, new = _tasks(stored), _tasks(head)
    if not old or not new:
        return arrays
    gone = tuple(f"{task}_" for task in old if task not in new)
    kept = {path: v for path, v in arrays.items() if not path.startswith(gone)}
    for task in (task for task in new if task not in old):
        own = [p for p in paths if p.startswith(f"{task}_") and _layer(p) not in head]
        alike = {path: old[0] + path.removeprefix(task) for path in own}
        kept |= {path: arrays[like] for path, like in alike.items() if like in arrays}
    return kept


def _tasks(head: Sequence[str]) -> list[str]:
    """The tasks of a head; none where a network has a single one, which has no name."""
    return [name.removesuffix(_CLASSIFIER) for name in head if name.endswith(_CLASSIFIER)]


def _read(path: Path) -> bytes:
    """A file that the user named; verified where a preset's TOML lies beside it."""
    if path.is_dir():
        return fetch(presets.Preset.read(path), path).data
    if not path.is_file():
        raise WeightsNotFound(f"there is no weights file {str(path)!r}")
    if path.name == presets.WEIGHTS and (path.parent / presets.RECORD).is_file():
        return fetch(presets.Preset.read(path.parent), path.parent).data
    return path.read_bytes()


def _number(text: str, weights: object) -> int:
    if not text.isdecimal():
        raise InvalidInput(f"{weights!r}: a revision is a number, e.g. 'fashion_mnist@1'")
    return int(text)


def _layer(path: str) -> str:
    return path.partition("/")[0]


def _adapted(kernel: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A first kernel (h, w, 1, c) for colour or (h, w, 3, c) for grey, where `shape` asks so."""
    channels = (kernel.shape[2], shape[2]) if kernel.ndim == 4 else ()
    if channels == (1, 3):
        kernel = kernel * _LUMA[:, None]
    elif channels == (3, 1):
        kernel = kernel.astype(np.float32).sum(axis=2, keepdims=True)
    return kernel
