from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clothzoo.errors import InvalidInput
from clothzoo.retrieval.colours import SPACES, histogram, hsv, lab


def garment(colour: tuple[int, int, int], ground: tuple[int, int, int]) -> np.ndarray:
    """A square of one colour in the middle of another."""
    pixels = np.full((60, 60, 3), ground, np.uint8)
    pixels[15:45, 15:45] = colour
    return pixels


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).sum() / 2)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from(sorted(SPACES)), st.integers(1, 3))
def test_a_histogram_counts_everything_once(seed: int, space: str, grid: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    counted = histogram(pixels, space, grid=grid)
    assert counted.dtype == np.float32
    assert counted.shape == (SPACES[space].size * grid**2,)
    assert (counted >= 0).all()
    assert counted.sum() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_the_ground_counts_little(space: str) -> None:
    red, blue = (200, 40, 40), (40, 60, 190)
    on_green, on_grey = (
        histogram(garment(red, g), space) for g in ((90, 160, 90), (150, 150, 150))
    )
    other = histogram(garment(blue, (90, 160, 90)), space)
    assert difference(on_green, on_grey) < 0.2
    assert difference(on_green, other) > 0.8


@pytest.mark.parametrize("space", SPACES)
def test_a_little_more_light_changes_it_a_little(space: str) -> None:
    ground = (240, 240, 240)
    a, b = (histogram(garment((180 + n, 60 + n, 60 + n), ground), space) for n in (0, 4))
    assert 0 < difference(a, b) < 0.2


def test_a_picture_of_one_colour_is_that_colour_alone() -> None:
    counted = histogram(np.full((9, 9, 3), (255, 0, 0), np.uint8), "hsv", grid=2)
    cells = counted.reshape(4, -1)
    np.testing.assert_allclose(cells.sum(axis=1), 0.25, rtol=1e-5)
    assert (cells[0] > 0.01).sum() <= 2


def test_coordinates_are_those_of_the_standards() -> None:
    rgb = np.array([[1, 1, 1], [0, 0, 0], [0, 0, 1]], np.float32)
    np.testing.assert_allclose(
        lab(rgb), [[100, 0, 0], [0, 0, 0], [32.30, 79.19, -107.86]], atol=0.02
    )
    np.testing.assert_allclose(hsv(rgb), [[0, 0, 1], [0, 0, 0], [2 / 3, 1, 1]], atol=1e-6)


def test_hue_goes_round() -> None:
    a, b = (histogram(garment(c, (128, 128, 128)), "hsv") for c in ((200, 40, 42), (200, 42, 40)))
    assert difference(a, b) < 0.1


def test_another_space_is_refused() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'lab'"):
        histogram(np.zeros((4, 4, 3), np.uint8), "labs")
