"""Which runtime computes: Keras, or a network compiled for the processor."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clothzoo.errors import CompilationFailed, InvalidInput, did_you_mean
from clothzoo.inference.processor import openvino, profits
from clothzoo.inference.recipe import Recipe

if TYPE_CHECKING:
    import keras

    from clothzoo.inference.program import Program

RUNTIMES = ("auto", "keras", "openvino")
"""keras: Keras on its backend. openvino: compiled for the processor.

auto: what the environment variable CLOTHZOO_RUNTIME says, else the one that is faster here.
"""

_LOG = logging.getLogger(__name__)


def compiled(recipe: Recipe, runtime: str) -> Program | None:
    """The compiled network that a runtime stands for.

    Args:
        recipe: what is computed.
        runtime: one of `RUNTIMES`.

    Returns:
        The network; None where Keras is to compute.

    Raises:
        InvalidInput: there is no such runtime.
        ExtraMissing: "openvino" was asked for and is not installed.
        CompilationFailed: "openvino" was asked for and cannot run this network.
        PresetNotFound, WeightsNotFound, …: there is no such network.
    """
    if not wants_compiled(runtime):
        return None
    openvino()
    from clothzoo.inference import compilation

    try:
        return compilation.program(recipe)
    except CompilationFailed as error:
        if runtime == "openvino":
            raise
        _LOG.warning("%s; Keras computes instead", error)
        return None


def compiled_model(model: keras.Model, recipe: Recipe) -> Program:
    """Compile a model that lives in this process only; nothing of it is kept.

    Args:
        model: any Functional model without layers that need code of the user's own.
        recipe: the rest of what is computed; its source is not looked at.

    Raises:
        ExtraMissing: OpenVINO is not installed.
        CompilationFailed: OpenVINO cannot run this network, or it cannot be saved.
    """
    openvino()
    from clothzoo.inference.compilation import compile_apart
    from clothzoo.inference.program import Program

    with tempfile.TemporaryDirectory(prefix="clothzoo-") as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        return Program(*compile_apart(replace(recipe, source=str(path)).to_json()))


def wants_compiled(runtime: str) -> bool:
    """Whether a runtime stands for compiled networks, here.

    Raises:
        InvalidInput: there is no such runtime; the message offers those that there are.
    """
    if runtime == "auto":
        runtime = os.environ.get("CLOTHZOO_RUNTIME") or "auto"
    if runtime not in RUNTIMES:
        raise InvalidInput(f"no runtime {runtime!r}{did_you_mean(runtime, RUNTIMES)}")
    return profits() if runtime == "auto" else runtime == "openvino"
