"""Varying training pictures: each picture of a batch its own way, all from one generator."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from PIL import Image

from clothzoo.datasets.photo import Pixels
from clothzoo.errors import InvalidInput

_BORDERS = ("black", "mirror")
_LUMINANCE = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Augmentation:
    """How the pictures of a batch are varied; by default not at all.

    Args:
        shift: farthest translation, as a fraction of the side; what moves in is `border`.
        border: "black" or "mirror".
        zoom: 0.3 cuts out a part whose area is 70 to 100 % of the picture's, and enlarges it.
        flip: probability of a mirror image, left to right.
        light: strength of changes of brightness, contrast and saturation; 0.2 is ±20 %.
        erase: probability that a rectangle is filled with noise.
        erase_area: largest area of that rectangle as a fraction of the picture's.
    """

    shift: float = 0.0
    border: str = "black"
    zoom: float = 0.0
    flip: float = 0.0
    light: float = 0.0
    erase: float = 0.0
    erase_area: float = 0.2

    def __post_init__(self) -> None:
        if self.border not in _BORDERS:
            raise InvalidInput(f"border must be 'black' or 'mirror', not {self.border!r}")
        for name in (f.name for f in fields(self) if f.name != "border"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InvalidInput(f"augmentation {name} must be from 0 to 1, not {value!r}")

    def __call__(self, rng: np.random.Generator, batch: Pixels) -> Pixels:
        """Vary a batch.

        Args:
            rng: where every choice comes from; equal states give equal results.
            batch: uint8 (N, H, W, C).

        Returns:
            uint8 (N, H, W, C); the batch itself where there is nothing to do.
        """
        if self.zoom:
            batch = zoom(rng, batch, self.zoom)
        if self.shift:
            batch = shift(rng, batch, self.shift, self.border)
        if self.flip:
            batch = flip(rng, batch, self.flip)
        if self.light:
            batch = light(rng, batch, self.light)
        if self.erase:
            batch = erase(rng, batch, self.erase, self.erase_area)
        return batch


def zoom(rng: np.random.Generator, batch: Pixels, strength: float) -> Pixels:
    """Cut a random part out of each picture and enlarge it to the whole.

    Args:
        rng: source of the choices.
        batch: uint8 (N, H, W, C).
        strength: the part's area is from 1 − strength to 1 of the picture's; its aspect ratio
            changes by up to a quarter.

    Returns:
        uint8 (N, H, W, C).
    """
    count, height, width, channels = batch.shape
    area = rng.uniform(1 - strength, 1, count)
    aspect = np.exp(rng.uniform(-0.22, 0.22, count))
    across = np.minimum(1, np.sqrt(area * aspect)) * width
    down = np.minimum(1, np.sqrt(area / aspect)) * height
    left = rng.uniform(0, 1, count) * (width - across)
    top = rng.uniform(0, 1, count) * (height - down)
    out = np.empty_like(batch)
    for row in range(count):
        picture = _picture(batch[row])
        part = (left[row], top[row], left[row] + across[row], top[row] + down[row])
        enlarged = picture.resize((width, height), Image.Resampling.BILINEAR, box=part)
        out[row] = np.asarray(enlarged).reshape(height, width, channels)
    return out


def shift(rng: np.random.Generator, batch: Pixels, share: float, border: str) -> Pixels:
    """Move each picture by whole pixels, its own way.

    Args:
        rng: source of the choices.
        batch: uint8 (N, H, W, C).
        share: farthest movement as a fraction of the side.
        border: "black" or "mirror": what moves in.

    Returns:
        uint8 (N, H, W, C).
    """
    count, height, width, channels = batch.shape
    far_y, far_x = max(1, round(share * height)), max(1, round(share * width))
    if border == "black":
        padded = np.zeros((count, height + 2 * far_y, width + 2 * far_x, channels), np.uint8)
        padded[:, far_y : far_y + height, far_x : far_x + width] = batch
    else:
        around = ((0, 0), (far_y, far_y), (far_x, far_x), (0, 0))
        padded = np.pad(batch, around, mode="symmetric")
    tops = rng.integers(0, 2 * far_y + 1, count)
    lefts = rng.integers(0, 2 * far_x + 1, count)
    out = np.empty_like(batch)
    for row, (top, left) in enumerate(zip(tops.tolist(), lefts.tolist(), strict=True)):
        out[row] = padded[row, top : top + height, left : left + width]
    return out


def flip(rng: np.random.Generator, batch: Pixels, probability: float) -> Pixels:
    """Mirror some pictures, left to right.

    Args:
        rng: source of the choices.
        batch: uint8 (N, H, W, C).
        probability: for each picture.

    Returns:
        uint8 (N, H, W, C).
    """
    chosen = rng.random(len(batch)) < probability
    out = batch.copy()
    out[chosen] = batch[chosen, :, ::-1]
    return out


def light(rng: np.random.Generator, batch: Pixels, strength: float) -> Pixels:
    """Change brightness, contrast and, of colour pictures, saturation.

    Args:
        rng: source of the choices.
        batch: uint8 (N, H, W, C).
        strength: each factor is from 1 − strength to 1 + strength.

    Returns:
        uint8 (N, H, W, C).
    """
    count, height, width, channels = batch.shape
    brightness, contrast, saturation = rng.uniform(1 - strength, 1 + strength, (3, count))
    # All three together are one affine map of a picture's colours, which Pillow does quickly.
    factor = brightness * contrast
    middle = batch.mean(axis=(1, 2, 3)) * brightness * (1 - contrast)
    out = np.empty_like(batch)
    for row in range(count):
        picture = _picture(batch[row])
        if channels == 1:
            lit = picture.point([factor[row] * value + middle[row] for value in range(256)])
        else:
            mixture = saturation[row] * np.eye(3) + (1 - saturation[row]) * _LUMINANCE
            matrix = np.column_stack([factor[row] * mixture, np.full(3, middle[row])])
            lit = picture.convert("RGB", tuple(matrix.ravel().tolist()))
        out[row] = np.asarray(lit).reshape(height, width, channels)
    return out


def _picture(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def erase(rng: np.random.Generator, batch: Pixels, probability: float, largest: float) -> Pixels:
    """Fill a rectangle of some pictures with noise.

    Args:
        rng: source of the choices.
        batch: uint8 (N, H, W, C).
        probability: for each picture.
        largest: area of the largest rectangle as a fraction of the picture's; the smallest has
            a fiftieth of the picture, or `largest` where that is less.

    Returns:
        uint8 (N, H, W, C).

    Reference:
        Zhong et al., "Random Erasing Data Augmentation", 2020,
        https://arxiv.org/abs/1708.04896, algorithm 1.
    """
    count, height, width, channels = batch.shape
    chosen = np.flatnonzero(rng.random(count) < probability)
    area = rng.uniform(min(0.02, largest), largest, count) * height * width
    aspect = np.exp(rng.uniform(np.log(0.3), np.log(1 / 0.3), count))
    downs = np.clip(np.rint(np.sqrt(area * aspect)), 1, height).astype(int)
    acrosses = np.clip(np.rint(np.sqrt(area / aspect)), 1, width).astype(int)
    tops = (rng.random(count) * (height - downs + 1)).astype(int)
    lefts = (rng.random(count) * (width - acrosses + 1)).astype(int)
    sizes = downs[chosen] * acrosses[chosen] * channels
    noise = rng.integers(0, 256, int(sizes.sum()), dtype=np.uint8)
    ends = np.cumsum(sizes)
    out = batch.copy()
    for row, begin, end in zip(
        chosen.tolist(), (ends - sizes).tolist(), ends.tolist(), strict=True
    ):
        top, left, down, across = tops[row], lefts[row], downs[row], acrosses[row]
        out[row, top : top + down, left : left + across] = noise[begin:end].reshape(
            down, across, channels
        )
    return out
