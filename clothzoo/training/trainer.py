"""From a recipe to a preset: one `fit`, resumable, and a folder that is complete at the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from clothzoo.dtypes import dtype_policy
from clothzoo.errors import InvalidInput, RunMismatch
from clothzoo.hub import filling
from clothzoo.hub.files import write
from clothzoo.hub.presets import Preset
from clothzoo.models import architecture, load
from clothzoo.training import checkpoints
from clothzoo.training.data import Splits, splits
from clothzoo.training.feeder import Feeder
from clothzoo.training.interpolation import body, move_towards
from clothzoo.training.learner import Learner
from clothzoo.training.optimizers import optimizer
from clothzoo.training.progress import EpochLog, EpochSeed, TaskLosses
from clothzoo.training.publishing import publish
from clothzoo.training.recipes import Recipe, load_recipe
from clothzoo.training.statistics import recalibrate


def train(
    recipe: Recipe | str | Path,
    *,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    verbose: bool = True,
) -> Preset:
    """Run a recipe.

    The folder `out` holds the recipe, a checkpoint and the log of the run, which are renewed
    after every epoch, and in the end a picture of the curves and the preset's folder. A run
    that was ended in any way goes on from its last whole epoch with `resume=True`, and ends
    with the same weights as one that was not.

    Args:
        recipe: a recipe, the name of a shipped one, or a TOML file's path.
        data: the data set's folder, or a table of photos; None looks in the usual places.
        out: where the run lives; `runs/<preset>` where None.
        resume: go on with what is in `out`, if anything.
        verbose: show the progress.

    Returns:
        The record of the preset, whose folder is `out/<preset>`.

    Raises:
        RecipeNotFound, InvalidInput: the recipe cannot be used.
        DatasetNotFound: the data is nowhere to be had.
        RunMismatch: `out` holds another run, or one that you did not ask to resume.
        TrainingDiverged: the loss became infinite or not a number.

    Example:
        >>> from clothzoo.training import train
        >>> preset = train("conventional_cnn.fashion_mnist", out="runs/mine")  # doctest: +SKIP
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    folder = checkpoints.folder_of(recipe, out)
    _claim(folder, recipe, resume)
    parts = splits(recipe.data, data, recipe.seed)
    learner, rows = fit(recipe, parts, folder, verbose=verbose)
    return publish(recipe, parts, learner.network, shape_arguments(recipe, parts), rows, folder)


def fit(
    recipe: Recipe, parts: Splits, folder: Path, *, verbose: bool = True
) -> tuple[Learner, list[dict[str, float]]]:
    """Train on records that are split already.

    Args:
        recipe: what to do.
        parts: the records.
        folder: for checkpoint and log; a checkpoint in it is resumed.
        verbose: show the progress.

    Returns:
        The learner, whose network has its final weights, and the log.
    """
    keras.utils.set_random_seed(recipe.seed)
    feeder = Feeder(
        parts.train,
        recipe.preprocessing,
        parts.labels,
        batch_size=recipe.batch,
        shuffle=True,
        augmentation=recipe.augmentation,
        class_weights=class_weights(parts, recipe.loss.class_weights),
        seed=recipe.seed,
    )
    learner = _learner(recipe, parts, steps=len(feeder) * recipe.epochs)
    keep = recipe.optimizer.keep
    start = body(learner.network) if keep else {}
    rows = checkpoints.restore(learner, folder)
    done = len(rows)
    feeder.epoch = done
    if done < recipe.epochs:
        validation = None
        if parts.validation:
            validation = Feeder(
                parts.validation, recipe.preprocessing, parts.labels, batch_size=2 * recipe.batch
            )
        callbacks = [feeder.follow_epochs(), EpochSeed(recipe.seed), EpochLog()]
        if validation and recipe.optimizer.average:
            callbacks.append(keras.callbacks.SwapEMAWeights())
        if recipe.loss.weighting == "dwa":
            callbacks.append(TaskLosses())
        # Else Keras on JAX and PyTorch takes a batch off the queue to see what the metrics measure,
        # and the first epoch begins at the second batch: another one than if it were resumed at.
        x, y, weights = keras.utils.unpack_x_y_sample_weight(feeder[0])
        learner.compute_metrics(x, y, y, weights)
        learner.fit(
            feeder,
            initial_epoch=done,
            epochs=recipe.epochs,
            validation_data=validation,
            shuffle=False,  # else Keras shuffles the batches once more, by a state it keeps
            callbacks=[*callbacks, checkpoints.Checkpoint(folder, rows)],
            verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
        )
    elif recipe.optimizer.average:
        learner.optimizer.finalize_variable_values(learner.trainable_variables)
    learner.network = _in_float32(learner.network, recipe, parts)
    if keep:
        move_towards(learner.network, start, keep)
    feeder.epoch = recipe.epochs
    recalibrate(learner.network, feeder)
    return learner, rows


