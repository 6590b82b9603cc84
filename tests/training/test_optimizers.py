from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from clothzoo.training.optimizers import optimizer, schedule

from .samples import small_recipe

RECIPE = dataclasses.replace(small_recipe().optimizer, learning_rate=0.4)


def test_one_cycle_climbs_to_its_rate_and_falls_to_zero() -> None:
    rates = [float(schedule(RECIPE, 100)(step)) for step in range(101)]
    assert rates[0] == pytest.approx(0.4 / 25)
    assert int(np.argmax(rates)) == 25
    assert max(rates) == pytest.approx(0.4)
    assert np.all(np.diff(rates[:26]) > 0)
    assert np.all(np.diff(rates[25:]) < 0)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_without_a_warm_up_the_rate_is_a_plain_cosine() -> None:
    plain = schedule(dataclasses.replace(RECIPE, warmup=0.0), 100)
    steps = np.arange(101)
    expected = 0.2 * (1 + np.cos(np.pi * steps / 100))
    np.testing.assert_allclose([float(plain(s)) for s in steps], expected, atol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_only_kernels_decay(name: str) -> None:
    network = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3), keras.layers.BatchNormalization()]
    )
    recipe = dataclasses.replace(RECIPE, name=name, weight_decay=0.1, warmup=0.0, average=0.0)
    made = optimizer(recipe, 100)
    before = [v.numpy() for v in network.trainable_variables]
    made.apply(
        [keras.ops.zeros(v.shape) for v in network.trainable_variables], network.trainable_variables
    )
    for variable, old in zip(network.trainable_variables, before, strict=True):
        factor = 1 - 0.4 * 0.1 if variable.name == "kernel" else 1
        np.testing.assert_allclose(variable.numpy(), factor * old, rtol=1e-5)
