import doctest
import importlib

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clothzoo import layers
from clothzoo.layers import (
    ConvBN,
    CrossStitch,
    FusedBatchNormalization,
    InceptionModule,
    InceptionResidualBlock,
    InferenceBatchNormalization,
    ResidualBlock,
)

MAPS = {
    "conv_bn": (ConvBN, {"filters": 8, "kernel_size": 3, "strides": 2, "activation": None}),
    "inception": (
        InceptionModule,
        {"filters_1x1": 4, "filters_3x3": (4, 8), "filters_double_3x3": (2, 4), "filters_pool": 4},
    ),
    "residual_identity": (ResidualBlock, {"filters": 6}),
    "residual_projected": (ResidualBlock, {"filters": 8, "strides": 2}),
    "inception_residual": (
        InceptionResidualBlock,
        {
            "filters": 12,
            "filters_1x1": 4,
            "filters_3x3": (4, 8),
            "filters_double_3x3": (2, 4),
            "filters_pool": 4,
        },
    ),
}
each_map_layer = pytest.mark.parametrize(("kind", "arguments"), MAPS.values(), ids=MAPS)


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(size=(2, 9, 7, 6)).astype("float32")


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@each_map_layer
def test_the_config_rebuilds_the_layer(kind, arguments, maps):
    layer = kind(name="some_layer", **arguments)
    expected = layer(maps)
    again = kind.from_config(layer.get_config())
    again.build(maps.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(maps), expected)
    assert again.get_config() == layer.get_config()


@each_map_layer
def test_every_argument_is_in_the_config(kind, arguments):
    config = kind(**arguments).get_config()
    assert {k: config[k] for k in arguments} == arguments


@each_map_layer
def test_the_promised_shape_is_the_real_one(kind, arguments, maps):
    layer = kind(**arguments)
    assert layer.compute_output_shape(maps.shape) == tuple(layer(maps).shape)
    assert layer.compute_output_shape((None, None, None, 6))[:3] == (None, None, None)


@each_map_layer
def test_channels_first_gives_the_transposed_shape(kind, arguments, maps, channels_first):
    shape = kind(**arguments).compute_output_shape((2, 6, 9, 7))
    symbolic = kind(**arguments)(keras.Input((6, 9, 7)))
    last = kind(**arguments, data_format="channels_last").compute_output_shape(maps.shape)
    assert shape == (last[0], last[3], last[1], last[2])
    assert tuple(symbolic.shape[1:]) == shape[1:]


@each_map_layer
def test_a_mixed_policy_reaches_the_innermost_layers(kind, arguments, maps):
    layer = kind(dtype="mixed_bfloat16", **arguments)
    out = layer(maps)
    inner = [la for la in layer._flatten_layers() if not la._layers]
    assert {la.compute_dtype for la in inner} == {"bfloat16"}
    assert {v.dtype for v in layer.variables} == {"float32"}
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"


@each_map_layer
def test_registered_under_the_package_name(kind, arguments):
    assert keras.saving.get_registered_name(kind) == f"clothzoo>{kind.__name__}"


@pytest.mark.parametrize("name", sorted(layers.__all__))
def test_docstring_examples_hold(name):
    module = importlib.import_module(getattr(layers, name).__module__)
    assert doctest.testmod(module).failed == 0


def test_the_inception_module_equals_its_branches_of_stock_layers(maps):
    module = InceptionModule(4, (4, 8), (2, 4), 4, name="m")
    module(maps)
    rng = np.random.default_rng(1)
    module.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in module.get_weights()])
    x = keras.Input(maps.shape[1:])

    def conv(layer, y):
        stock = [
            keras.layers.Conv2D(layer.filters, layer.kernel_size, padding="same", use_bias=False),
            keras.layers.BatchNormalization(epsilon=layer.epsilon),
            keras.layers.ReLU(),
        ]
        for part in stock:
            y = part(y)
        stock[0].set_weights(layer.conv.get_weights())
        stock[1].set_weights(layer.bn.get_weights())
        return y

    outputs = [conv(module.branch1x1, x)]
    outputs.append(conv(module.branch3x3, conv(module.branch3x3_reduce, x)))
    double = conv(module.branch3x3dbl_1, conv(module.branch3x3dbl_reduce, x))
    outputs.append(conv(module.branch3x3dbl_2, double))
    pooled = keras.layers.AveragePooling2D(3, strides=1, padding="same")(x)
    outputs.append(conv(module.branch_pool, pooled))
    stock = keras.Model(x, keras.layers.Concatenate()(outputs))
    np.testing.assert_allclose(module(maps), stock(maps), rtol=1e-4, atol=1e-4)


def test_an_identity_shortcut_that_cannot_fit_is_refused(maps):
    with pytest.raises(ValueError, match="shortcut='projection'"):
        ResidualBlock(8, shortcut="identity")(maps)


def test_an_unknown_shortcut_is_refused():
    with pytest.raises(ValueError, match="'none'"):
        ResidualBlock(8, shortcut="none")


