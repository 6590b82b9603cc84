"""What one process saves, another loads: on the same backend and on the others."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from clothzoo import models
from tests.models.networks import flat, images, seed_weights, small

SCRIPT = Path(__file__).with_name("round_trip.py")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with every architecture: model, weights, an input and its outputs."""
    folder = tmp_path_factory.mktemp("saved")
    for name in models.list_models():
        model = small(name)
        seed_weights(model)
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
        x = images(model)
        outputs = {task or "output": value for task, value in flat(model(x)).items()}
        np.savez(folder / f"{name}.npz", input=x, **outputs)
    return folder


def reload(folder, first, backend, *only):
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, SCRIPT, folder, first, *only],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("\n") == len(only or models.list_models()) + 1


@pytest.mark.backend
def test_a_fresh_process_that_imports_clothzoo_first_reloads_every_network(saved):
    reload(saved, "clothzoo", keras.config.backend())


def test_a_process_that_imports_keras_first_finds_our_layers_too(saved):
    reload(saved, "keras", keras.config.backend(), "inception_residual_cnn")


@pytest.mark.long
@pytest.mark.parametrize("other", ["jax", "torch"])
def test_the_same_weights_give_the_same_output_on_every_backend(saved, other):
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    reload(saved, "clothzoo", other)
