"""What each preset costs: multiply-adds, and milliseconds an image, one at a time and 32 together.

Run: python benchmarks/zoo.py [PRESET ...] [--json docs/benchmarks/zoo.json]

Keras on TensorFlow and the network compiled by OpenVINO (extra `fast`) take turns on the same
pixels in one process; a figure is the median of the turns. `make tables` makes the table of the
README from the JSON file and the presets' records, and the picture of accuracy against cost.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # Keras at its best, see benchmarks/training.py

import keras
import numpy as np
import tensorflow as tf

from clothzoo import list_presets, load
from clothzoo.inference.processor import has_bfloat16
from clothzoo.inference.recipe import Recipe
from clothzoo.inference.runtime import compiled

BATCHES = (1, 32)
SECONDS = 4.0  # of turns for each batch size, after one that warms up


def multiply_adds(model: keras.Model) -> int:
    """Multiplications of one image with weights: those of convolutions and of matrix products."""
    spec = tf.TensorSpec((1, *model.input_shape[1:]), "float32")
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec).graph
    total = 0
    for operation in graph.get_operations():
        if operation.type not in ("Conv2D", "DepthwiseConv2dNative", "MatMul"):
            continue
        given, result = operation.inputs[1].shape.as_list(), operation.outputs[0].shape.as_list()
        # The last axis of a kernel is its outputs, or in a depthwise one the outputs per input.
        summed = given[:2] if operation.type == "DepthwiseConv2dNative" else given[:-1]
        total += math.prod(result[1:]) * math.prod(summed)
    return total


def milliseconds(ways: dict[str, Callable[[Any], Any]], images: Any) -> dict[str, float]:
    """Median milliseconds an image of each way, the ways in turns."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(images)
    begin = time.perf_counter()
    while time.perf_counter() - begin < SECONDS or len(min(taken.values(), key=len)) < 5:
        for name, way in ways.items():
            start = time.perf_counter()
            way(images)
            taken[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(t) / len(images) for name, t in taken.items()}


def cost(name: str) -> dict[str, Any]:
    """All that is measured of one preset."""
    model = load(name)
    program = compiled(Recipe(name), "openvino")
    assert program is not None
    ways = {"keras": model.predict_on_batch, "openvino": program}
    rng = np.random.default_rng(0)
    found: dict[str, Any] = {"multiply_adds": multiply_adds(model), "milliseconds": {}}
    for batch in BATCHES:
        images = rng.random((batch, *model.input_shape[1:]), np.float32)
        found["milliseconds"][str(batch)] = milliseconds(ways, images)
    keras.backend.clear_session()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("preset", nargs="*", help="all bundled ones where none is named")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    names = given.preset or [p for p in list_presets() if (_WEIGHTS / p).is_dir()]
    machine = {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "load when started": round(os.getloadavg()[0], 1),
        "bfloat16 units": "yes" if has_bfloat16() else "no",
        **{package: version(package) for package in ("keras", "tensorflow-cpu", "openvino")},
    }
    print(machine)
    print(f"{'preset':44} {'multiply-adds':>14}  ms an image, 1 | 32 together: Keras, OpenVINO")
    costs = {}
    for name in names:
        costs[name] = cost(name)
        times = [costs[name]["milliseconds"][str(batch)] for batch in BATCHES]
        print(
            f"{name:44} {costs[name]['multiply_adds']:>14,}  "
            + " | ".join(f"{t['keras']:8.2f} {t['openvino']:8.2f}" for t in times),
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, "presets": costs}, indent=1) + "\n")


_WEIGHTS = Path(__file__).resolve().parents[1] / "weights"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "processor"


if __name__ == "__main__":
    main()
