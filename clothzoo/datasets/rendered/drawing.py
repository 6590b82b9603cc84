"""What a drawn garment is made of, and the curves it is cut from.

Coordinates are the garment's own: x to the right, y downwards, about -1 to 1 each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(n, 2): x and y."""


@dataclass(frozen=True)
class Panel:
    """A piece of cloth with its outline; later panels lie upon earlier ones.

    Args:
        outline: closed polygon.
        grain: how far the pattern is turned, in radians.
        material: "cloth" (patterned), "plain" (the cloth without pattern), "trim" (the second
            colour), "inside", "rubber" or "metal".
        tone: factor of the brightness.
        puff: how much it bulges; 0 lies flat on what is below.
    """

    outline: Points
    grain: float = 0.0
    material: str = "cloth"
    tone: float = 1.0
    puff: float = 1.0


@dataclass(frozen=True)
class Stitch:
    """A seam or crease drawn as a line; `tone` below 0 darkens and above 0 lightens."""

    line: Points
    width: float = 0.008
    tone: float = -0.3
    dashed: bool = False


@dataclass(frozen=True)
class Fold:
    """A ridge in the cloth from `start` to `end`."""

    start: tuple[float, float]
    end: tuple[float, float]
    width: float = 0.05
    height: float = 1.0


@dataclass
class Drawing:
    """A garment as it lies there: panels from back to front, seams, folds and pleats.

    Args:
        pleats: (x, y of the point they fan out from, number per radian, height, phase), or None.
    """

    panels: list[Panel] = field(default_factory=list)
    stitches: list[Stitch] = field(default_factory=list)
    folds: list[Fold] = field(default_factory=list)
    pleats: tuple[float, float, float, float, float] | None = None


def path(start: tuple[float, float], *segments: tuple[float, ...], steps: int = 9) -> Points:
    """Points along lines (x, y), quadratic (cx, cy, x, y) and cubic Béziers (two controls)."""
    points = [np.array([start])]
    t = np.linspace(0, 1, steps + 1)[1:, None]
    for segment in segments:
        ends = np.array([points[-1][-1], *np.reshape(segment, (-1, 2))])
        if len(ends) == 2:
            points.append(ends[1:])
        elif len(ends) == 3:
            points.append((1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * ends[1] + t**2 * ends[2])
        else:
            points.append(
                (1 - t) ** 3 * ends[0]
                + 3 * t * (1 - t) ** 2 * ends[1]
                + 3 * t**2 * (1 - t) * ends[2]
                + t**3 * ends[3]
            )
    return np.concatenate(points)


def flipped(points: Points) -> Points:
    """The mirror image at x = 0."""
    return points * (-1, 1)


def mirrored(right: Points) -> Points:
    """A closed outline from its right half, which runs from top to bottom."""
    return np.concatenate([right, flipped(right)[::-1]])


def offset(line: Points, distance: float | Points) -> Points:
    """A line moved sideways, to the left of its direction (upwards where it runs right)."""
    along = np.gradient(line, axis=0)
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1) / length[:, None]
    moved: Points = line + normal * np.reshape(distance, (-1, 1))
    return moved


def band(line: Points, width: float) -> Points:
    """The closed outline of a ribbon whose middle is `line`."""
    return np.concatenate([offset(line, width / 2), offset(line, -width / 2)[::-1]])


def ellipse(x: float, y: float, rx: float, ry: float | None = None, steps: int = 28) -> Points:
    """A closed ellipse, or a circle."""
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + (ry or rx) * np.sin(angle)], axis=1)


def line(*points: tuple[float, float]) -> Points:
    """Straight from point to point."""
    return np.array(points, dtype=np.float64)


def tube(
    start: Points, widths: tuple[float, float], angles: tuple[float, float], length: float
) -> tuple[Points, Points, Points]:
    """A sleeve-like tube that bends half-way.

    Args:
        start: its middle where it begins, (2,).
        widths: half its width at the beginning and at the end.
        angles: direction of the first and the second half; 0 points right, π/2 down.
        length: from end to end.

    Returns:
        Its middle line, its left edge (upper, where it runs right) and its right edge.
    """
    first, second = (np.array([np.cos(a), np.sin(a)]) * length / 2 for a in angles)
    bend, end = start + first, start + first + second
    middle = path(
        cast("tuple[float, float]", tuple(start)), (bend[0], bend[1], end[0], end[1]), steps=14
    )
    half = np.linspace(widths[0], widths[1], len(middle))
    return middle, offset(middle, half), offset(middle, -half)
