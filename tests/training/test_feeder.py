from __future__ import annotations

import threading
import time

import keras
import numpy as np
import pytest
from PIL import Image

from clothzoo.datasets import Record, rendered
from clothzoo.errors import InvalidInput, UnreadablePhoto
from clothzoo.preprocessing import FASHION_MNIST, Preprocessing
from clothzoo.training.augmentation import Augmentation
from clothzoo.training.feeder import Feeder
from clothzoo.training.pictures import Pictures

SMALL = Preprocessing((8, 8), color="grey", scale=1.0)
LABELS = {"category": ("a", "b", "c")}


def numbered(count: int, **labels) -> list[Record]:
    """Records whose pixels say their number."""
    return [
        Record(np.full((8, 8), n, np.uint8), {"category": "abc"[n % 3], **labels}, str(n))
        for n in range(count)
    ]


def epoch(feeder: Feeder) -> list[int]:
    """The records' numbers as an epoch hands them out; then on to the next epoch."""
    numbers = [int(n) for batch in feeder for n in batch[0][:, 0, 0, 0]]
    feeder.on_epoch_end()
    return numbers


def test_every_record_comes_once_an_epoch_and_the_last_batch_has_what_is_left():
    feeder = Feeder(numbered(23), SMALL, LABELS, batch_size=5, shuffle=True)
    assert len(feeder) == 5
    assert [len(batch[0]) for batch in feeder] == [5, 5, 5, 5, 3]
    assert sorted(epoch(feeder)) == list(range(23))
    with pytest.raises(IndexError):
        feeder[5]
    assert epoch(Feeder(numbered(7), SMALL, LABELS, batch_size=3)) == list(range(7))


def test_order_and_augmentation_follow_from_seed_and_epoch():
    vary = Augmentation(shift=0.2, flip=0.5, erase=0.5)

    def feeder(seed: int) -> Feeder:
        return Feeder(
            numbered(50), SMALL, LABELS, batch_size=8, shuffle=True, augmentation=vary, seed=seed
        )

    unbroken, resumed, other = feeder(1), feeder(1), feeder(2)
    epochs = []
    for _ in range(3):
        epochs.append([batch[0] for batch in unbroken])
        unbroken.on_epoch_end()
    resumed.epoch = 2
    assert all(np.array_equal(a[0], b) for a, b in zip(resumed, epochs[2], strict=True))
    assert not np.array_equal(epochs[0][0], epochs[1][0])
    assert not np.array_equal(other[0][0], epochs[0][0])


def test_batches_asked_for_in_any_order_and_by_many_threads_are_the_same():
    feeder = Feeder(numbered(60), SMALL, LABELS, batch_size=4, shuffle=True)
    expected = [batch[0] for batch in feeder]
    found: dict[int, np.ndarray] = {}

    def ask(indices):
        for i in indices:
            found[i] = feeder[i][0]

    threads = [threading.Thread(target=ask, args=(range(k, 15, 4),)) for k in (3, 2, 1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[i], expected[i]) for i in range(15))


def test_one_task_gives_one_hot_labels_and_none_gives_pictures_only():
    (x, y), *_ = Feeder(numbered(4), SMALL, LABELS, batch_size=4)
    assert x.shape == (4, 8, 8, 1)
    assert x.dtype == y.dtype == np.float32
    assert y.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert len(Feeder(numbered(4), SMALL, {})[0]) == 1


def test_a_missing_label_has_weight_zero():
    records = [*numbered(2), Record(np.zeros((8, 8), np.uint8), {"category": None}, "x")]
    _, y, weights = Feeder(records, SMALL, LABELS)[0]
    assert weights.tolist() == [1, 1, 0]
    assert y[2].tolist() == [0, 0, 0]


def test_several_tasks_give_labels_and_weights_by_name():
    records = [*numbered(2, kids=True), *numbered(1, kids=None), *numbered(1)]
    _, y, weights = Feeder(records, SMALL, {**LABELS, "kids": (False, True)})[0]
    assert y["kids"].tolist() == [[0, 1], [0, 1], [0, 0], [0, 0]]
    assert weights["kids"].tolist() == [1, 1, 0, 0]
    assert weights["category"].tolist() == [1, 1, 1, 1]


def test_class_weights_weigh_each_label():
    _, _, weights = Feeder(numbered(4), SMALL, LABELS, class_weights={"category": (1, 2, 0.5)})[0]
    assert weights.tolist() == [1, 2, 0.5, 1]


def test_an_unknown_label_is_named():
    with pytest.raises(InvalidInput, match=r"record '2' has the unknown category 'c'; known: a, b"):
        Feeder(numbered(3), SMALL, {"category": ("a", "b")})
    with pytest.raises(InvalidInput, match="batch_size"):
        Feeder(numbered(3), SMALL, LABELS, batch_size=0)


