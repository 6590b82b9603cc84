"""The end of a run: its pictures, and the preset's folder."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets import Record
from clothzoo.errors import ExtraMissing
from clothzoo.hub import write_preset
from clothzoo.hub.presets import Origin, Preset, Training
from clothzoo.training.calibration import energy_threshold
from clothzoo.training.checkpoints import LOG
from clothzoo.training.data import ABOUT, Splits, spoken
from clothzoo.training.figures import curves
from clothzoo.training.measures import targets
from clothzoo.training.prediction import logits_of
from clothzoo.training.recipes import Recipe

CURVES = "curves.png"
_HALF_MOVES = 0.001  # of the pictures, at most, or a single one where they are few
_SAMPLE = 2_000  # training pictures to judge that by where none are held out

# By what the weights' file is called.
_ORIGINS: Mapping[str, Origin] = {
    "inception_v3": Origin(
        "Inception-v3 on ImageNet, Google's release of 2015-12-05, out of MetalImageRecognition",
        "https://developer.apple.com/library/archive/samplecode/MetalImageRecognition",
        "Apple sample code licence",
    ),
    "mobilenet_v2": Origin(
        "MobileNetV2 1.0/224 on ImageNet, out of the Coral models",
        "https://github.com/google-coral/test_data",
        "Apache-2.0",
    ),
}


def publish(
    recipe: Recipe,
    parts: Splits,
    network: keras.Model,
    arguments: Mapping[str, Any],
    rows: Sequence[dict[str, float]],
    folder: Path,
) -> Preset:
    """Write a run's preset into `folder/<preset>`, and the curves beside it.

    Args:
        recipe: what was done.
        parts: the records it was done with.
        network: gives logits; with its final weights.
        arguments: of the factory, which give it its shape.
        rows: the log.
        folder: of the run.

    Returns:
        The preset's record. Weights are float16 where that leaves the accuracy as it is.
    """
    sample = parts.validation or parts.train[:_SAMPLE]
    logits = logits_of(network, recipe.preprocessing, sample)
    unknown = None
    if parts.validation:
        unknown = energy_threshold(logits, on=f"{recipe.data.dataset} validation")
    preset = write_preset(
        folder / recipe.preset,
        network,
        arguments=arguments,
        labels={t: [spoken(n) for n in names] for t, names in parts.labels.items()},
        preprocessing=recipe.preprocessing,
        summary=recipe.summary,
        intended_use=recipe.intended_use,
        limits=recipe.limits,
        licence=recipe.licence,
        data=[ABOUT[recipe.data.dataset]] if recipe.data.dataset in ABOUT else [],
        training=Training(
            recipe=recipe.preset,
            commit=_commit(),
            device=_device(),
            seconds=round(sum(row["seconds"] for row in rows), 1),
            versions=_versions(),
        ),
        origin=[o for name, o in _ORIGINS.items() if name in (recipe.weights or "")],
        unknown=unknown,
        history=folder / LOG,
        dtype=_storage(network, recipe, parts, sample, logits),
    )
    with suppress(ExtraMissing):  # the numbers are in the log; a picture of them is an extra
        curves(rows, folder / CURVES, recipe.preset)
    return preset


def _storage(
    network: keras.Model,
    recipe: Recipe,
    parts: Splits,
    sample: Sequence[Record],
    logits: Mapping[str, NDArray[Any]],
) -> str:
    """The type that the weights can be stored in without moving the accuracy."""
    before = network.get_weights()
    with np.errstate(over="ignore"):
        halves = [w.astype(np.float16).astype(w.dtype) for w in before]
    if not all(np.isfinite(w).all() for w in halves):
        return "float32"
    network.set_weights(halves)
    rounded = logits_of(network, recipe.preprocessing, sample)
    network.set_weights(before)
    for output in logits:
        task = output or recipe.data.tasks[0]
        truth = targets(sample, task, parts.labels[task])
        known = truth >= 0
        right = [(v[output].argmax(axis=1) == truth)[known].sum() for v in (logits, rounded)]
        if abs(right[0] - right[1]) > max(1, _HALF_MOVES * known.sum()):
            return "float32"
    return "float16"


def _commit() -> str:
    """The checkout's commit; empty where clothzoo does not run from one."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / "pyproject.toml").is_file():
        return ""
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def _device() -> str:
    if keras.backend.backend() == "torch":  # for which Keras lists none
        gpus = importlib.import_module("torch").cuda.device_count()
    else:
        gpus = sum(not name.startswith("cpu") for name in keras.distribution.list_devices())
    return f"{gpus} GPU" if gpus else f"{os.cpu_count()} CPU cores"


def _versions() -> dict[str, str]:
    backend = keras.backend.backend()
    found = {}
    for name in ("clothzoo", "keras", backend, f"{backend}-cpu", "numpy", "pillow"):
        try:
            found[name.removesuffix("-cpu")] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # TensorFlow comes under either of two names
    return found
