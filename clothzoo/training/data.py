"""The records that a recipe trains and validates on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from clothzoo.datasets import (
    Record,
    clothing,
    clothing_small,
    fashion_mnist,
    folder,
    rendered,
)
from clothzoo.datasets.record import Label
from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.hub.presets import Data, Preset
from clothzoo.training.recipes import DataRecipe

_PUBLIC: Mapping[str, ModuleType] = {
    "clothing": clothing,
    "clothing_small": clothing_small,
    "fashion_mnist": fashion_mnist,
}
# Arguments of `rendered.render`: garments, photos of each, side and seed. Those of the test are the
# first that anybody draws, with the seed 0.
_DRAWN = {"train": (4000, 1, 96, 1), "test": (120, 4, 96, 0)}

ABOUT: Mapping[str, Data] = {
    "clothing": Data(
        "clothing",
        "https://github.com/alexeygrigorev/clothing-dataset",
        "CC0-1.0",
        "",
    ),
    "clothing_small": Data(
        "clothing_small",
        "https://github.com/alexeygrigorev/clothing-dataset-small",
        "CC0-1.0",
        "",
    ),
    "fashion_mnist": Data(
        "fashion_mnist", "https://github.com/zalandoresearch/fashion-mnist", "MIT", ""
    ),
    "rendered": Data("rendered", "clothzoo.datasets.rendered", "Apache-2.0", ""),
}
"""Where the pictures of each data set that has a name come from."""


@dataclass(frozen=True)
class Splits:
    """What a run needs of a data set.

    Args:
        train: records to learn from.
        validation: records to judge by; empty where nothing is held out.
        labels: {task: labels in the order of the network's outputs}.
    """

    train: list[Record]
    validation: list[Record]
    labels: Mapping[str, tuple[Label, ...]]


def splits(recipe: DataRecipe, source: str | os.PathLike[str] | None, seed: int) -> Splits:
    """The training and validation records of a recipe.

    Fashion-MNIST has a validation split of its own. Of other data sets `hold_out` is held out,
    whole groups at a time; the public split of `clothing_small` shares people between training
    and validation, so its two are one here.

    Args:
        recipe: its data table.
        source: the data set's folder, or a table of photos; None looks in the usual places.
        seed: of what is held out.

    Raises:
        InvalidInput: there is no such data set or task.
        DatasetNotFound: it is nowhere to be had.
    """
    labels: Mapping[str, tuple[Label, ...]]
    validation: list[Record] = []
    if recipe.dataset == "folder":
        if source is None:
            raise InvalidInput("the recipe trains on your own photos; say where: data='photos/'")
        loaded = folder.load(source)
        train, labels = loaded.records, loaded.labels
    elif recipe.dataset == "rendered":
        train, labels = list(rendered.render(*_DRAWN["train"])), rendered.LABELS
    elif recipe.dataset in _PUBLIC:
        module = _PUBLIC[recipe.dataset]
        train, labels = module.load("train", folder=source), module.LABELS
        if "validation" in module.SPLITS:
            validation = module.load("validation", folder=source)
    else:
        known = [*_PUBLIC, "folder", "rendered"]
        raise InvalidInput(f"no data set {recipe.dataset!r}{did_you_mean(recipe.dataset, known)}")
    for task in recipe.tasks:
        if task not in labels:
            raise InvalidInput(
                f"{recipe.dataset} has no labels for the task {task!r}{did_you_mean(task, labels)}"
            )
    if recipe.dataset == "clothing_small":
        train, validation = train + validation, []
    if not validation and recipe.hold_out:
        train, validation = held_out(train, recipe.hold_out, seed)
    return Splits(train, validation, {task: labels[task] for task in recipe.tasks})


def evaluation_records(dataset: str, source: str | os.PathLike[str] | None = None) -> list[Record]:
    """The test split of a public data set or of drawn garments; every record of a folder.

    Args:
        dataset: as in a recipe.
        source: as for `splits`.
    """
    if dataset in _PUBLIC:
        records: list[Record] = _PUBLIC[dataset].load("test", folder=source)
        return records
    if dataset == "rendered":
        return list(rendered.render(*_DRAWN["test"]))
    return splits(DataRecipe(dataset, ("category",), 0), source, 0).train


def dataset_of(preset: Preset) -> str:
    """The data set that a preset was trained on.

    Raises:
        InvalidInput: it was trained on photos that have no name here.
    """
    for about in preset.data:
        if about.name in ABOUT:
            return about.name
    raise InvalidInput(
        f"{preset.name} was not trained on one of {', '.join(ABOUT)}; name the data to measure on"
    )


def spoken(label: Label) -> str:
    """A label as presets write it: yes and no for true and false."""
    return ("yes" if label else "no") if isinstance(label, bool) else str(label)


def held_out(
    records: Sequence[Record], amount: float, seed: int
) -> tuple[list[Record], list[Record]]:
    """Split off whole groups at random; a record without a group is one of its own.

    Args:
        records: what to split.
        amount: to hold out: a fraction below 1, or a number of records.
        seed: of the choice.

    Returns:
        (kept, held out), each in the records' order; at least one group is kept.

    Example:
        >>> from clothzoo.datasets import Record
        >>> records = [Record("", {}, str(n), str(n // 2)) for n in range(8)]
        >>> [[r.id for r in part] for part in held_out(records, 0.25, seed=0)]
        [['0', '1', '2', '3', '6', '7'], ['4', '5']]
    """
    groups = np.array([r.id if r.group is None else r.group for r in records], dtype=str)
    names, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    wanted = amount * len(records) if amount < 1 else amount
    order = np.random.default_rng(seed).permutation(len(names))[:-1]
    chosen = order[np.cumsum(sizes[order]) - sizes[order] < wanted - 0.5]
    out = np.isin(member, chosen)
    return (
        [r for r, o in zip(records, out, strict=True) if not o],
        [r for r, o in zip(records, out, strict=True) if o],
    )
