"""The trunk and the sleeves that all tops share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clothzoo.datasets.rendered.drawing import (
    Fold,
    Panel,
    Points,
    Stitch,
    band,
    flipped,
    mirrored,
    path,
    tube,
)

_LENGTH = {"short": 0.42, "long": 1.12}


@dataclass(frozen=True)
class Torso:
    """The measures that every top shares."""

    neck: float = 0.17
    depth: float = 0.12
    shoulder: float = 0.43
    chest: float = 0.40
    waist: float = 0.39
    hem: float = 0.40
    top: float = -0.80
    bottom: float = 0.78
    armpit: float = -0.30

    @property
    def shoulder_y(self) -> float:
        """How far the shoulder's tip slopes down."""
        return self.top + 0.11

    @property
    def neckline(self) -> Points:
        """From the middle of the front to the right shoulder."""
        low, n = self.top + self.depth, self.neck
        return path((0, low), (n * 0.6, low, n * 0.95, self.top + self.depth * 0.55, n, self.top))

    @property
    def side(self) -> Points:
        """From the right shoulder's neck end down to the hem, without it."""
        return path(
            (self.neck, self.top),
            (self.shoulder, self.shoulder_y),
            (self.shoulder - 0.06, -0.52, self.chest - 0.06, -0.40, self.chest, self.armpit),
            (self.waist, self.armpit + 0.3, self.waist, self.bottom - 0.4, self.hem, self.bottom),
        )

    @property
    def outline(self) -> Points:
        """The whole front."""
        hem = path(
            (self.hem, self.bottom), (self.hem * 0.5, self.bottom + 0.04, 0, self.bottom + 0.04)
        )
        return mirrored(np.concatenate([self.neckline, self.side[1:], hem[1:]]))

    @property
    def inside(self) -> Points:
        """The back of the collar, seen through the neck."""
        n, t = self.neck, self.top
        back = path((-n, t), (-n * 0.5, t - 0.045, n * 0.5, t - 0.045, n, t))
        return np.concatenate([back, self.neckline[::-1], flipped(self.neckline)])


def torso(style: np.random.Generator, **measures: float) -> Torso:
    """A torso whose measures vary a little from garment to garment."""
    own = {
        "neck": style.uniform(0.145, 0.19),
        "depth": style.uniform(0.09, 0.16),
        "shoulder": style.uniform(0.40, 0.46),
        "chest": style.uniform(0.37, 0.43),
        "bottom": style.uniform(0.66, 0.84),
    }
    own["waist"] = own["chest"] - style.uniform(-0.01, 0.04)
    own["hem"] = own["chest"] + style.uniform(-0.02, 0.04)
    return Torso(**{**own, **measures})


def sleeves(
    body: Torso, kind: str, style: np.random.Generator, pose: np.random.Generator, cuff: str | None
) -> tuple[list[Panel], list[Stitch], list[Fold]]:
    """Both sleeves: each hangs its own way, and the cloth turns with it."""
    panels: list[Panel] = []
    stitches: list[Stitch] = []
    folds: list[Fold] = []
    if kind not in _LENGTH:
        return panels, stitches, folds
    long = kind == "long"
    length = _LENGTH[kind] * style.uniform(0.9, 1.08)
    end = style.uniform(0.085, 0.105) if long else style.uniform(0.14, 0.18)
    tip = np.array([body.shoulder, body.shoulder_y])
    pit = np.array([body.chest, body.armpit])
    begin = (tip + pit) / 2 + (-0.05, 0.02)
    half = float(np.hypot(*(tip - pit))) / 2
    for side in (1, -1):
        first = pose.uniform(0.75, 1.1) if long else pose.uniform(0.5, 0.8)
        second = first + (pose.uniform(0.1, 0.6) if long else pose.uniform(-0.1, 0.15))
        middle, upper, lower = tube(begin, (half, end), (first, second), length)
        outline = np.concatenate(
            [[tip - (0.06, 0.02)], [tip], upper[4:], lower[:3:-1], [pit - np.array([0.05, 0])]]
        )
        grain = (first + second) / 2 - np.pi / 2
        hem = np.stack([upper[-2], lower[-2]])
        panels.append(Panel(on_side(outline, side), side * grain))
        if cuff:
            last = slice(-3 if long else -2, None)
            piece = np.concatenate([upper[last] * 1.0, lower[last][::-1]])
            panels.append(Panel(on_side(piece, side), side * grain, cuff, 0.94, 0.5))
        else:
            stitches.append(Stitch(on_side(hem, side), tone=-0.22))
        if long:
            elbow = middle[7]
            for _ in range(3):
                shift = pose.uniform(-0.16, 0.16, 2)
                across = (upper[7] - lower[7]) * pose.uniform(0.5, 0.9)
                folds.append(
                    crease(elbow + shift - across / 2, elbow + shift + across / 2, side, pose)
                )
        else:
            folds.append(crease(pit - np.array([0, 0.05]), (upper[-4] + lower[-4]) / 2, side, pose))
    return panels, stitches, folds


def on_side(points: Points, side: int) -> Points:
    """Points of the right side (1), or their mirror image on the left (-1)."""
    return points if side > 0 else flipped(points)


def crease(start: Points, end: Points, side: int, pose: np.random.Generator) -> Fold:
    """A fold of random width and height, raised or sunk."""
    return Fold(
        (side * float(start[0]), float(start[1])),
        (side * float(end[0]), float(end[1])),
        pose.uniform(0.03, 0.06),
        pose.uniform(0.4, 1.0) * pose.choice([-1, 1]),
    )


def drape(body: Torso, pose: np.random.Generator, number: int = 6) -> list[Fold]:
    """The creases that run from the armpits inwards, and some across the belly."""
    folds = []
    for _ in range(number):
        side = int(pose.choice([-1, 1]))
        start = np.array(
            [body.chest * pose.uniform(0.75, 1), pose.uniform(-0.3, body.bottom * 0.7)]
        )
        reach = np.array([-pose.uniform(0.15, 0.6), pose.uniform(-0.05, 0.45)])
        folds.append(crease(start, start + reach, side, pose))
    return folds


def rib(body: Torso, width: float) -> Points:
    """The ribbon around the neckline."""
    half = body.neckline
    return band(np.concatenate([flipped(half)[::-1], half[1:]]), width)


_SLEEVES: dict[str, tuple[str, ...]] = {
    "dress": ("sleeveless", "short", "long"),
    "longsleeve": ("long",),
    "outwear": ("long", "sleeveless"),
    "shirt": ("short", "long"),
    "t-shirt": ("short", "sleeveless"),
}


def sleeves_of(category: str) -> tuple[str, ...]:
    """The sleeve lengths that a category comes with; empty where it has no sleeves."""
    return _SLEEVES.get(category, ())
