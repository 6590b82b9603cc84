"""Drawn things that are no clothes: what a classifier should say 'unknown' to."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from clothzoo.datasets.photo import Pixels
from clothzoo.datasets.rendered.drawing import (
    Drawing,
    Panel,
    Stitch,
    band,
    ellipse,
    flipped,
    line,
    mirrored,
    path,
)
from clothzoo.datasets.rendered.ground import ground, soft_noise


def _mug(style: np.random.Generator) -> Drawing:
    low, wide = style.uniform(0.35, 0.7), style.uniform(0.38, 0.5)
    side = path((0, -0.6), (wide, -0.6), (wide, low - 0.1), (wide, low, 0, low + 0.05))
    handle = path((wide - 0.04, -0.35), (wide + 0.5, -0.4, wide + 0.4, 0.35, wide - 0.06, 0.2))
    rim = ellipse(0, -0.6, wide, 0.1)
    return Drawing(
        [
            Panel(band(handle, 0.11), 0, "plain", 1, 1.5),
            Panel(mirrored(side), 0, "cloth", 1, 2.0),
            Panel(rim, 0, "plain", 1.1, 0.4),
            Panel(ellipse(0, -0.58, wide * 0.88, 0.075), 0, "inside", 0.8, 0.2),
        ]
    )


def _tree(style: np.random.Generator) -> Drawing:
    trunk = path((-0.09, 0.95), (-0.05, 0.4, -0.06, 0.1), (0.06, 0.1), (0.05, 0.4, 0.1, 0.95))
    crowns = []
    for _ in range(int(style.integers(5, 10))):
        x, y = style.uniform(-0.4, 0.4), style.uniform(-0.7, 0.15)
        around = ellipse(x, y, style.uniform(0.22, 0.4), steps=50)
        rough = around + style.normal(0, 0.015, around.shape)
        crowns.append(Panel(rough, 0, "plain", style.uniform(0.75, 1.1), 1.5))
    return Drawing([Panel(trunk, 0, "trim", 0.7, 1.0), *crowns])


def _chair(style: np.random.Generator) -> Drawing:
    seat, back = style.uniform(0.0, 0.15), style.uniform(-0.95, -0.7)
    legs = [
        Panel(band(line((x, seat), (x * end, 0.95)), 0.07), 0, "trim", 0.8, 0.7)
        for x, end in ((-0.4, 1.15), (-0.3, 0.9), (0.3, 0.9), (0.4, 1.15))
    ]
    rails = [
        Panel(band(line((x, back), (x, seat)), 0.06), 0, "trim", 0.9, 0.7)
        for x in np.linspace(-0.38, 0.38, int(style.integers(2, 7)))
    ]
    rest = path((-0.42, back), (0, back - 0.08, 0.42, back))
    board = path((-0.42, seat - 0.08), (0.42, seat - 0.08), (0.5, seat + 0.06), (-0.5, seat + 0.06))
    return Drawing(
        [*legs, *rails, Panel(band(rest, 0.14), 0, "trim", 1, 1.0), Panel(board, 0, "plain", 1, 1)]
    )


def _page(style: np.random.Generator) -> Drawing:
    page = line((-0.65, -0.9), (0.65, -0.9), (0.65, 0.9), (-0.65, 0.9))
    stitches = []
    for y in np.arange(-0.75, 0.8, style.uniform(0.07, 0.13)):
        x = -0.52
        while x < 0.4:
            word = style.uniform(0.05, 0.22)
            stitches.append(Stitch(line((x, y), (x + word, y)), 0.035, -0.75))
            x += word + 0.05
    return Drawing([Panel(page, 0, "rubber", 1, 0.3)], stitches)


def _fruit(style: np.random.Generator) -> Drawing:
    stalk = path((0.0, -0.5), (0.02, -0.7, 0.12, -0.8))
    half = path((0, -0.45), (0.3, -0.7, 0.75, -0.4, 0.6, 0.15), (0.45, 0.7, 0.15, 0.65, 0, 0.6))
    leaf = path((0.05, -0.62), (0.2, -0.85, 0.42, -0.72), (0.25, -0.55, 0.05, -0.62))
    return Drawing(
        [
            Panel(mirrored(half), 0, "plain", 1, 3.0),
            Panel(band(stalk, 0.05), 0, "inside", 1, 0.5),
            *([Panel(leaf, 0, "trim", 1, 0.6)] if style.random() < 0.6 else []),
        ]
    )


def _car(style: np.random.Generator) -> Drawing:
    roof = style.uniform(-0.45, -0.3)
    body = path(
        (-0.95, 0.2), (-0.95, -0.05, -0.8, -0.08), (-0.55, -0.1), (-0.4, roof, -0.3, roof),
        (0.25, roof), (0.45, roof, 0.55, -0.1), (0.9, -0.05, 0.95, 0.2),
    )  # fmt: skip
    window = path((-0.45, -0.1), (-0.34, roof + 0.06), (-0.04, roof + 0.06), (-0.04, -0.1))
    other = path((0.03, -0.1), (0.03, roof + 0.06), (0.22, roof + 0.06), (0.44, -0.1))
    wheels = [
        Panel(ellipse(x, 0.2, radius), 0, material, tone, 0.8)
        for x in (-0.55, 0.55)
        for radius, material, tone in ((0.19, "inside", 0.5), (0.1, "metal", 1.0))
    ]
    return Drawing(
        [
            Panel(body, 0, "plain", 1, 1.6),
            Panel(window, 0, "metal", 0.6, 0.2),
            Panel(other, 0, "metal", 0.6, 0.2),
            *wheels,
        ],
        [Stitch(line((0, -0.1), (0, 0.18)), 0.01, -0.3)],
    )


def _bicycle(style: np.random.Generator) -> Drawing:
    radius = style.uniform(0.32, 0.4)
    hubs = ((-0.52, 0.35), (0.52, 0.35))
    panels = []
    for x, y in hubs:
        rim = ellipse(x, y, radius, steps=50)
        panels.append(Panel(band(np.concatenate([rim, rim[:2]]), 0.045), 0, "inside", 0.7, 0.5))
        for angle in np.linspace(0, np.pi, 6, endpoint=False):
            dx, dy = radius * np.cos(angle), radius * np.sin(angle)
            spoke = line((x - dx, y - dy), (x + dx, y + dy))
            panels.append(Panel(band(spoke, 0.012), 0, "metal", 1, 0))
    seat, bar, pedals = (-0.22, -0.25), (0.36, -0.28), (-0.05, 0.35)
    frame = (hubs[0], seat, pedals, hubs[0]), (seat, bar, pedals), (bar, hubs[1])
    for a, b in (ends for bars in frame for ends in pairwise(bars)):
        panels.append(Panel(band(line(a, b), 0.045), 0, "plain", 1, 0.7))
    panels.append(Panel(ellipse(-0.24, -0.33, 0.14, 0.045), 0, "inside", 0.8, 0.6))
    panels.append(
        Panel(band(path(bar, (0.34, -0.5), (0.5, -0.55, 0.52, -0.42)), 0.04), 0, "inside", 1, 0.5)
    )
    return Drawing(panels)


def _house(style: np.random.Generator) -> Drawing:
    eaves = style.uniform(-0.3, -0.1)
    wall = line((-0.6, eaves), (0.6, eaves), (0.6, 0.85), (-0.6, 0.85))
    roof = line((-0.75, eaves), (0, style.uniform(-0.95, -0.7)), (0.75, eaves))
    door = line((-0.12, 0.35), (0.12, 0.35), (0.12, 0.85), (-0.12, 0.85))
    pane = line((0.24, 0.1), (0.48, 0.1), (0.48, 0.38), (0.24, 0.38))
    return Drawing(
        [
            Panel(wall, 0, "plain", 1, 0.5),
            Panel(roof, 0, "trim", 1, 0.8),
            Panel(door, 0, "inside", 1, 0.3),
            *(Panel(p, 0, "metal", 0.8, 0.3) for p in (pane, flipped(pane))),
        ]
    )


OBJECTS: dict[str, Callable[[np.random.Generator], Drawing]] = {
    "bicycle": _bicycle,
    "car": _car,
    "chair": _chair,
    "fruit": _fruit,
    "house": _house,
    "mug": _mug,
    "page": _page,
    "tree": _tree,
}


def texture(kind: str, rng: np.random.Generator, size: int) -> Pixels:
    """A picture of nothing: an empty "ground", soft "clouds", or "noise"; (size, size, 3)."""
    if kind == "ground":
        values = ground(rng, size)
    elif kind == "clouds":
        layers = [soft_noise(rng, int(rng.integers(2, 20)), size) for _ in range(3)]
        values = 128 + 60 * np.stack(layers, axis=2)
    else:
        values = rng.uniform(0, 255, (size, size, 3)).astype(np.float32)
    pixels: Pixels = np.clip(values, 0, 255).astype(np.uint8)
    return pixels


TEXTURES = ("clouds", "ground", "noise")
