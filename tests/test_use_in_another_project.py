"""A package that depends on clothzoo builds, trains, saves and reloads a larger model."""

import os
import subprocess
import sys
from pathlib import Path

TRAIN = """
import sys
import keras
import numpy as np
from wardrobe import suits_the_weather

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
photos = rng.integers(0, 256, (64, 32, 32, 3)).astype("float32")
photos[::2, :, :, 0] = 255
degrees = np.where(np.arange(64) % 2, 30.0, 0.0)[:, None]
model = suits_the_weather()
model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy")
losses = model.fit([photos, degrees], degrees > 15, epochs=6, verbose=0).history["loss"]
assert losses[-1] < losses[0] / 2, losses
model.save(sys.argv[1] + "/suits.keras")
np.savez(sys.argv[1] + "/suits.npz", photos=photos, degrees=degrees,
         outputs=model.predict([photos, degrees], verbose=0))
"""
# The reloading process does not know the package: the saved file needs only clothzoo.
RELOAD = """
import sys
import clothzoo, keras
import numpy as np

saved = np.load(sys.argv[1] + "/suits.npz")
model = keras.saving.load_model(sys.argv[1] + "/suits.keras")
outputs = model.predict([saved["photos"], saved["degrees"]], verbose=0)
np.testing.assert_allclose(outputs, saved["outputs"], atol=1e-6)
assert clothzoo.models.feature_layers(model)["low"] == "inception_residual1"
"""


def run(code, folder, **extra):
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **extra},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_network_of_ours_inside_another_projects_model_trains_saves_and_reloads(tmp_path):
    run(TRAIN, tmp_path, PYTHONPATH=str(Path(__file__).with_name("wardrobe")))
    run(RELOAD, tmp_path)
