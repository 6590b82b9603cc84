from __future__ import annotations

import numpy as np
import pytest

from clothzoo.errors import InvalidInput
from clothzoo.training import augmentation
from clothzoo.training.augmentation import Augmentation


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(params=[1, 3])
def batch(request) -> np.ndarray:
    return generator(9).integers(1, 256, (40, 20, 16, request.param), np.uint8)


def test_a_shift_moves_each_picture_its_own_way_by_whole_pixels(batch):
    moved = augmentation.shift(generator(), batch, 0.2, "black")
    offsets = set()
    for before, after in zip(batch, moved, strict=True):
        matches = [
            (dy, dx)
            for dy in range(-4, 5)
            for dx in range(-3, 4)
            if np.array_equal(
                after[max(0, dy) : 20 + min(0, dy), max(0, dx) : 16 + min(0, dx)],
                before[max(0, -dy) : 20 + min(0, -dy), max(0, -dx) : 16 + min(0, -dx)],
            )
        ]
        assert len(matches) == 1
        dy, dx = matches[0]
        assert (after == 0).sum() == (320 - (20 - abs(dy)) * (16 - abs(dx))) * batch.shape[3]
        offsets.add(matches[0])
    assert len(offsets) > 15


def test_a_mirror_border_brings_in_nothing_that_was_not_there():
    batch = np.full((8, 10, 10, 3), 77, np.uint8)
    assert (augmentation.shift(generator(), batch, 0.3, "mirror") == 77).all()


def test_a_flip_mirrors_about_as_many_pictures_as_asked(batch):
    many = np.concatenate([batch] * 20)
    flipped = augmentation.flip(generator(), many, 0.5)
    mirrored = [np.array_equal(f, m[:, ::-1]) for f, m in zip(flipped, many, strict=True)]
    same = [np.array_equal(f, m) for f, m in zip(flipped, many, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 0.4 < np.mean(mirrored) < 0.6


def test_erasing_fills_one_rectangle_of_the_area_asked():
    batch = np.zeros((300, 20, 20, 1), np.uint8)
    erased = augmentation.erase(generator(), batch, 1.0, 0.25)
    for picture in erased[..., 0]:
        rows, columns = np.nonzero(picture)
        area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert 1 <= area <= 0.3 * 400
        assert len(rows) > 0.7 * area
    assert 0.4 < (augmentation.erase(generator(), batch, 0.5, 0.25).any((1, 2, 3))).mean() < 0.6


def test_a_zoom_enlarges_a_part():
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, None, :, None] * 4, (30, 64, 64, 3))
    zoomed = augmentation.zoom(generator(), np.ascontiguousarray(ramp), 0.5)
    spread = zoomed[:, 32, -1, 0].astype(int) - zoomed[:, 32, 0, 0]
    assert zoomed.shape == ramp.shape
    assert spread.max() < 253
    assert spread.min() > 150
    assert len(np.unique(spread)) > 10


def test_light_changes_brightness_but_never_wraps_around(batch):
    lit = augmentation.light(generator(), batch, 0.4)
    assert lit.dtype == np.uint8
    means = lit.mean(axis=(1, 2, 3)) / batch.mean(axis=(1, 2, 3))
    assert 0.58 < means.min() < 0.8
    assert 1.1 < means.max() < 1.45
    white = np.full((9, 4, 4, 3), 255, np.uint8)
    assert augmentation.light(generator(), white, 0.4).min() > 150


def test_the_same_generator_state_gives_the_same_pictures(batch):
    vary = Augmentation(shift=0.1, border="mirror", zoom=0.2, flip=0.5, light=0.2, erase=0.5)
    original = batch.copy()
    first = vary(generator(1), batch)
    assert np.array_equal(first, vary(generator(1), batch))
    assert not np.array_equal(first, vary(generator(2), batch))
    assert np.array_equal(batch, original)
    assert first.shape == batch.shape
    assert first.dtype == np.uint8


def test_by_default_nothing_is_varied(batch):
    assert Augmentation()(generator(), batch) is batch


def test_an_empty_batch_stays_empty():
    vary = Augmentation(shift=0.1, zoom=0.2, flip=0.5, light=0.2, erase=0.5)
    assert vary(generator(), np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 8, 8, 3)


def test_what_cannot_be_used_is_refused():
    with pytest.raises(InvalidInput, match="flip must be from 0 to 1"):
        Augmentation(flip=2)
    with pytest.raises(InvalidInput, match="border"):
        Augmentation(border="white")
