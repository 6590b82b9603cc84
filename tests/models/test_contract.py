"""What every architecture promises, checked on each that is registered."""

import hashlib

import keras
import numpy as np
import pytest

from clothzoo import models
from clothzoo.errors import InvalidInput, WeightsMismatch, WeightsNotFound
from tests.models.networks import flat, forward, images, seed_weights, small, values

FROM_SCRATCH = ["conventional_cnn", "inception_cnn", "inception_residual_cnn"]
# Building Inception-v3 takes seconds: what does not differ by backend is a long check of it.
LARGE = pytest.param("transfer_inception_v3", marks=pytest.mark.long)
TRANSFER = [LARGE, "transfer_mobilenet_v2"]

# Parameters, and a hash over the paths of all variables, of each default network. A change here
# changes what stored weights fit: it needs new weights, not new numbers.
GOLDEN = {
    "conventional_cnn": (161_514, "32e5a5c006548514"),
    "inception_cnn": (172_922, "bf97276d960c7214"),
    "inception_residual_cnn": (288_218, "e2dc507b65ad74ab"),
    "partially_shared_multitask_cnn": (437_395, "a956cc14504399a4"),
    "shared_multitask_cnn": (289_811, "3901305c74253485"),
    "transfer_inception_v3": (10_687_658, "53218acec205ef62"),
    "transfer_mobilenet_v2": (2_270_794, "79a3b71afcc4f4c0"),
}
DESIGNED = {"conventional_cnn": 0.16e6, "inception_cnn": 0.17e6, "inception_residual_cnn": 0.27e6}

each_architecture = pytest.mark.parametrize("name", models.list_models())
each_small_architecture = pytest.mark.parametrize(
    "name", [LARGE if name == "transfer_inception_v3" else name for name in models.list_models()]
)


@pytest.fixture(scope="module")
def network():
    """Architectures by name, each built once for the module; not to be changed by a test."""
    built = {}

    def get(name):
        if name not in built:
            built[name] = small(name)
        return built[name]

    return get


