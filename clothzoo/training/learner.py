"""What `fit` trains: a network together with what its loss needs beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from clothzoo.training import losses
from clothzoo.training.recipes import LossRecipe


class Learner(keras.Model):
    """A network that gives logits, with its loss over one task or several.

    A label that is not known has sample weight 0 and then counts neither in loss nor metrics.

    Args:
        network: image → (N, classes) logits, or {task: logits}.
        tasks: names of the tasks; one where the network has a plain output.
        loss: smoothing and the weighting of tasks.
        teachers: {task: network that gives logits for the same images}, not trained.
        temperature: of the distillation.
        share: of the teachers in the loss.

    Call arguments:
        x: images, float (N, H, W, C).

    Output:
        The network's. Targets (N, classes) are probabilities and sample weights (N,), both plain
        or {task: …} as the output is.
    """

    def __init__(
        self,
        network: keras.Model,
        tasks: tuple[str, ...],
        loss: LossRecipe,
        *,
        teachers: Mapping[str, keras.Model] | None = None,
        temperature: float = 1.0,
        share: float = 0.0,
    ) -> None:
        super().__init__(name="learner")
        self.network = network
        self.tasks = tasks
        self.smoothing = loss.label_smoothing
        self.weighting = loss.weighting
        self.temperature = temperature
        self.share = share
        self.teachers = dict(teachers or {})
        for teacher in self.teachers.values():
            teacher.trainable = False
        several = tasks if len(tasks) > 1 else ()
        self.trackers = {task: keras.metrics.Mean(f"{task}_loss") for task in several}
        if self.weighting == "uncertainty":
            self.log_variances = self.add_weight(
                shape=(len(tasks),), initializer="zeros", name="log_variances"
            )
        elif self.weighting == "dwa":
            self.task_losses = self.add_weight(
                shape=(2, len(tasks)), initializer="zeros", trainable=False, name="task_losses"
            )
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        """The logits of a batch."""
        return self.network(x, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss of a batch; validation counts the labels alone, unsmoothed and unweighted."""
        by_task = []
        for task in self.tasks:
            targets, logits, weights = (_of(task, part) for part in (y, y_pred, sample_weight))
            value = self._task_loss(task, x, targets, logits, weights, training)
            if task in self.trackers:
                self.trackers[task].update_state(value)
            by_task.append(value)
        if not training:
            return sum(by_task)
        stacked = ops.stack(by_task)
        if self.weighting == "uncertainty":
            stacked = losses.uncertainty_weighted(stacked, self.log_variances)
        elif self.weighting == "dwa":
            stacked = stacked * losses.dynamic_weights(self.task_losses[1], self.task_losses[0])
        total = ops.sum(stacked)
        for extra in self.losses:
            total = total + ops.sum(extra)
        return total

    def _task_loss(
        self, task: str, x: Any, targets: Any, logits: Any, weights: Any, training: bool
    ) -> Any:
        logits = ops.cast(logits, "float32")
        if not training:
            return losses.weighted_mean(losses.cross_entropy(targets, logits), weights)
        own = losses.weighted_mean(losses.cross_entropy(targets, logits, self.smoothing), weights)
        if task not in self.teachers:
            return own
        # A teacher needs no label: pictures whose label is not known are learnt from as well.
        soft = ops.stop_gradient(ops.cast(self.teachers[task](x, training=False), "float32"))
        taught = ops.mean(losses.distillation(soft, logits, self.temperature))
        return (1 - self.share) * own + self.share * taught

    @property
    def state(self) -> list[keras.Variable]:
        """Every variable that a run must find again to go on as if it had not stopped."""
        own = [self.log_variances] if self.weighting == "uncertainty" else []
        own += [self.task_losses] if self.weighting == "dwa" else []
        return [*self.network.variables, *own, *self.optimizer.variables]


def _of(task: str, part: Any) -> Any:
    return part[task] if isinstance(part, dict) else part
