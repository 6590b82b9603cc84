"""What loading a preset costs on top of building the same network without weights.

Run: python benchmarks/loading.py [PRESET]
Without a preset's name it makes one of about 1 MB. Building and loading alternate in one process;
the hash and header checks are part of loading.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from rich.console import Console
from rich.table import Table

import clothzoo
from clothzoo.hub import write_preset
from clothzoo.hub.presets import Training
from clothzoo.models import architecture

ROUNDS = 30
WARM_UP = 3


def made(root: Path) -> str:
    """A preset of about 1 MB with random weights."""
    record = architecture("inception_residual_cnn")
    arguments = {"input_shape": (28, 28, 1), "classes": 10, "width": 1.36}
    folder = root / "inception_residual_cnn.benchmark"
    write_preset(
        folder,
        record.factory(weights=None, **arguments),
        arguments=arguments,
        labels={"category": [f"class {i}" for i in range(10)]},
        preprocessing=record.preprocessing((28, 28), 1),
        summary="Random weights.",
        intended_use="Benchmarks.",
        limits="It has learnt nothing.",
        licence="Apache-2.0",
        data=[],
        training=Training("", "", "", 0.0, {}),
    )
    os.environ["CLOTHZOO_WEIGHTS"] = str(root)
    return folder.name


def seconds(action: Callable[[], object]) -> float:
    """Time of one call, free of the rubbish that the last one left."""
    gc.collect()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as root:
        name = sys.argv[1] if len(sys.argv) > 1 else made(Path(root))
        preset = clothzoo.preset(name)
        factory = architecture(preset.architecture).factory
        built, loaded = [], []
        for _ in range(WARM_UP + ROUNDS):
            built.append(seconds(lambda: factory(weights=None, **preset.arguments)))
            loaded.append(seconds(lambda: clothzoo.load(name)))
        build, load = median(built[WARM_UP:]), median(loaded[WARM_UP:])

    title = (
        f"{name}, {preset.weights.size / 1e6:.2f} MB; {keras.backend.backend()}, "
        f"Keras {keras.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"
    )
    table = Table(title=title)
    for heading in ("", "median of 30", "on top"):
        table.add_column(heading, justify="right")
    table.add_row("build without weights", f"{build * 1e3:.1f} ms", "")
    table.add_row("clothzoo.load", f"{load * 1e3:.1f} ms", f"{load / build - 1:+.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()