def test_files_are_decoded_once_when_they_fit_into_the_cache(tmp_path):
    paths = []
    for n in range(6):
        paths.append(tmp_path / f"{n}.png")
        Image.new("L", (20, 20), n).save(paths[-1])
    cached, uncached = Pictures(paths, SMALL, 1 << 20), Pictures(paths, SMALL, 0)
    rows = np.array([4, 0, 4])
    assert np.array_equal(cached[rows], uncached[rows])
    paths[4].unlink()
    assert cached[rows][:, 0, 0, 0].tolist() == [4, 0, 4]
    with pytest.raises(UnreadablePhoto, match=r"4\.png.*no such file"):
        uncached[rows]


def test_a_photo_that_cannot_be_read_stops_the_epoch_with_its_name(tmp_path):
    records = [*numbered(5), Record(tmp_path / "gone.jpg", {"category": "a"}, "gone")]
    with pytest.raises(UnreadablePhoto, match=r"gone\.jpg.*no such file"):
        list(Feeder(records, SMALL, LABELS, batch_size=2))


class StopAtOnce(keras.callbacks.Callback):
    """Ends a run after a batch that takes long."""

    def __init__(self, decoded):
        super().__init__()
        self.decoded = decoded

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.5)
        self.ahead = len(self.decoded)
        self.model.stop_training = True


def test_no_more_than_a_few_batches_are_decoded_ahead(monkeypatch):
    decoded = []
    whole = Preprocessing.pixels

    def counted(self, images, **options):
        decoded.append(1)
        return whole(self, images, **options)

    records = [Record(np.zeros((9, 9), np.uint8), {"category": "a"}, str(n)) for n in range(1000)]
    feeder = Feeder(records, SMALL, LABELS, batch_size=10, cache=0)
    monkeypatch.setattr(Preprocessing, "pixels", counted)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    stop = StopAtOnce(decoded)
    model.fit(feeder, verbose=0, callbacks=[stop])
    assert 10 < stop.ahead <= 100


class Seen(keras.callbacks.Callback):
    """What the network was shown, by epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((epoch, round(float(logs["loss"]), 5)))


def tiny(outputs: dict[str, int]) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 5, 4, activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    heads = {
        name: keras.layers.Dense(size, "softmax", name=name)(x) for name, size in outputs.items()
    }
    return keras.Model(inputs, heads if len(heads) > 1 else next(iter(heads.values())))


@pytest.fixture(scope="module")
def garments() -> list[Record]:
    return list(rendered.render(20, 2, 32))


def test_fit_learns_from_a_feeder_and_a_resumed_fit_repeats_what_the_unbroken_one_saw(garments):
    labels = {"category": rendered.LABELS["category"]}

    def feeder() -> Feeder:
        return Feeder(
            garments, Preprocessing((16, 16)), labels, batch_size=7, shuffle=True,
            augmentation=Augmentation(flip=0.5, shift=0.1),
        )  # fmt: skip

    model = tiny({"category": 10})
    # With a learning rate of zero the loss of an epoch tells what was in it.
    model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy")
    seen = {}
    for first in (0, 2):
        data, callback = feeder(), Seen()
        model.fit(
            data, epochs=4, initial_epoch=first, verbose=0,
            callbacks=[callback, data.follow_epochs()],
        )  # fmt: skip
        seen[first] = callback.epochs
    assert seen[2] == seen[0][2:]
    assert len({loss for _, loss in seen[0]}) == 4


def test_fit_with_several_tasks_masks_missing_labels(garments):
    tasks = ("category", "sleeve")
    labels = {task: rendered.LABELS[task] for task in tasks}
    data = Feeder(garments, Preprocessing((16, 16)), labels, batch_size=16, shuffle=True)
    model = tiny({task: len(labels[task]) for task in tasks})
    model.compile(
        "adam",
        dict.fromkeys(tasks, "categorical_crossentropy"),
        weighted_metrics=dict.fromkeys(tasks, "accuracy"),
    )
    history = model.fit(data, epochs=2, verbose=0, validation_data=data)
    assert history.history["loss"][1] < history.history["loss"][0]
    assert model.predict(Feeder(garments, Preprocessing((16, 16)), {}), verbose=0)[
        "sleeve"
    ].shape == (40, 3)


def test_fashion_mnist_records_pass_without_decoding():
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
    records = [Record(image, {"category": "a"}, str(n)) for n, image in enumerate(images)]
    x, _ = Feeder(records, FASHION_MNIST, LABELS, batch_size=40)[0]
    assert np.allclose(x[..., 0], images / 255, atol=1e-6)
