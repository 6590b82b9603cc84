"""`python layout.py NAME …`: compare each network before and after its transposes are cancelled."""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import openvino as ov

from clothzoo.inference.layout import cancel_transposes

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.models.networks import small


def exported(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.xml")
        model.export(str(path), format="openvino", verbose=False)
        return ov.Core().read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def run(graph, images):
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return [np.array(v) for v in ov.compile_model(graph, "CPU", settings)([images]).values()]


def transposes(graph):
    return sum(op.get_type_name() == "Transpose" for op in graph.get_ops())


def compared(model):
    images = np.random.default_rng(0).random((1, *model.input_shape[1:]), np.float32)
    graph = exported(model)
    before, count = run(graph, images), transposes(graph)
    cancel_transposes(graph)
    for a, b in zip(before, run(graph, images), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    return count, transposes(graph)


def odd():
    """Axes are mixed, joined and left out in ways that a transpose cannot be carried through."""
    layers, x = keras.layers, keras.Input((6, 8, 3))
    a = layers.Conv2D(4, 3, padding="same")(x)
    b = layers.Permute((2, 1, 3))(layers.Conv2D(4, 3, padding="same")(x))
    rows = layers.Reshape((6, 8, 4))(b)
    joined = layers.Concatenate(axis=1)([a, rows])
    padded = layers.ZeroPadding2D(((1, 0), (0, 2)))(joined)
    means = keras.ops.mean(padded, axis=2, keepdims=True)
    scaled = layers.Add()([means, keras.ops.max(padded, axis=(1, 2), keepdims=True)])
    flat = layers.Flatten()(layers.Multiply()([scaled, padded]))
    return keras.Model(x, layers.Dense(3)(flat))


for name in sys.argv[1:]:
    keras.utils.set_random_seed(0)
    if name == "odd":
        compared(odd())
        print(name, flush=True)
    else:
        print(name, *compared(small(name)), flush=True)
    keras.backend.clear_session()
