"""Batches for `fit`, `evaluate` and `predict` on every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from clothzoo.datasets.record import Label, Record
from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.preprocessing import Preprocessing
from clothzoo.training.augmentation import Augmentation
from clothzoo.training.pictures import Pictures

Floats = NDArray[np.float32]
Batch = tuple[Any, ...]

_AHEAD = 4


class Feeder(keras.utils.PyDataset):
    """Records as batches, which Keras asks for in threads, a few ahead and never more.

    What a batch holds follows from the seed, the epoch and the batch's number alone, so that a
    resumed run sees what the unbroken one would have seen. Keras does not tell a data set at
    which epoch it resumes: give `fit` the callback `feeder.follow_epochs()`.

    A batch is (x, y) for one task, (x, {task: y}, {task: weights}) for several, (x,) for none;
    for one task (x, y, weights) if a label is missing or there are class weights.
    x: float32 (n, height, width, channels). y: float32 (n, labels), one-hot, all zero where the
    label is not known. weights: float32 (n,), 0 where the label is not known.

    Args:
        records: what to learn from or to judge by.
        preprocessing: pictures → the network's input.
        labels: task → its labels in the order of the network's outputs.
        batch_size: pictures in a batch; the last one has what is left.
        shuffle: take the records in another order in each epoch.
        augmentation: how pictures are varied, each time anew.
        class_weights: task → a weight for each of its labels.
        seed: of order and augmentation.
        cache: decoded pictures are kept as uint8 if all of them fit into that many bytes.

    Raises:
        InvalidInput: the batch size is below 1, or a record has a label that `labels` lacks.

    Example:
        ```python
        feeder = Feeder(records, preprocessing, {"category": LABELS}, shuffle=True)
        # shuffle=False: the feeder shuffles; Keras would shuffle the batches once more, by a
        # global state that no seed of ours repeats.
        model.fit(feeder, epochs=5, shuffle=False, callbacks=[feeder.follow_epochs()])
        ```
    """

    def __init__(
        self,
        records: Sequence[Record],
        preprocessing: Preprocessing,
        labels: Mapping[str, Sequence[Label]],
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        augmentation: Augmentation | None = None,
        class_weights: Mapping[str, Sequence[float]] | None = None,
        seed: int = 0,
        cache: int = 1 << 30,
    ) -> None:
        # With one worker, Keras on TensorFlow leaves reading ahead to tf.data's autotuning, and
        # waits up to a minute for the end of that thread between two epochs.
        super().__init__(workers=2, max_queue_size=_AHEAD)
        if batch_size < 1:
            raise InvalidInput(f"batch_size must be at least 1, not {batch_size}")
        self.epoch = 0
        self._size = len(records)
        self._preprocessing = preprocessing
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._augmentation = augmentation or Augmentation()
        self._seed = seed
        self._pictures = Pictures([record.image for record in records], preprocessing, cache)
        self._targets = {task: _one_hot(records, task, names) for task, names in labels.items()}
        weigh = class_weights or {}
        self._weights = {
            task: (y @ np.array(weigh.get(task, [1.0] * y.shape[1]))).astype(np.float32)
            for task, y in self._targets.items()
        }
        self._weighted = len(labels) > 1 or any((w != 1).any() for w in self._weights.values())

    def __len__(self) -> int:
        return -(-self._size // self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        """The batch of that number in the current epoch.

        Raises:
            IndexError: there are not so many batches.
            UnreadablePhoto: a file cannot be decoded; the error names it.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        rows = self.order(self.epoch)[index * self._batch_size : (index + 1) * self._batch_size]
        rng = np.random.default_rng([self._seed, self.epoch, 1 + index])
        x = self._preprocessing.normalise(self._augmentation(rng, self._pictures[rows]))
        targets = {task: y[rows] for task, y in self._targets.items()}
        weights = {task: w[rows] for task, w in self._weights.items()}
        if not targets:
            return (x,)
        if len(targets) > 1:
            return x, targets, weights
        (y,), (w,) = targets.values(), weights.values()
        return (x, y, w) if self._weighted else (x, y)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch; Keras calls this."""
        self.epoch += 1

    def follow_epochs(self) -> keras.callbacks.Callback:
        """A callback that tells the feeder which epoch `fit` is at, be it resumed or not."""

        def follow(epoch: int, _logs: Any) -> None:
            self.epoch = epoch

        return keras.callbacks.LambdaCallback(on_epoch_begin=follow)

    def order(self, epoch: int) -> NDArray[np.intp]:
        """The records' numbers in the order in which an epoch takes them; int (N,)."""
        if not self._shuffle:
            return np.arange(self._size)
        return np.random.default_rng([self._seed, epoch, 0]).permutation(self._size)


def _one_hot(records: Sequence[Record], task: str, names: Sequence[Label]) -> Floats:
    number = {name: i for i, name in enumerate(names)}
    y = np.zeros((len(records), len(number)), np.float32)
    for row, record in enumerate(records):
        label = record.labels.get(task)
        if label is None:
            continue
        if label not in number:
            near = did_you_mean(str(label), map(str, names))
            raise InvalidInput(f"record {record.id!r} has the unknown {task} {label!r}{near}")
        y[row, number[label]] = 1
    return y
