from __future__ import annotations

import keras
import numpy as np
import pytest

from clothzoo.layers import InferenceBatchNormalization
from clothzoo.training.statistics import recalibrate


class Batches(list):
    """Batches that note which of them were taken."""

    def __init__(self, batches):
        super().__init__(batches)
        self.taken = []

    def __getitem__(self, index):
        self.taken.append(index)
        return super().__getitem__(index)


@pytest.fixture
def batches() -> Batches:
    rng = np.random.default_rng(0)
    return Batches([(rng.normal(3, 2, (64, 4, 4, 2)).astype("float32"),) for _ in range(60)])


def network(layer: keras.layers.Layer) -> keras.Model:
    inputs = keras.Input((4, 4, 2))
    return keras.Model(inputs, keras.layers.Dropout(0.5)(layer(inputs)))


def test_the_statistics_become_those_of_the_pictures(batches):
    model = network(keras.layers.BatchNormalization(momentum=0.8))
    seed = keras.ops.convert_to_numpy(model.layers[2].seed_generator.state).copy()
    recalibrate(model, batches)
    mean, variance = (
        keras.ops.convert_to_numpy(v)
        for v in (model.layers[1].moving_mean, model.layers[1].moving_variance)
    )
    np.testing.assert_allclose(mean, 3, atol=0.05)
    np.testing.assert_allclose(variance, 4, atol=0.2)
    after = keras.ops.convert_to_numpy(model.layers[2].seed_generator.state)
    assert np.array_equal(after, seed)
    assert len(batches.taken) == 60


def test_fixed_statistics_stay_and_are_not_measured(batches):
    model = network(InferenceBatchNormalization())
    recalibrate(model, batches)
    assert keras.ops.convert_to_numpy(model.layers[1].moving_mean).tolist() == [0, 0]
    assert batches.taken == [0]


def test_a_network_without_statistics_is_left_alone(batches):
    recalibrate(network(keras.layers.Activation("relu")), batches)
    assert not batches.taken
