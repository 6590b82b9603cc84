"""From a preset to one's own classes: the recipe for it."""

from __future__ import annotations

from pathlib import Path

from clothzoo.errors import InvalidInput
from clothzoo.hub import presets
from clothzoo.training.augmentation import Augmentation
from clothzoo.training.recipes import DataRecipe, LossRecipe, OptimizerRecipe, Recipe

_FROM_CLASSES = ("classes", "tasks")


def fine_tuning_recipe(
    preset: str | Path,
    tag: str = "mine",
    *,
    epochs: int = 15,
    learning_rate: float = 1e-3,
    batch: int = 32,
    hold_out: float = 0.2,
    seed: int = 1,
) -> Recipe:
    """A recipe that tunes a preset through all its layers on labelled photos of your own.

    Args:
        preset: a preset's name or folder.
        tag: of the preset that is made, in snake case.
        epochs: passes over the photos.
        learning_rate: of the new head; the body gets a quarter of it.
        batch: photos in a step.
        hold_out: part of the photos that validates.
        seed: of everything that is random.

    Returns:
        A recipe for `train(recipe, data="photos/")`; change it with `dataclasses.replace`.

    Raises:
        PresetNotFound: no preset has that name.
        InvalidInput: the preset has several tasks.
    """
    record = presets.preset(preset)
    if len(record.labels) > 1:
        raise InvalidInput(
            f"{record.name} has the tasks {', '.join(record.labels)}; write a recipe whose data "
            "has them all"
        )
    return Recipe(
        preset=f"{record.architecture}.{tag}",
        summary=f"{record.name}, tuned on photos of one's own.",
        intended_use="Photos like those that it was tuned on.",
        limits="Not examined.",
        licence=record.licence,
        seed=seed,
        epochs=epochs,
        batch=batch,
        arguments={
            k: v for k, v in record.arguments.items() if k not in (*_FROM_CLASSES, "input_shape")
        },
        data=DataRecipe("folder", tuple(record.labels), hold_out),
        preprocessing=record.preprocessing,
        augmentation=Augmentation(border="mirror", zoom=0.3, flip=0.5, light=0.2),
        optimizer=OptimizerRecipe(
            name="adamw",
            learning_rate=learning_rate,
            warmup=0.15,
            weight_decay=0.02,
            momentum=0.9,
            average=0.95,
            body_rate=0.25,
            clip=1.0,
        ),
        loss=LossRecipe(label_smoothing=0.1, class_weights=0.5, weighting="sum"),
        weights=str(presets.folder(preset).resolve()),
    )
