"""What a garment lies on."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Values = NDArray[np.float32]

GROUNDS = ("carpet", "linen", "studio", "tiles", "wall", "wood")

_WALLS = ((226, 222, 214), (205, 214, 219), (214, 204, 190), (196, 203, 190), (219, 205, 205))
_WOODS = ((176, 132, 92), (142, 101, 68), (203, 167, 126), (112, 82, 62), (190, 178, 164))
_CARPETS = ((136, 140, 148), (160, 146, 128), (98, 112, 128), (172, 168, 160), (120, 96, 92))
_LINENS = ((232, 229, 222), (206, 216, 226), (224, 210, 198), (202, 202, 206))
_TILES = ((214, 212, 206), (186, 178, 168), (160, 164, 166))


def ground(rng: np.random.Generator, size: int) -> Values:
    """A surface without anything on it; float32 (size, size, 3) from 0 to 255."""
    kind = str(rng.choice(GROUNDS, p=(0.14, 0.18, 0.2, 0.12, 0.16, 0.2)))
    y, x = np.mgrid[:size, :size].astype(np.float32) / np.float32(size)
    if kind == "studio":
        base = np.full(3, rng.uniform(226, 250), np.float32)
        light = 1 - 0.10 * np.hypot(x - rng.uniform(0.3, 0.7), y - 0.4)
    elif kind == "wall":
        base = _tone(rng, _WALLS)
        light = 1 + rng.uniform(-0.2, 0.2) * (x - 0.5) + rng.uniform(-0.2, 0.1) * (y - 0.5)
    elif kind == "linen":
        base = _tone(rng, _LINENS)
        height = soft_noise(rng, 5, size) + 0.4 * soft_noise(rng, 11, size)
        light = 1 + np.float32(0.006 * size) * (
            rng.uniform(-1, 1) * np.gradient(height, axis=0)
            + rng.uniform(-1, 1) * np.gradient(height, axis=1)
        )
        light = np.clip(light, 0.78, 1.1)
    elif kind == "carpet":
        base = _tone(rng, _CARPETS)
        light = 1 + 0.09 * rng.standard_normal((size, size), dtype=np.float32)
        light += 0.06 * soft_noise(rng, 9, size)
    elif kind == "tiles":
        base = _tone(rng, _TILES)
        light = 1 + 0.03 * soft_noise(rng, 14, size)
        number, shift = rng.uniform(1.6, 3.2), rng.uniform(0, 1, 2)
        joint = np.minimum(_to_joint(x * number + shift[0]), _to_joint(y * number + shift[1]))
        light = light * np.clip(0.72 + joint * np.float32(size / number / 3), 0, 1)
    else:
        base = _tone(rng, _WOODS)
        if rng.random() < 0.5:
            x, y = y, x
        light = _planks(rng, x, y, size)
    return cast(Values, np.clip(light[..., None] * base, 0, 255).astype(np.float32))


def soft_noise(rng: np.random.Generator, cells: int, size: int) -> Values:
    """Smooth noise of about ±1 with `cells` bumps across; float32 (size, size)."""
    coarse = rng.standard_normal((3 * cells, 3 * cells), dtype=np.float32)
    for axis in (0, 1, 0, 1, 0, 1):  # a grid that is only enlarged would show through
        coarse = coarse + np.roll(coarse, 1, axis) + np.roll(coarse, -1, axis)
    coarse *= np.float32(0.0071)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def _tone(rng: np.random.Generator, choices: tuple[tuple[int, int, int], ...]) -> Values:
    colour = np.array(choices[int(rng.integers(len(choices)))]) * rng.uniform(0.88, 1.06)
    return cast(Values, colour.astype(np.float32))


def _to_joint(position: Values) -> Values:
    away: Values = np.abs(position - np.round(position))
    return away


def _planks(rng: np.random.Generator, x: Values, y: Values, size: int) -> Values:
    number = rng.uniform(3.5, 7)
    position = y * np.float32(number) + np.float32(rng.uniform(0, 1))
    plank = np.floor(position).astype(np.intp)
    table = rng.random((3, 12), dtype=np.float32)
    stretched = rng.standard_normal((5, size), dtype=np.float32)
    grain = np.asarray(Image.fromarray(stretched).resize((size, size), Image.Resampling.BICUBIC))
    along = grain.T if x[0, -1] > x[-1, 0] else grain
    light = 0.94 + 0.12 * table[0, plank] + 0.035 * along
    ends = _to_joint((x + table[1, plank]) * np.float32(0.9))
    joint = np.minimum(_to_joint(position) / np.float32(number), ends) * np.float32(size)
    return cast(Values, (light * np.clip(0.6 + 0.35 * joint, 0, 1)).astype(np.float32))
