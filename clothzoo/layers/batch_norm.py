"""Batch normalisation that never leaves inference mode."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="clothzoo")
class InferenceBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation by its moving statistics, also in training.

    In fine-tuning on a few thousand photos, statistics learnt from millions beat those of small
    batches. Neither of Keras's own ways gives that and keeps the scale and shift trainable:
    `trainable = False` freezes them too, and `training=False` in a Functional graph is overruled
    when the model is called with `training=True`.

    Args:
        **kwargs: as in `keras.layers.BatchNormalization`.

    Input shape:
        Any.

    Output shape:
        That of the input.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise by the moving mean and variance; `training` changes nothing."""
        return super().call(inputs, training=False, mask=mask)