def class_weights(parts: Splits, strength: float) -> dict[str, list[float]] | None:
    """How much each label counts: (mean count / its count) ** strength.

    Args:
        parts: whose training records are counted; unknown labels are not.
        strength: 0 gives None.

    Returns:
        {task: weights in the order of the labels}, with mean 1 over the known labels.
    """
    if not strength:
        return None
    weights = {}
    for task, labels in parts.labels.items():
        known = [r.labels[task] for r in parts.train if r.labels.get(task) is not None]
        counts = np.array([known.count(label) for label in labels], float)
        rare = np.maximum(counts, 1) ** -strength
        weights[task] = (rare * counts.sum() / (rare * counts).sum()).tolist()
    return weights


def network_of(recipe: Recipe, parts: Splits) -> keras.Model:
    """A recipe's network before its training; it gives logits."""
    weights = None if recipe.weights is None else os.path.expandvars(recipe.weights)
    return architecture(recipe.architecture).factory(
        weights=weights, classifier_activation=None, **shape_arguments(recipe, parts)
    )


def _learner(recipe: Recipe, parts: Splits, steps: int) -> Learner:
    with dtype_policy(recipe.dtype):
        network = network_of(recipe, parts)
    teaching: dict[str, Any] = {}
    if recipe.distillation is not None:
        taught = recipe.distillation
        teaching = {
            "teachers": {t: _teacher(n, t, network) for t, n in taught.teachers.items()},
            "temperature": taught.temperature,
            "share": taught.share,
        }
    learner = Learner(network, recipe.data.tasks, recipe.loss, **teaching)
    accuracy = {t: [keras.metrics.CategoricalAccuracy("accuracy")] for t in recipe.data.tasks}
    learner.compile(
        optimizer(recipe.optimizer, steps, filling.head_layers(network)),
        weighted_metrics=accuracy
        if isinstance(network.output, dict)
        else accuracy[recipe.data.tasks[0]],
    )
    learner.optimizer.build(learner.trainable_variables)
    return learner


def _in_float32(network: keras.Model, recipe: Recipe, parts: Splits) -> keras.Model:
    """The network that computes in what is published, with the weights that were learnt."""
    if recipe.dtype in {None, "float32"}:
        return network
    with dtype_policy("float32"):
        exact = network_of(recipe, parts)
    for to, learnt in zip(exact.variables, network.variables, strict=True):
        to.assign(learnt.value)
    return exact


def shape_arguments(recipe: Recipe, parts: Splits) -> dict[str, Any]:
    """The factory's arguments that give a recipe's network its shape."""
    sizes = {task: len(labels) for task, labels in parts.labels.items()}
    multi_task = architecture(recipe.architecture).multi_task
    if not multi_task and len(sizes) > 1:
        raise InvalidInput(
            f"{recipe.architecture} learns one task, not {', '.join(sizes)}; "
            "take a multi-task architecture"
        )
    classes = {"tasks": sizes} if multi_task else {"classes": sizes[recipe.data.tasks[0]]}
    return {"input_shape": list(recipe.preprocessing.shape), **classes, **recipe.arguments}


def _teacher(name: str, task: str, student: keras.Model) -> keras.Model:
    teacher = load(os.path.expandvars(name), classifier_activation=None)
    if teacher.input_shape != student.input_shape:
        raise InvalidInput(
            f"teacher {name!r} takes images {teacher.input_shape[1:]}, the network "
            f"{student.input_shape[1:]}; both must see the same"
        )
    if isinstance(teacher.output, dict):
        return keras.Model(teacher.inputs, teacher.output[task])
    return teacher


def _claim(folder: Path, recipe: Recipe, resume: bool) -> None:
    """Make the run's folder, or make sure that it is this recipe's."""
    note = folder / checkpoints.RECIPE
    if note.is_file():
        if not resume:
            raise RunMismatch(
                f"{folder} holds a run already; go on with it by resume=True (--resume), or name "
                "another folder"
            )
        if load_recipe(note) != recipe:
            raise RunMismatch(
                f"{folder} holds a run of another recipe than {recipe.preset}'s; compare its "
                f"{checkpoints.RECIPE}, or name another folder"
            )
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise RunMismatch(f"{folder} holds something else than a run; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    write(note, recipe.to_toml().encode())
