from __future__ import annotations

import keras
import numpy as np
import pytest

from clothzoo.training.learner import Learner
from clothzoo.training.losses import cross_entropy
from clothzoo.training.recipes import LossRecipe


@pytest.fixture
def learner() -> Learner:
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(image)
    outputs = {t: keras.layers.Dense(n, name=t)(flat) for t, n in (("kind", 3), ("kids", 2))}
    made = Learner(keras.Model(image, outputs), ("kind", "kids"), LossRecipe(0.0, 0.0, "sum"))
    accuracy = {t: [keras.metrics.CategoricalAccuracy("accuracy")] for t in made.tasks}
    made.compile("sgd", weighted_metrics=accuracy)
    return made


def test_unknown_labels_count_neither_in_the_loss_nor_in_the_accuracy(learner: Learner) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((8, 4, 4, 1), np.float32)
    y = {
        "kind": np.eye(3, dtype=np.float32)[rng.integers(0, 3, 8)],
        "kids": np.eye(2, dtype=np.float32)[rng.integers(0, 2, 8)],
    }
    known = np.arange(8) < 3
    y["kids"][~known] = 0
    weights = {"kind": np.ones(8, np.float32), "kids": known.astype(np.float32)}
    found = learner.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    logits = learner.predict(x, verbose=0)
    loss = keras.ops.convert_to_numpy(cross_entropy(y["kids"][:3], logits["kids"][:3])).mean()
    assert found["kids_loss"] == pytest.approx(loss, rel=1e-5)
    right = (logits["kids"].argmax(axis=1) == y["kids"].argmax(axis=1))[:3].mean()
    assert found["kids_accuracy"] == pytest.approx(right)
    assert found["loss"] == pytest.approx(found["kind_loss"] + found["kids_loss"], rel=1e-5)


def test_a_task_without_a_single_known_label_does_not_move_its_head(learner: Learner) -> None:
    before = learner.network.get_layer("kids").get_weights()
    x = np.ones((4, 4, 4, 1), np.float32)
    y = {"kind": np.eye(3, dtype=np.float32)[[0, 1, 2, 0]], "kids": np.zeros((4, 2), np.float32)}
    weights = {"kind": np.ones(4, np.float32), "kids": np.zeros(4, np.float32)}
    learner.fit(x, y, sample_weight=weights, verbose=0)
    for old, new in zip(before, learner.network.get_layer("kids").get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
