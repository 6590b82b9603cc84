"""Keras's own optimisers and schedules, put together as a recipe says."""

from __future__ import annotations

import re
from collections.abc import Sequence

import keras

from clothzoo.training.recipes import OptimizerRecipe

_FIRST = 1 / 25
_NOT_DECAYED = ("bias", "gamma", "beta", "log_variances")


def schedule(
    recipe: OptimizerRecipe, steps: int, factor: float = 1.0
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate over a run: a straight climb, then a cosine down to zero.

    Args:
        recipe: how high and how long.
        steps: of the whole run.
        factor: multiplies it.

    Returns:
        A Keras schedule.

    Reference:
        Smith, Topin, "Super-Convergence", 2018, https://arxiv.org/abs/1708.07120; the cosine in
        place of its second straight line follows Loshchilov, Hutter, "SGDR", 2017,
        https://arxiv.org/abs/1608.03983.
    """
    highest = recipe.learning_rate * factor
    climb = round(recipe.warmup * steps)
    if not climb:
        return keras.optimizers.schedules.CosineDecay(highest, steps)
    return keras.optimizers.schedules.CosineDecay(
        highest * _FIRST, max(1, steps - climb), warmup_target=highest, warmup_steps=climb
    )


def optimizer(
    recipe: OptimizerRecipe, steps: int, head: Sequence[str] = ()
) -> keras.optimizers.Optimizer:
    """The optimiser of a run.

    Args:
        recipe: its table.
        steps: of the whole run.
        head: names of the head's layers, which get the full learning rate where the body gets
            a part of it.

    Returns:
        A Keras optimiser.
    """
    if recipe.body_rate == 1:
        return _single(recipe, steps, 1.0)
    rates = keras.optimizers.OptimizerMap(_single(recipe, steps, recipe.body_rate))
    rates["(.*/)?(" + "|".join(map(re.escape, head)) + ")/.*"] = _single(recipe, steps, 1.0)
    return keras.optimizers.MultiOptimizer(rates)


def _single(recipe: OptimizerRecipe, steps: int, factor: float) -> keras.optimizers.Optimizer:
    common = {
        "learning_rate": schedule(recipe, steps, factor),
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": recipe.clip or None,
        "use_ema": recipe.average > 0,
        "ema_momentum": recipe.average or 0.99,
    }
    made = (
        keras.optimizers.SGD(momentum=recipe.momentum, nesterov=True, **common)
        if recipe.name == "sgd"
        else keras.optimizers.AdamW(beta_1=recipe.momentum, **common)
    )
    made.exclude_from_weight_decay(var_names=list(_NOT_DECAYED))
    return made
