"""Hats and shoes."""

from __future__ import annotations

import numpy as np

from clothzoo.datasets.rendered.drawing import (
    Drawing,
    Fold,
    Panel,
    Stitch,
    band,
    ellipse,
    flipped,
    line,
    mirrored,
    path,
)


def hat(style: np.random.Generator, pose: np.random.Generator, _sleeve: str) -> Drawing:
    """A cap, a beanie or a sun hat."""
    return (_cap, _beanie, _sun_hat)[int(style.integers(3))](style, pose)


def _cap(style: np.random.Generator, pose: np.random.Generator) -> Drawing:
    high = style.uniform(-0.62, -0.5)
    dome = path(
        (-0.62, 0.22),
        (-0.66, -0.2, -0.4, high, 0.0, high),
        (0.4, high, 0.6, -0.2, 0.58, 0.2),
        (0.0, 0.34, -0.62, 0.22),
    )
    brim = path(
        (-0.05, 0.24),
        (0.3, 0.16, 0.58, 0.14),
        (0.85, 0.2, 1.05, 0.32, 1.0, 0.4),
        (0.8, 0.5, 0.3, 0.46, -0.02, 0.34),
        (-0.05, 0.24),
    )
    under = brim + np.array([0.0, 0.03])
    seams = [
        Stitch(path((0, high), (-0.3, high + 0.3, -0.28, 0.26)), tone=-0.25),
        Stitch(path((0, high), (0.3, high + 0.3, 0.3, 0.25)), tone=-0.25),
        Stitch(path((0.03, 0.30), (0.5, 0.26, 0.9, 0.34)), 0.007, -0.18, dashed=True),
        Stitch(path((0.02, 0.36), (0.5, 0.38, 0.9, 0.40)), 0.007, -0.18, dashed=True),
    ]
    return Drawing(
        panels=[
            Panel(dome, 0, "cloth", 1, 2.2),
            Panel(under, 0, "plain", 0.55, 0.3),
            Panel(brim, 0.3, str(style.choice(["plain", "trim"])), 1.0, 0.8),
            Panel(ellipse(0, high - 0.005, 0.045, 0.025), 0, "plain", 0.9, 0.5),
            *(Panel(ellipse(x, -0.22, 0.018), 0, "inside", 1, 0) for x in (-0.36, 0.12)),
        ],
        stitches=seams,
        folds=[Fold((-0.4, 0.1), (-0.2, -0.3), 0.06, pose.uniform(-0.6, 0.6))],
    )


def _beanie(style: np.random.Generator, pose: np.random.Generator) -> Drawing:
    high = style.uniform(-0.75, -0.6)
    right = path((0, high), (0.35, high, 0.55, -0.3, 0.56, 0.3), (0.3, 0.4, 0, 0.4))
    cuff = path((-0.58, 0.3), (-0.3, 0.42, 0.3, 0.42, 0.58, 0.3))
    panels = [Panel(mirrored(right), 0, "cloth", 1, 1.8)]
    if style.random() < 0.6:
        angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        radius = 0.15 + 0.012 * pose.standard_normal(60)
        ball = np.stack([radius * np.cos(angle), high - 0.06 + radius * np.sin(angle)], axis=1)
        panels.append(Panel(ball, 0, "trim", 1, 1.6))
    panels.append(Panel(band(cuff, 0.26), 0, str(style.choice(["plain", "trim"])), 0.97, 1.3))
    ribs = [
        Stitch(path((x * 0.95, 0.22), (x * 1.0, -0.3, x * 0.5, high + 0.04)), 0.012, -0.13)
        for x in np.linspace(-0.5, 0.5, 15)
    ]
    ribs += [
        Stitch(line((x, 0.40 - 0.3 * x * x - 0.12), (x, 0.40 - 0.3 * x * x + 0.12)), 0.014, -0.2)
        for x in np.linspace(-0.54, 0.54, 25)
    ]
    return Drawing(panels, ribs, [Fold((-0.3, 0.1), (0.1, -0.2), 0.08, pose.uniform(-0.6, 0.6))])


def _sun_hat(style: np.random.Generator, pose: np.random.Generator) -> Drawing:
    wide = style.uniform(0.8, 0.97)
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    ripple = 1 + 0.02 * np.sin(5 * angle + pose.uniform(0, 6))
    brim = np.stack([wide * ripple * np.cos(angle), 0.22 + 0.3 * ripple * np.sin(angle)], axis=1)
    high = style.uniform(-0.5, -0.35)
    crown = path((0, high), (0.3, high, 0.4, high + 0.2, 0.44, 0.2), (0.3, 0.34, 0, 0.34))
    ribbon = path((-0.43, 0.14), (-0.25, 0.29, 0.25, 0.29, 0.43, 0.14))
    rings = [
        Stitch(np.concatenate([e, e[:1]]), 0.006, -0.12)
        for e in (ellipse(0, 0.22, wide * k, 0.3 * k, 60) for k in (0.72, 0.86, 0.95))
    ]
    return Drawing(
        panels=[
            Panel(brim, 0, "cloth", 1, 0.8),
            Panel(mirrored(crown), 0, "cloth", 1.02, 2.0),
            Panel(band(ribbon, 0.12), 0, "trim", 1, 0.5),
        ],
        stitches=rings,
        folds=[Fold((-0.1, high + 0.06), (0.1, high + 0.08), 0.07, -1.2)],
    )


