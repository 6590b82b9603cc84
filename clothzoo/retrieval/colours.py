"""The colours of a garment: a soft histogram of a photo in which the ground counts little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clothzoo.datasets.photo import Pixels
from clothzoo.errors import InvalidInput, did_you_mean

Floats = NDArray[np.float32]

_SIDE = 48  # a photo is scaled to this square: colours do not need more
_BORDER = 4  # rows and columns at the edge that show what the ground is like
_SPREAD = 0.28  # of the bell over the middle, as a part of the side
_LEAST = 0.02  # what is left of the weight of a colour that is the ground's alone


@dataclass(frozen=True)
class Space:
    """A colour space cut into bins.

    Args:
        convert: float32 (P, 3) of sRGB from 0 to 1 → (P, 3) coordinates.
        low: the lowest coordinate that has a bin of its own, on each axis.
        high: the highest.
        bins: their number on each axis.
        circular: which axes begin again where they end.
    """

    convert: Callable[[Floats], Floats]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    bins: tuple[int, int, int]
    circular: tuple[bool, bool, bool] = (False, False, False)

    @property
    def size(self) -> int:
        """Number of bins."""
        return int(np.prod(self.bins))


def lab(rgb: Floats) -> Floats:
    """CIE L*a*b* (D65) of sRGB from 0 to 1, both (P, 3).

    Reference:
        IEC 61966-2-1 (sRGB) and CIE 15 (L*a*b*).

    Example:
        >>> lab(np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]], np.float32)).round().tolist()
        [[100.0, 0.0, 0.0], [53.0, 80.0, 67.0]]
    """
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _XYZ.T
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = f.T
    return np.asarray(np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1), np.float32)


def hsv(rgb: Floats) -> Floats:
    """Hue (0 to 1, circular), chroma and value (0 to 1) of sRGB from 0 to 1, both (P, 3).

    Chroma stands where saturation would: the saturation of nearly black cloth is noise.

    Example:
        >>> hsv(np.array([[0.0, 0.5, 0.0]], np.float32)).round(2).tolist()
        [[0.33000001311302185, 0.5, 0.5]]
    """
    r, g, b = rgb.T
    value, chroma = rgb.max(axis=1), np.ptp(rgb, axis=1)
    width = np.where(chroma > 0, chroma, 1)
    which = rgb.argmax(axis=1)
    sixth = np.choose(which, [(g - b) / width, (b - r) / width + 2, (r - g) / width + 4])
    return np.asarray(np.stack([sixth / 6 % 1, chroma, value], axis=1), np.float32)


# sRGB to XYZ, divided by the white point D65.
_XYZ = np.array(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ],
    np.float32,
)

SPACES: dict[str, Space] = {
    "hsv": Space(hsv, (0, 0, 0.1), (11 / 12, 0.6, 0.95), (12, 4, 5), (True, False, False)),
    "lab": Space(lab, (10, -45, -45), (95, 60, 65), (5, 7, 7)),
}
"""What colours can be counted in, by name."""


def histogram(pixels: Pixels, space: str = "lab", *, grid: int = 1) -> Floats:
    """Count the colours of the garment in a photo.

    Each pixel is shared out among the bins around its colour, so that a slightly other light
    changes the histogram slightly. Pixels near the middle count most; those of a colour that is
    frequent at the edge of the photo and rare in the middle count least.

    Args:
        pixels: uint8 (H, W, 3).
        space: "lab" or "hsv".
        grid: cells along each side, each with a histogram of its own.

    Returns:
        float32 (grid · grid · bins,), the cells in reading order; its sum is 1.

    Raises:
        InvalidInput: there is no such space.

    Example:
        >>> histogram(np.zeros((8, 8, 3), np.uint8), "hsv").shape
        (240,)
    """
    bins, parts, size = _counted(pixels, space, grid)
    counts = np.bincount(bins.ravel(), parts.ravel(), minlength=size).astype(np.float32)
    return np.asarray(counts / counts.sum(), np.float32)


def places(pixels: Pixels, direction: Floats, space: str = "lab", *, grid: int = 1) -> Floats:
    """Where in a photo the histogram's part along a direction comes from.

    Args:
        pixels: uint8 (H, W, 3).
        direction: float32 (grid · grid · bins,).
        space: as for `histogram`.
        grid: as for `histogram`.

    Returns:
        float32 (48, 48) over the whole photo; its sum is Σ direction · histogram.

    Raises:
        InvalidInput: there is no such space.
    """
    bins, parts, _ = _counted(pixels, space, grid)
    found = (direction[bins] * parts).sum(axis=0) / parts.sum()
    return np.asarray(found.reshape(_SIDE, _SIDE), np.float32)


def _counted(pixels: Pixels, space: str, grid: int) -> tuple[NDArray[np.int64], Floats, int]:
    """The bins of each place and what it adds to them, both (8, P), and the number of bins."""
    if space not in SPACES:
        raise InvalidInput(f"no colour space {space!r}{did_you_mean(space, SPACES)}")
    cut = SPACES[space]
    small = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    rgb = np.asarray(small, np.float32).reshape(-1, 3) / np.float32(255)
    bins, shares = _shared(cut.convert(rgb), cut)
    weight = _of_garment(bins, shares, cut.size)
    return bins + cut.size * _cells(grid), shares * weight, cut.size * grid**2


def _shared(colours: Floats, space: Space) -> tuple[NDArray[np.int64], Floats]:
    """The eight bins around each colour and its share in each, both (8, P)."""
    bins = np.zeros((8, len(colours)), np.int64)
    shares = np.ones((8, len(colours)), np.float32)
    corner = np.arange(8)[:, None]
    for axis, count in enumerate(space.bins):
        low, high = space.low[axis], space.high[axis]
        place = (colours[:, axis] - low) * ((count - 1) / (high - low))
        if not space.circular[axis]:
            place = np.clip(place, 0, count - 1)
        below = np.floor(place).astype(np.int64)
        upper = (corner >> axis) & 1
        near = below + upper
        near = near % count if space.circular[axis] else np.minimum(near, count - 1)
        bins = bins * count + near
        part = (place - below).astype(np.float32)
        shares *= np.where(upper, part, 1 - part)
    return bins, shares


def _of_garment(bins: NDArray[np.int64], shares: Floats, size: int) -> Floats:
    """How much each pixel belongs to the garment, (P,)."""

    def counted(weight: Floats) -> NDArray[Any]:
        counts = np.bincount(bins.ravel(), (shares * weight).ravel(), minlength=size)
        return np.asarray(counts / counts.sum())

    middle, edge = counted(_MIDDLE), counted(_EDGE)
    belongs = middle / np.maximum(middle + edge, 1e-9)
    part = (belongs[bins] * shares).sum(axis=0)
    return np.asarray(_MIDDLE * (_LEAST + part**2), np.float32)


def _cells(grid: int) -> NDArray[np.int64]:
    place = np.arange(_SIDE) * grid // _SIDE
    return np.asarray((place[:, None] * grid + place).ravel(), np.int64)


def _middle() -> Floats:
    place = (np.arange(_SIDE) + 0.5) / _SIDE - 0.5
    bell = np.exp(-0.5 * (place / _SPREAD) ** 2)
    return np.asarray(np.outer(bell, bell).ravel(), np.float32)


def _edge() -> Floats:
    edge = np.ones((_SIDE, _SIDE), np.float32)
    edge[_BORDER:-_BORDER, _BORDER:-_BORDER] = 0
    return edge.ravel()


_MIDDLE, _EDGE = _middle(), _edge()
