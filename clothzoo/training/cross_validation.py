"""Deciding without the test split: folds that keep each person's photos together."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets import Record, folds
from clothzoo.datasets.record import Label
from clothzoo.errors import RunMismatch
from clothzoo.hub.files import write
from clothzoo.logits import softmax
from clothzoo.training import checkpoints, measures
from clothzoo.training.data import Splits, splits, spoken
from clothzoo.training.evaluation import Evaluation, TaskReport, task_report
from clothzoo.training.prediction import logits_of
from clothzoo.training.recipes import Recipe, load_recipe
from clothzoo.training.trainer import fit

Scores = NDArray[np.float64]  # (2, N, classes): of pictures, and of their mirror images

_SCORES = "scores.npz"
_IDS = " ids"  # no task has such a name


@dataclass(frozen=True)
class OutOfFold:
    """What networks said of the pictures that they had not seen.

    Args:
        recipe: by which they were trained.
        k: number of folds.
        records: the N pictures.
        labels: {task: labels in the order of the probabilities}.
        scores: {task: (N, classes) probabilities}.
        mirrored: the same for the mirror images.
    """

    recipe: Recipe
    k: int
    records: list[Record]
    labels: Mapping[str, tuple[Label, ...]]
    scores: Mapping[str, NDArray[np.float64]]
    mirrored: Mapping[str, NDArray[np.float64]]

    def evaluation(self) -> Evaluation:
        """The figures, over all pictures whose label is known; intervals by groups."""
        tasks: dict[str, TaskReport] = {}
        for task, names in self.labels.items():
            truth = measures.targets(self.records, task, names)
            known = truth >= 0
            tasks[task] = task_report(
                truth[known],
                self.scores[task][known],
                self.mirrored[task][known],
                [spoken(name) for name in names],
                [r.group for r, is_known in zip(self.records, known, strict=True) if is_known],
            )
        name, dataset = self.recipe.preset, self.recipe.data.dataset
        return Evaluation(name, dataset, f"out of {self.k} folds", tasks)


def cross_validate(
    recipe: Recipe | str | Path,
    *,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    k: int = 5,
    verbose: bool = True,
) -> OutOfFold:
    """Train on all folds but one, k times, and ask of each picture when it was left out.

    Args:
        recipe: a recipe, the name of a shipped one, or a TOML file's path. Its pictures need
            groups, e.g. the people who took them.
        data: the data set's folder, or a table of photos; None looks in the usual places.
        out: where the k runs live; `runs/<preset>.folds` where None. What is there is resumed.
        k: number of folds.
        verbose: show the progress.

    Returns:
        The probabilities, and by `.evaluation()` the figures.

    Raises:
        RecipeNotFound, InvalidInput: the recipe cannot be used, or pictures lack groups.
        RunMismatch: `out` holds the runs of another recipe.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    folder = Path(out) if out is not None else Path("runs") / f"{recipe.preset}.folds"
    # Nothing is held out within a fold: what is left out of it judges already.
    recipe = replace(recipe, data=replace(recipe.data, hold_out=0))
    parts = splits(recipe.data, data, recipe.seed)
    records = parts.train + parts.validation
    place = {record.id: row for row, record in enumerate(records)}
    scores, mirrored = (
        {task: np.zeros((len(records), len(names))) for task, names in parts.labels.items()}
        for _ in range(2)
    )
    pairs = folds(records, k, recipe.seed, task=recipe.data.tasks[0])
    for number, (train, left_out) in enumerate(pairs, 1):
        run = folder / f"fold{number}"
        run.mkdir(parents=True, exist_ok=True)
        _claim(run, recipe)
        rows = [place[record.id] for record in left_out]
        said = _kept(run, left_out) or _ask(
            recipe, Splits(train, left_out, parts.labels), run, verbose
        )
        for task in parts.labels:
            scores[task][rows], mirrored[task][rows] = said[task]
    return OutOfFold(recipe, k, records, parts.labels, scores, mirrored)


def _ask(recipe: Recipe, parts: Splits, run: Path, verbose: bool) -> dict[str, Scores]:
    """Train on a fold, and keep what the network says of the pictures that were left out."""
    learner, _ = fit(recipe, parts, run, verbose=verbose)
    first = recipe.data.tasks[0]
    plain, mirrored = (
        {
            task or first: softmax(values)
            for task, values in logits_of(
                learner.network, recipe.preprocessing, parts.validation, mirrored=mirror
            ).items()
        }
        for mirror in (False, True)
    )
    said = {task: np.stack([plain[task], mirrored[task]]) for task in plain}
    kept: dict[str, Any] = {_IDS: [record.id for record in parts.validation], **said}
    buffer = io.BytesIO()
    np.savez(buffer, **kept)
    write(run / _SCORES, buffer.getvalue())
    return said


def _kept(run: Path, left_out: list[Record]) -> dict[str, Scores] | None:
    """What a finished fold has said, unless that was of other pictures."""
    if not (run / _SCORES).is_file():
        return None
    with np.load(run / _SCORES) as kept:
        said = dict(kept)
    return said if said.pop(_IDS).tolist() == [record.id for record in left_out] else None


def _claim(run: Path, recipe: Recipe) -> None:
    note = run / checkpoints.RECIPE
    if note.is_file() and load_recipe(note) != recipe:
        raise RunMismatch(f"{run} holds a fold of another recipe; name another folder")
    write(note, recipe.to_toml().encode())
