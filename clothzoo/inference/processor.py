"""OpenVINO, and what the processor can do with it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from functools import cache
from types import ModuleType
from typing import Any

from clothzoo.optional import require


def profits() -> bool:
    """Whether compiled networks can be expected to be faster here than Keras.

    They are wherever OpenVINO is installed and Keras would have no GPU to run on.
    """
    installed = importlib.util.find_spec("openvino") is not None
    return installed and shutil.which("nvidia-smi") is None


def openvino() -> ModuleType:
    """Import OpenVINO.

    Raises:
        ExtraMissing: it is not installed.
    """
    # Where this package is found, importing OpenVINO reports its use over the network.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return require("openvino", "fast")


@cache
def core() -> Any:
    """OpenVINO's `Core`, one for the process."""
    return openvino().Core()


def identity() -> str:
    """What a compiled network is bound to: this OpenVINO on this kind of processor."""
    name = core().get_property("CPU", "FULL_DEVICE_NAME")
    abilities = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return " ".join([openvino().__version__, name, *abilities])


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16 (AMX or AVX512_BF16)."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