def shoes(style: np.random.Generator, pose: np.random.Generator, _sleeve: str) -> Drawing:
    """A pair of sneakers or of boots, seen from the side."""
    boots = style.random() < 0.35
    near, far = (
        _shoe(np.random.default_rng(seed), boots) for seed in [int(style.integers(2**32))] * 2
    )
    way = int(pose.choice([-1, 1]))
    shift = np.array([pose.uniform(0.1, 0.28), -pose.uniform(0.22, 0.32)])
    panels = [_placed(p, shift, way, 0.86) for p in far.panels]
    panels += [_placed(p, -shift / 2 + (0, 0.1), way, 1.0) for p in near.panels]
    stitches = [
        Stitch(_turned(s.line - shift / 2 + (0, 0.1), way), s.width, s.tone, s.dashed)
        for s in near.stitches
    ]
    return Drawing(panels, stitches, [])


def _turned(points: np.ndarray, way: int) -> np.ndarray:
    return points if way > 0 else flipped(points)


def _placed(panel: Panel, shift: np.ndarray, way: int, tone: float) -> Panel:
    outline = _turned(panel.outline + shift, way)
    return Panel(outline, panel.grain * way, panel.material, panel.tone * tone, panel.puff)


def _shoe(style: np.random.Generator, boots: bool) -> Drawing:
    leg = style.uniform(-0.62, -0.45) if boots else style.uniform(-0.3, -0.2)
    thick = style.uniform(0.09, 0.15)
    sole_top = 0.36
    upper = path(
        (-0.72, sole_top + 0.02),
        (-0.80, 0.1, -0.70, -0.02, -0.70, leg),
        (-0.45, leg - 0.05, -0.2, leg),
        (-0.18, leg + 0.2, -0.1, 0.0, 0.15, 0.06),
        (0.45, 0.12, 0.82, 0.12, 0.82, sole_top + 0.02),
    )
    sole = path(
        (-0.78, sole_top - 0.03), (-0.3, sole_top + 0.03, 0.86, sole_top - 0.03),
        (0.92, sole_top + 0.03, 0.88, sole_top + thick), (-0.74, sole_top + thick),
        (-0.82, sole_top + 0.06, -0.78, sole_top - 0.03),
    )  # fmt: skip
    toe = path(
        (0.45, sole_top + 0.0),
        (0.48, 0.16, 0.62, 0.13),
        (0.84, 0.16, 0.83, sole_top),
        (0.45, sole_top + 0.0),
    )
    heel = path(
        (-0.73, sole_top),
        (-0.76, 0.1, -0.72, 0.0),
        (-0.5, 0.05, -0.48, sole_top),
        (-0.73, sole_top),
    )
    mouth = path((-0.70, leg), (-0.45, leg - 0.06, -0.2, leg), (-0.45, leg + 0.06, -0.70, leg))
    tongue = path(
        (-0.22, leg - 0.05),
        (-0.1, leg + 0.0),
        (0.06, 0.0),
        (0.12, 0.1),
        (-0.08, 0.05),
        (-0.22, leg - 0.05),
    )
    panels = [
        Panel(tongue, 0.4, "plain", 0.8, 0.4),
        Panel(upper, 0, "cloth", 1, 1.6),
        Panel(mouth, 0, "inside", 0.9, 0.2),
        Panel(heel, 0, "trim", 0.95, 0.8),
        Panel(sole, 0, "inside" if boots else "rubber", 0.8 if boots else 1, 0.7),
    ]
    if not boots:
        panels.insert(4, Panel(toe, 0, "rubber", 0.97, 0.9))
    stitches = [
        Stitch(path((-0.47, sole_top), (-0.5, 0.05, -0.72, 0.0)), 0.008, -0.25),
        Stitch(path((-0.1, sole_top), (-0.05, 0.2, 0.12, 0.1)), 0.008, -0.22),
        Stitch(
            line((-0.76, sole_top + thick * 0.55), (0.88, sole_top + thick * 0.55)), 0.01, -0.15
        ),
    ]
    for t in np.linspace(0.12, 0.92, 7 if boots else 5):
        lace_y = leg + 0.03 + t * (0.04 - leg)
        x = -0.2 + 0.30 * t**2.2
        lace = path((x - 0.16, lace_y + 0.07), (x - 0.06, lace_y - 0.0, x + 0.035, lace_y - 0.01))
        panels.append(Panel(band(lace, 0.028), 0, "rubber", 1.0, 0))
        panels.append(Panel(ellipse(x - 0.16, lace_y + 0.07, 0.012), 0, "metal", 0.8, 0))
    return Drawing(panels, stitches, [])