@pytest.mark.backend
@each_architecture
def test_forward_gives_a_probability_for_each_class(name, network):
    model = network(name)
    outputs = forward(model, images(model, 3))
    sizes = {"category": 17, "kids": 2} if models.architecture(name).multi_task else {"": 10}
    assert {task: value.shape for task, value in outputs.items()} == {
        task: (3, size) for task, size in sizes.items()
    }
    for value in outputs.values():
        np.testing.assert_allclose(value.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.backend
@each_architecture
def test_one_step_of_training_moves_every_trainable_variable(name):
    model = small(name)
    seed_weights(model)  # the gradients of a deep body at its own random start are too small
    model.compile(
        keras.optimizers.SGD(1.0),
        loss="sparse_categorical_crossentropy",
        run_eagerly=keras.config.backend() != "jax",  # there, compiling the whole is quicker
    )
    before = values(model.trainable_variables)
    outputs = model.output if isinstance(model.output, dict) else {"": model.output}
    labels = dict.fromkeys(outputs, np.array([0, 1, 0, 1]))
    model.train_on_batch(images(model, 4), labels.get("", labels))
    still = [
        v.path
        for v in model.trainable_variables
        if np.array_equal(keras.ops.convert_to_numpy(v), before[v.path])
    ]
    assert still == []


@each_small_architecture
@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_without_top_it_ends_in_a_map_or_a_vector(name, pooling, network):
    model = small(name, include_top=False, pooling=pooling)
    levels = models.feature_layers(model)
    channels = model.get_layer(levels["high"]).output.shape[-1]
    outputs = model.output if isinstance(model.output, dict) else {"": model.output}
    for output in outputs.values():
        assert output.shape[-1] == channels
        assert len(output.shape) == (2 if pooling else 4)


@each_small_architecture
def test_other_class_counts_change_only_the_head(name, network):
    multi = models.architecture(name).multi_task
    other = small(name, **({"tasks": {"a": 3}} if multi else {"classes": 3}))
    body = {v.path: tuple(v.shape) for v in other.weights if "predictions" not in v.path}
    default = {v.path: tuple(v.shape) for v in network(name).weights}
    if name != "partially_shared_multitask_cnn":  # there a branch is named after its task
        assert body.items() <= default.items()
    assert flat(other(images(other)))["a" if multi else ""].shape == (2, 3)


@pytest.mark.parametrize("name", FROM_SCRATCH)
@pytest.mark.parametrize("side", [28, 64, 96, 160, 224, 299])
def test_the_last_map_is_about_7_by_7_at_any_size(name, side):
    model = small(name, input_shape=(side, side, 3), include_top=False)
    assert all(5 <= n <= 10 for n in model.output_shape[1:3])


@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_parameters_are_as_designed(name, network):
    assert network(name).count_params() == pytest.approx(DESIGNED[name], rel=0.15)


@each_architecture
def test_parameters_and_variable_names_are_the_published_ones(name, network):
    paths = "\n".join(f"{v.path} {tuple(v.shape)}" for v in network(name).weights)
    digest = hashlib.sha256(paths.encode()).hexdigest()[:16]
    assert (network(name).count_params(), digest) == GOLDEN[name], paths


@each_small_architecture
def test_names_do_not_depend_on_what_was_built_before(name, network):
    again = small(name)
    assert [la.name for la in again.layers] == [la.name for la in network(name).layers]


@each_architecture
def test_the_graph_is_flat(name, network):
    assert not any(isinstance(layer, keras.Model) for layer in network(name).layers)


@each_small_architecture
def test_feature_layers_are_found_by_name_also_in_a_reloaded_model(name, network):
    model = network(name)
    levels = models.feature_layers(model)
    assert list(levels)[:3] == ["low", "mid", "high"]
    sides = [model.get_layer(levels[level]).output.shape[1] for level in ("low", "mid", "high")]
    assert sides == sorted(sides, reverse=True)
    assert set(levels.values()) <= {layer.name for layer in model.layers}
    again = keras.Model.from_config(model.get_config())
    assert models.feature_layers(again) == levels


@pytest.mark.backend
@each_architecture
def test_mixed_bfloat16_reaches_the_inner_layers_and_spares_the_head(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small(name)
    finally:
        keras.config.set_dtype_policy("float32")
    leaves = [la for la in model._flatten_layers() if not la._layers and la.weights]
    heads = [la for la in leaves if la.name.endswith("predictions")]
    assert {la.compute_dtype for la in leaves if la not in heads} == {"bfloat16"}
    assert {la.compute_dtype for la in heads} == {"float32"}
    assert {v.dtype for v in model.weights if "seed" not in v.path} == {"float32"}
    for value in forward(model, images(model)).values():
        assert value.dtype == np.float32


@each_small_architecture
def test_channels_first_gives_the_transposed_shapes(name, network):
    keras.config.set_image_data_format("channels_first")
    try:
        model = small(name)
        levels = models.feature_layers(model)
        first = {level: model.get_layer(layer).output.shape for level, layer in levels.items()}
    finally:
        keras.config.set_image_data_format("channels_last")
    for level, (_, channels, height, width) in first.items():
        layer = network(name).get_layer(models.feature_layers(network(name))[level])
        assert layer.output.shape == (None, height, width, channels)


@each_small_architecture
def test_it_grows_on_an_input_tensor(name):
    side, channels = small(name).input_shape[1:3][0], small(name).input_shape[3]
    image = keras.Input((side, side, channels), name="photo")
    doubled = keras.layers.Rescaling(2.0, name="twice")(image)
    model = small(name, input_tensor=doubled)
    assert model.inputs[0] is image
    assert "twice" in [layer.name for layer in model.layers]
    assert flat(model(images(model)))


@each_architecture
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (20, 20, 3)}, "too small"),
        ({"input_shape": (96, 96)}, r"\(height, width, channels\)"),
        ({"input_shape": (96, 96, None)}, "channels"),
        ({"pooling": "mean", "include_top": False}, "no pooling 'mean'"),
        ({"input_tensor": keras.KerasTensor((None, 96))}, "4 axes"),
    ],
)
def test_unusable_arguments_are_named(name, arguments, message):
    with pytest.raises(InvalidInput, match=message):
        models.architecture(name).factory(**arguments)


@each_architecture
def test_a_class_count_that_is_none_is_refused(name):
    multi = models.architecture(name).multi_task
    with pytest.raises(InvalidInput, match="1 or more"):
        small(name, **({"tasks": {"kids": 0}} if multi else {"classes": 0}))


@each_architecture
def test_a_path_without_a_file_is_refused_before_anything_is_built(name):
    with pytest.raises(WeightsNotFound, match="nowhere"):
        small(name, weights="nowhere/w.safetensors")


@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_a_size_that_is_not_known_is_refused_where_strides_follow_from_it(name):
    with pytest.raises(InvalidInput, match="height and width"):
        small(name, input_shape=(None, None, 3))


@pytest.mark.parametrize("name", TRANSFER)
def test_a_transfer_network_without_top_takes_any_size(name):
    model = small(name, input_shape=(None, None, 3), include_top=False)
    assert model(np.zeros((1, 96, 128, 3), "float32")).shape[0] == 1