def test_a_fitting_residual_block_starts_as_a_sum_with_its_input(maps):
    block = ResidualBlock(6, activation=None)
    block(maps)
    block.conv2.bn.gamma.assign(np.zeros(6))
    np.testing.assert_allclose(block(maps), maps, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 4), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_cross_stitch_mixes_as_the_formula_says(tasks, channels, seed):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(tasks, 2, 3, 3, channels)).astype("float32")
    layer = CrossStitch()
    layer(list(maps))
    mixing = rng.normal(size=(tasks, tasks, channels)).astype("float32")
    layer.set_weights([mixing])
    expected = np.einsum("tsc,snhwc->tnhwc", mixing, maps)
    np.testing.assert_allclose(np.stack(layer(list(maps))), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.backend
def test_cross_stitch_takes_weights_on_every_backend():
    layer = CrossStitch()
    layer([np.ones((1, 2, 2, 3), "float32")] * 2)
    mixing = np.arange(12, dtype="float32").reshape(2, 2, 3)
    layer.set_weights([mixing])
    np.testing.assert_array_equal(layer.get_weights()[0], mixing)


def test_cross_stitch_starts_near_the_identity_and_keeps_the_sum_of_weights():
    layer = CrossStitch(own=0.8)
    layer([np.ones((1, 2, 2, 3), "float32")] * 3)
    (mixing,) = layer.get_weights()
    np.testing.assert_allclose(mixing.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixing[0, :, 0], [0.8, 0.1, 0.1], rtol=1e-6)


def test_cross_stitch_refuses_maps_of_different_shapes():
    with pytest.raises(ValueError, match="one shape"):
        CrossStitch()([np.ones((1, 2, 2, 3)), np.ones((1, 2, 2, 4))])


def test_inference_batch_norm_ignores_training_but_learns_scale_and_shift(maps):
    layer = InferenceBatchNormalization()

    def everything(training):
        arrays = (layer(maps, training=training), *layer.non_trainable_variables)
        return [np.copy(keras.ops.convert_to_numpy(a)) for a in arrays]

    before, after = everything(training=False), everything(training=True)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    assert [v.name for v in layer.trainable_variables] == ["gamma", "beta"]


on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="only TensorFlow can do it"
)


def normalised(kind, x, *, training, dtype="float32", **arguments):
    """Output, moving statistics, and gradients of a weighted sum of the output."""
    layer = kind(dtype=dtype, **arguments)
    layer.build(x.shape)
    rng = np.random.default_rng(3)
    layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    tf = pytest.importorskip("tensorflow")
    weights = tf.constant(rng.normal(size=x.shape), "float32")
    x = tf.Variable(tf.cast(x, layer.compute_dtype))
    with tf.GradientTape() as tape:
        y = tf.cast(layer(x, training=training), "float32")
        loss = tf.reduce_sum(y * weights)
    learnt = [v.value for v in layer.trainable_variables]
    gradients = tape.gradient(loss, [x, *learnt])
    moving = [v.numpy() for v in layer.non_trainable_variables]
    return y.numpy(), moving, [tf.cast(g, "float32").numpy() for g in gradients]


@on_tensorflow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("arguments", [{}, {"scale": False}, {"center": False, "epsilon": 1e-5}])
@pytest.mark.parametrize(("dtype", "atol"), [("float32", 2e-5), ("mixed_bfloat16", 0.06)])
def test_fused_batch_norm_is_that_of_keras(maps, training, arguments, dtype, atol):
    found = normalised(FusedBatchNormalization, maps, training=training, dtype=dtype, **arguments)
    wanted = normalised(
        keras.layers.BatchNormalization, maps, training=training, dtype=dtype, **arguments
    )
    np.testing.assert_allclose(found[0], wanted[0], atol=atol)
    for mine, theirs in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    for mine, theirs in zip(found[2], wanted[2], strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(mine / scale, theirs / scale, atol=atol)


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((5, 6), {}),
        ((2, 6, 9, 7), {"axis": 1}),
        pytest.param((2, 9, 7, 6), {"synchronized": True}, marks=on_tensorflow),
    ],
)
def test_what_cannot_be_fused_goes_the_way_of_keras(shape, arguments):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    mine, theirs = (
        FusedBatchNormalization(**arguments),
        keras.layers.BatchNormalization(**arguments),
    )
    for training in (True, False):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(mine(x, training=training)),
            keras.ops.convert_to_numpy(theirs(x, training=training)),
            atol=1e-6,
        )


def test_a_mask_is_heeded(maps):
    mask = np.ones(maps.shape[:3], bool)
    mask[0] = False
    layer = FusedBatchNormalization(momentum=0.0)
    layer(maps, training=True, mask=mask)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer.moving_mean), maps[1].mean(axis=(0, 1)), atol=1e-5
    )


def test_a_frozen_layer_normalises_by_what_it_knows(maps):
    layer = FusedBatchNormalization()
    layer.build(maps.shape)
    layer.trainable = False
    out = keras.ops.convert_to_numpy(layer(maps, training=True))
    np.testing.assert_allclose(out, maps / np.sqrt(1 + layer.epsilon), atol=1e-5)
