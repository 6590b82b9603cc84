"""What a network says of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets import Record
from clothzoo.preprocessing import Preprocessing
from clothzoo.training.augmentation import Augmentation
from clothzoo.training.feeder import Feeder

_BATCH = 128


def logits_of(
    network: keras.Model,
    preprocessing: Preprocessing,
    records: Sequence[Record],
    *,
    mirrored: bool = False,
) -> dict[str, NDArray[Any]]:
    """A network's outputs for records.

    Args:
        network: with one output or {task: output}.
        preprocessing: pictures → input.
        records: their labels do not matter.
        mirrored: show every picture left to right.

    Returns:
        {task: (N, classes)} in the records' order; a plain output's task is "".
    """
    feeder = Feeder(
        records,
        preprocessing,
        {},
        batch_size=_BATCH,
        augmentation=Augmentation(flip=1.0) if mirrored else None,
        cache=0,
    )
    outputs = network.predict(feeder, verbose=0)
    by_task = outputs if isinstance(outputs, dict) else {"": outputs}
    return {task: np.asarray(values) for task, values in by_task.items()}
