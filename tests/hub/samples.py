"""Real preset folders of small networks with seeded weights, made by the library's own writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from clothzoo.hub.presets import Data, Metric, Origin, Preset, Training

REPOSITORY = Path(__file__).resolve().parents[2]
TASKS = {"category": 3, "kids": 2}
SIDES = {"transfer_inception_v3": 75, "transfer_mobilenet_v2": 32}


def arguments(architecture: str) -> dict[str, Any]:
    """Arguments that make a small network of an architecture."""
    side = SIDES.get(architecture, 28)
    shape = {"input_shape": (side, side, 3 if architecture in SIDES else 1)}
    if "multitask" in architecture:
        return {**shape, "tasks": TASKS}
    return {**shape, "classes": 3}


def write_sample(
    root: Path,
    architecture: str = "conventional_cnn",
    tag: str = "sample",
    *,
    seed: int = 0,
    changed: str = "first training",
    **given: Any,
) -> Preset:
    """Write `root/<architecture>.<tag>` with weights that follow from `seed`."""
    import keras

    from clothzoo import models
    from clothzoo.hub.writing import write_preset

    keras.utils.set_random_seed(seed)
    record = models.architecture(architecture)
    shape = {**arguments(architecture), **given}
    model = record.factory(weights=None, **shape)
    height, width, channels = shape["input_shape"]
    tasks = shape.get("tasks", {"category": shape.get("classes")})
    return write_preset(
        root / f"{architecture}.{tag}",
        model,
        arguments=shape,
        labels={task: [f"{task} {i}" for i in range(n)] for task, n in tasks.items()},
        preprocessing=record.preprocessing((height, width), channels),
        summary="A network with random weights, for tests.",
        intended_use="Tests.",
        limits="It has learnt nothing.",
        licence="Apache-2.0",
        data=[Data("rendered", "https://example.org/rendered", "Apache-2.0", "")],
        training=Training("", "", "2 CPU cores", 1.5, {"keras": keras.__version__}),
        metrics=[
            Metric("rendered", "test", "category", 10, "accuracy", 0.5, (0.4, 0.6), 0, "none")
        ],
        origin=[Origin("nothing", "https://example.org/nothing", "MIT")],
        changed=changed,
    )


def environment(home: Path, **given: str) -> dict[str, str]:
    """The environment of a user whose home folder is `home`; nothing of ours leaks in."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "CLOTHZOO_"))}
    own = {"HOME": str(home), "HF_HOME": str(home / "hf"), "XDG_CACHE_HOME": str(home / "cache")}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return {**inherited, **own, **quiet, "PYTHONPATH": str(REPOSITORY), **given}


def run(
    code: str, home: Path, *, timeout: float = 120, **given: str
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process, as a user would: HF_* variables are read at import."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=home,
        env=environment(home, **given),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
