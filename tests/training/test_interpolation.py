from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from clothzoo.errors import InvalidInput
from clothzoo.training.interpolation import body, move_towards
from clothzoo.training.recipes import load_recipe


def network() -> keras.Model:
    x = keras.Input((4,), name="image")
    y = keras.layers.BatchNormalization(name="bn")(keras.layers.Dense(3, name="below")(x))
    return keras.Model(x, keras.layers.Dense(2, name="head")(y))


def test_the_body_goes_part_of_the_way_and_the_head_stays() -> None:
    keras.utils.set_random_seed(0)
    model = network()
    start = body(model)
    assert {path.split("/")[0] for path in start} == {"below", "bn"}
    trained = {v.path: v.numpy() + 1.0 for v in model.weights}
    for variable in model.weights:
        variable.assign(trained[variable.path])
    move_towards(model, start, 0.25)
    for variable in model.weights:
        moved = 0.0 if variable.path.startswith("head") else 0.25
        np.testing.assert_allclose(variable.numpy(), trained[variable.path] - moved, rtol=1e-6)


def test_random_weights_are_not_kept(tmp_path: Path) -> None:
    text = load_recipe("transfer_mobilenet_v2.retrieval").to_toml()
    path = tmp_path / "recipe.toml"
    path.write_text("".join(x for x in text.splitlines(True) if not x.startswith("weights =")))
    with pytest.raises(InvalidInput, match="names no 'weights'"):
        load_recipe(path)
