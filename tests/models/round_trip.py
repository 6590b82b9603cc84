"""Run in a process of its own: reload what another process saved, and compare the outputs.

    python round_trip.py FOLDER FIRST [NAME]

FOLDER holds for each architecture a .keras file, a .weights.h5 file and an .npz with input and
outputs. FIRST says which of clothzoo and keras is imported first, NAME which architecture alone
is reloaded.
"""

import sys
from pathlib import Path

folder, first, only = Path(sys.argv[1]), sys.argv[2], "".join(sys.argv[3:]) or "*"
if first == "clothzoo":
    import keras

    import clothzoo
else:
    import keras

    import clothzoo  # noqa: F401

import numpy as np  # noqa: E402

worst = 0.0
for archive in sorted(folder.glob(f"{only}.npz")):
    expected = dict(np.load(archive))
    x = expected.pop("input")
    model = keras.saving.load_model(archive.with_suffix(".keras"))
    fresh = keras.models.clone_model(model)
    fresh.load_weights(archive.with_suffix(".weights.h5"))
    for again in (model, fresh):
        outputs = again(x)
        outputs = outputs if isinstance(outputs, dict) else {"output": outputs}
        assert outputs.keys() == expected.keys(), archive
        for task, value in outputs.items():
            difference = np.abs(keras.ops.convert_to_numpy(value) - expected[task]).max()
            assert difference <= 1e-4, (archive.stem, task, difference)
            worst = max(worst, float(difference))
    print(keras.config.backend(), archive.stem)
print(f"worst difference {worst:.1e}")
