"""A recipe so small that it trains in seconds, and drawn garments to train it on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from clothzoo.datasets import rendered
from clothzoo.preprocessing import Preprocessing
from clothzoo.training import Augmentation, Recipe
from clothzoo.training.recipes import DataRecipe, LossRecipe, OptimizerRecipe


def small_recipe(**changes: Any) -> Recipe:
    """Three epochs of a narrow network on 32-pixel pictures."""
    recipe = Recipe(
        preset="conventional_cnn.small",
        summary="A small network.",
        intended_use="Tests.",
        limits="It knows drawn garments.",
        licence="Apache-2.0",
        seed=3,
        epochs=3,
        batch=16,
        arguments={"width": 0.25},
        data=DataRecipe("folder", ("category",), 0.25),
        preprocessing=Preprocessing(size=(32, 32)),
        augmentation=Augmentation(shift=0.1, flip=0.5, erase=0.2),
        optimizer=OptimizerRecipe(
            name="sgd", learning_rate=0.05, warmup=0.25, weight_decay=1e-3, momentum=0.9,
            average=0.8, body_rate=1.0, clip=0.0,
        ),
        loss=LossRecipe(label_smoothing=0.05, class_weights=0.0, weighting="sum"),
    )  # fmt: skip
    return dataclasses.replace(recipe, **changes)


def write_garments(folder: Path, garments: int = 30) -> Path:
    """Drawn garments as JPEG files; returns their table."""
    rendered.write(rendered.render(garments, views=2, size=48), folder)
    return folder / "labels.csv"
