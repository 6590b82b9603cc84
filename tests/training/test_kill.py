from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.numpy

from clothzoo.training import train

from .samples import small_recipe

RUN = """
import sys
from clothzoo.training import train
train(sys.argv[1], data=sys.argv[2], out=sys.argv[3], verbose=False)
"""


@pytest.mark.long
def test_a_run_that_was_killed_in_mid_epoch_ends_with_the_same_weights(
    garments: Path, tmp_path: Path
) -> None:
    recipe = small_recipe(epochs=12)
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", RUN, str(path), str(garments), str(killed)])
    log, deadline = killed / "history.csv", time.monotonic() + 120
    while not (log.is_file() and len(log.read_text().splitlines()) >= 3):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / recipe.preset).exists()

    train(recipe, data=garments, out=killed, resume=True, verbose=False)
    train(recipe, data=garments, out=tmp_path / "whole", verbose=False)
    resumed, whole = (
        safetensors.numpy.load_file(run / recipe.preset / "model.safetensors")
        for run in (killed, tmp_path / "whole")
    )
    for name, values in whole.items():
        assert (resumed[name] == values).all(), name
