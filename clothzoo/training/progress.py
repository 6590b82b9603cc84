"""What is to be done at the beginning and the end of an epoch."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np


class EpochSeed(keras.callbacks.Callback):
    """Seed the backend's own random numbers anew, by the epoch.

    PyTorch's dropout draws from them and not from its layer's seed, and they cannot be saved.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Seed."""
        keras.utils.set_random_seed(self.seed + epoch)


class EpochLog(keras.callbacks.Callback):
    """Add the learning rate and the duration to an epoch's log."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note rate and seconds."""
        assert logs is not None
        optimizer = self.model.optimizer
        # Of several rates the highest counts, which is the head's.
        rates = [float(o.learning_rate) for o in getattr(optimizer, "optimizers", [optimizer])]
        logs["learning_rate"] = max(rates)
        logs["seconds"] = time.perf_counter() - self._start


class TaskLosses(keras.callbacks.Callback):
    """Give the tasks' losses of the last two epochs to a learner that weights them by these."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the last epoch's back and put this one's in."""
        assert logs is not None
        new = [logs[f"{task}_loss"] for task in self.model.tasks]
        old = self.model.task_losses.numpy()[1] if epoch else new
        self.model.task_losses.assign(np.stack([old, new]))
