"""Images a second in training: every network, every way to run a step; a table to plan by.

Run: python benchmarks/training.py [--quick] [--backend tensorflow jax torch]

Each backend runs in a process of its own, one after the other. `eager` is `run_eagerly=True`,
`graph` is Keras's own choice without XLA (torch has no graph: it is eager), `jit` is
`jit_compile=True`, `bfloat16` is the policy mixed_bfloat16 under Keras's own choice. A figure is
the median of the steps after the first two, which trace and compile.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version

BACKENDS = {"tensorflow": "tensorflow-cpu", "jax": "jax", "torch": "torch"}
WAYS = ("eager", "graph", "jit", "bfloat16")
SMALL = (28, 28, 1)
NETWORKS = {
    "conventional_cnn": SMALL,
    "inception_cnn": SMALL,
    "inception_residual_cnn": SMALL,
    "shared_multitask_cnn": SMALL,
    "partially_shared_multitask_cnn": SMALL,
    "transfer_mobilenet_v2": (224, 224, 3),
    "transfer_inception_v3": (224, 224, 3),
}
TASKS = {"category": 10, "kids": 2}


def speed(name: str, way: str, steps: int) -> float:
    """Images a second of one network; called where the backend is already chosen."""
    import keras
    import numpy as np

    from clothzoo.models import architecture

    keras.config.set_dtype_policy("mixed_bfloat16" if way == "bfloat16" else "float32")
    record, shape = architecture(name), NETWORKS[name]
    batch = 64 if shape == SMALL else 8
    heads = {"tasks": TASKS} if record.multi_task else {"classes": 10}
    model = record.factory(weights=None, input_shape=shape, **heads)
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        run_eagerly=way == "eager",
        jit_compile=way == "jit",
    )
    x = np.random.default_rng(0).random((batch, *shape), np.float32)
    zeros = np.zeros(batch, np.int32)
    y = dict.fromkeys(TASKS, zeros) if record.multi_task else zeros
    taken = []
    for _ in range(steps + 2):
        start = time.perf_counter()
        float(np.asarray(model.train_on_batch(x, y)).ravel()[0])
        taken.append(time.perf_counter() - start)
    keras.backend.clear_session()
    return batch / statistics.median(taken[2:])


def measure(steps: int, ways: list[str], networks: list[str]) -> None:
    """Print one JSON line for each figure; the process runs one backend."""
    for name in networks:
        for way in ways:
            try:
                figure = speed(name, way, steps)
            except Exception as error:  # not every backend compiles or has bfloat16 everywhere
                print(json.dumps([name, way, f"{type(error).__name__}"]), flush=True)
            else:
                print(json.dumps([name, way, figure]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--way", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--quick", action="store_true", help="graph only, and fewer steps")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    steps = 3 if given.quick else 6
    ways = ["graph"] if given.quick else given.way
    if given.measure:
        measure(steps, ways, given.network)
        return
    print(f"{os.cpu_count()} processors, {platform.machine()}, Keras {version('keras')}")
    print("batch 64 at 28×28×1, 8 at 224×224×3; images a second")
    for backend in given.backend:
        if importlib.util.find_spec(backend) is None:
            print(f"\n{backend}: not installed")
            continue
        print(f"\n{backend} {version(BACKENDS[backend])}")
        print(f"{'':<32}" + "".join(f"{way:>12}" for way in ways))
        options = ["--measure", *["--quick"] * given.quick, "--way", *ways]
        with subprocess.Popen(
            [sys.executable, __file__, *options, "--network", *given.network],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as measuring:
            assert measuring.stdout is not None
            for line in measuring.stdout:
                name, way, figure = json.loads(line)
                text = f"{figure:,.0f}" if isinstance(figure, float) else figure[:11]
                print(f"{name:<32}" if way == ways[0] else "", end="")
                print(f"{text:>12}", end="\n" if way == ways[-1] else "", flush=True)
        if measuring.returncode:
            sys.exit(f"{backend} ended with {measuring.returncode}")


if __name__ == "__main__":
    main()