@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_imagenet_is_refused_where_there_is_none(name):
    with pytest.raises(InvalidInput, match="no ImageNet weights"):
        small(name, weights="imagenet")


@pytest.mark.parametrize("name", TRANSFER)
def test_the_backbone_keeps_its_statistics_in_training_mode(name, network):
    model = network(name)
    record = models.feature_layers(model)
    body = keras.Model(model.input, model.get_layer(record["high"]).output)
    np.testing.assert_array_equal(
        body(images(model), training=True), body(images(model), training=False)
    )


@pytest.mark.parametrize("name", TRANSFER)
def test_a_backbone_file_fills_the_body_and_nothing_else(name, tmp_path):
    stock = _stock(name)
    stock.save_weights(tmp_path / "body.weights.h5")
    model = small(name, weights=tmp_path / "body.weights.h5")
    body = keras.Model(model.input, model.get_layer(models.feature_layers(model)["high"]).output)
    np.testing.assert_allclose(body(images(model)), stock(images(model)), atol=1e-5)


@pytest.mark.parametrize("name", TRANSFER)
def test_imagenet_weights_come_from_keras_applications_into_the_body(name, monkeypatch):
    stock = _stock(name)
    asked = []
    kind = {"transfer_inception_v3": "InceptionV3", "transfer_mobilenet_v2": "MobileNetV2"}[name]
    real = getattr(keras.applications, kind)

    def applications(*, weights, **kwargs):
        asked.append(weights)
        model = real(weights=None, **{**kwargs, "input_shape": (96, 96, 3)})
        if weights == "imagenet":
            keras.Model(model.input, model.get_layer(_last(name)).output).set_weights(
                stock.get_weights()
            )
        return model

    monkeypatch.setattr(keras.applications, kind, applications)
    model = small(name, weights="imagenet", input_shape=(96, 96, 3))
    assert asked == [None, "imagenet"]
    body = keras.Model(model.input, model.get_layer(_last(name)).output)
    for ours, theirs in zip(body.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", TRANSFER)
def test_a_file_of_a_whole_model_is_refused_as_a_body(name, network, tmp_path):
    network(name).save_weights(tmp_path / "whole.weights.h5")
    with pytest.raises(WeightsMismatch, match="whole"):
        small(name, weights=tmp_path / "whole.weights.h5")


@pytest.mark.parametrize("name", FROM_SCRATCH)
def test_a_keras_file_of_a_whole_network_is_taken(name, network, tmp_path):
    network(name).save_weights(tmp_path / "whole.weights.h5")
    again = small(name, weights=tmp_path / "whole.weights.h5")
    x = images(again)
    np.testing.assert_array_equal(again(x), network(name)(x))


def test_weights_fill_only_our_part_of_a_larger_model(network, tmp_path):
    network("inception_cnn").save_weights(tmp_path / "whole.weights.h5")
    mixed = keras.layers.Conv2D(1, 1, name="mix")(keras.Input((28, 28, 3), name="photo"))
    model = small("inception_cnn", input_tensor=mixed, weights=tmp_path / "whole.weights.h5")
    for variable in network("inception_cnn").weights:
        ours = next(v for v in model.weights if v.path == variable.path)
        np.testing.assert_array_equal(ours, variable)


def test_freeze_until_stops_training_up_to_that_layer():
    model = small("transfer_mobilenet_v2", freeze_until="block_13_expand_relu")
    trained = {v.path.partition("/")[0] for v in model.trainable_variables}
    assert not any(layer.startswith(("Conv1", "block_6_", "block_13_expand")) for layer in trained)
    assert {"block_13_depthwise", "Conv_1", "predictions"} <= trained


def test_freeze_until_an_unknown_layer_offers_a_near_one():
    with pytest.raises(InvalidInput, match="did you mean 'block_13_expand_relu'"):
        small("transfer_mobilenet_v2", freeze_until="block_13_expanded_relu")


def _last(name):
    return {"transfer_inception_v3": "mixed8", "transfer_mobilenet_v2": "out_relu"}[name]


def _stock(name):
    side = {"transfer_inception_v3": 75, "transfer_mobilenet_v2": 32}[name]
    kind = {"transfer_inception_v3": "InceptionV3", "transfer_mobilenet_v2": "MobileNetV2"}[name]
    stock = getattr(keras.applications, kind)(
        include_top=False, weights=None, input_shape=(side, side, 3)
    )
    return keras.Model(stock.input, stock.get_layer(_last(name)).output)
