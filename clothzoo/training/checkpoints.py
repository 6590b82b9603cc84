"""A run's state on disk, so that it goes on after any end as if there had been none."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import safetensors
import safetensors.numpy

from clothzoo.errors import RunMismatch, TrainingDiverged
from clothzoo.hub import files
from clothzoo.training.learner import Learner
from clothzoo.training.recipes import Recipe

CHECKPOINT = "checkpoint.safetensors"
RECIPE = "recipe.toml"
LOG = "history.csv"


class Checkpoint(keras.callbacks.Callback):
    """Write the state and the log after each epoch, each file whole or not at all.

    The state is the network's weights, the statistics and random seeds of its layers, the
    optimiser's moments, averages and step, and the log up to that epoch. Shuffling and
    augmentation follow from seed and epoch and need no state.

    Args:
        folder: of the run.
        rows: the log so far; grows by a row an epoch.

    Raises:
        TrainingDiverged: the loss is no number any more; what was saved before stays.
    """

    def __init__(self, folder: Path, rows: list[dict[str, float]]) -> None:
        super().__init__()
        self.folder = folder
        self.rows = rows

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save."""
        row = {"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}}
        if not math.isfinite(row["loss"]):
            raise TrainingDiverged(
                f"the loss became {row['loss']} in epoch {epoch + 1}, from which nothing recovers; "
                f"{self.folder} keeps the {epoch} before it. Begin again in a new folder with a "
                "smaller 'optimizer.learning_rate', an 'optimizer.clip', or dtype = 'float32'"
            )
        self.rows.append(row)
        arrays = {f"{n:05d}": np.asarray(v.numpy()) for n, v in enumerate(self.model.state)}
        metadata = {"rows": json.dumps(self.rows), "paths": _paths(self.model)}
        data = safetensors.numpy.save(arrays, metadata=metadata)
        files.write(self.folder / CHECKPOINT, data)
        write_log(self.folder, self.rows)


def folder_of(recipe: Recipe, out: str | os.PathLike[str] | None) -> Path:
    """Where a run lives: `out`, or `runs/<preset>`."""
    return Path(out) if out is not None else Path("runs") / recipe.preset


def restore(learner: Learner, folder: Path) -> list[dict[str, float]]:
    """Bring a learner to the state of a run's last whole epoch.

    Args:
        learner: compiled, its optimiser built.
        folder: of the run.

    Returns:
        The log, a row for each epoch done; empty where there is no checkpoint yet.

    Raises:
        RunMismatch: the checkpoint is another network's or optimiser's.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return []
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
        if metadata["paths"] != _paths(learner):
            raise RunMismatch(
                f"{path} holds another network or optimiser than the recipe makes; resume with "
                "the versions of clothzoo and Keras it was begun with, or begin in a new folder"
            )
        for number, variable in enumerate(learner.state):
            variable.assign(file.get_tensor(f"{number:05d}"))
    rows: list[dict[str, float]] = json.loads(metadata["rows"])
    return rows


def write_log(folder: Path, rows: list[dict[str, float]]) -> None:
    """Write `history.csv`, a row for each epoch, accuracies as fractions."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[-1]), lineterminator="\n", restval="")
    table.writeheader()
    table.writerows({k: f"{v:.6g}" for k, v in row.items()} for row in rows)
    files.write(folder / LOG, text.getvalue().encode())


def _paths(learner: Learner) -> str:
    # An optimiser's own name counts up within a process; what follows it does not.
    return " ".join(f"{v.path.rpartition('/')[2]}{tuple(v.shape)}" for v in learner.state)
