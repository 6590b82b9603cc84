"""Recipes, the batch feeder, the trainer, and what a trained network is worth."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clothzoo.training.augmentation import Augmentation
    from clothzoo.training.cross_validation import cross_validate
    from clothzoo.training.evaluation import Evaluation, evaluate
    from clothzoo.training.feeder import Feeder
    from clothzoo.training.fine_tuning import fine_tuning_recipe
    from clothzoo.training.multitask import compare, relative_gain
    from clothzoo.training.recipes import Recipe, list_recipes, load_recipe
    from clothzoo.training.trainer import train

_NAMES = {
    "Augmentation": "augmentation",
    "Evaluation": "evaluation",
    "Feeder": "feeder",
    "Recipe": "recipes",
    "compare": "multitask",
    "cross_validate": "cross_validation",
    "evaluate": "evaluation",
    "fine_tuning_recipe": "fine_tuning",
    "list_recipes": "recipes",
    "load_recipe": "recipes",
    "relative_gain": "multitask",
    "train": "trainer",
}

__all__ = [
    "Augmentation",
    "Evaluation",
    "Feeder",
    "Recipe",
    "compare",
    "cross_validate",
    "evaluate",
    "fine_tuning_recipe",
    "list_recipes",
    "load_recipe",
    "relative_gain",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'clothzoo.training' has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
