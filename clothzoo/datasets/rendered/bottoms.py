"""Pants, shorts and skirts."""

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


def pants(style: np.random.Generator, pose: np.random.Generator, _sleeve: str) -> Drawing:
    """Long trousers, from slim to wide."""
    foot = style.uniform(0.09, 0.20)
    return _trousers(style, pose, low=0.96, foot=foot, knee=0.15 + 0.35 * (foot - 0.09), top=-0.95)


def shorts(style: np.random.Generator, pose: np.random.Generator, _sleeve: str) -> Drawing:
    """Shorts, from short to knee-long."""
    low = style.uniform(0.42, 0.66)
    wide = style.uniform(0.23, 0.26)
    return _trousers(style, pose, low=low, foot=wide, knee=wide - 0.012, top=-0.62)


def _trousers(
    style: np.random.Generator,
    pose: np.random.Generator,
    *,
    low: float,
    foot: float,
    knee: float,
    top: float,
) -> Drawing:
    long = top < -0.8
    waist = style.uniform(0.29, 0.33) * (1.0 if long else 1.3)
    hip = waist + style.uniform(0.04, 0.09)
    crotch = top + (0.62 if long else 0.66)
    knee_y = (crotch + low) / 2 - 0.05
    panels, stitches, folds = [], [], []
    for side in (1, -1):
        spread = pose.uniform(0.0, 0.12) if long else pose.uniform(0.02, 0.08)
        centre = hip * 0.56 + spread
        mid = hip * 0.53 + spread * 0.5
        leg = path(
            (-0.02, top), (waist, top),
            (hip + 0.01, top + 0.25, hip + 0.015, crotch - 0.1, hip, crotch),
            (mid + knee + 0.02, knee_y - 0.15, mid + knee, knee_y),
            (centre + foot, low),
            (centre, low + 0.025, centre - foot, low),
            (mid - knee, knee_y),
            (0.05, crotch + 0.1, 0.0, crotch), (-0.02, crotch - 0.05),
        )  # fmt: skip
        outline = leg if side > 0 else flipped(leg)
        panels.append(Panel(outline, -side * 0.5 * spread))
        hem = path(
            (side * (centre + foot), low - 0.05),
            (side * centre, low - 0.025, side * (centre - foot), low - 0.05),
        )
        stitches.append(Stitch(hem, tone=-0.22))
        pocket = path(
            (side * waist * 0.55, top + 0.09),
            (side * waist * 0.62, top + 0.24, side * (hip - 0.01), top + 0.28),
        )
        stitches.append(Stitch(pocket, 0.01, -0.35))
        for _ in range(3):
            y = pose.uniform(crotch - 0.12, crotch + 0.12)
            folds.append(
                Fold(
                    (side * 0.03, y),
                    (side * pose.uniform(0.16, 0.34), y + pose.uniform(-0.18, 0.1)),
                    pose.uniform(0.025, 0.05),
                    pose.uniform(-1, 1),
                )
            )
        if long:
            for _ in range(3):
                y = knee_y + pose.uniform(-0.2, 0.35)
                folds.append(
                    Fold(
                        (side * (mid - knee), y),
                        (side * (mid + knee), y + pose.uniform(-0.1, 0.1)),
                        pose.uniform(0.025, 0.05),
                        pose.uniform(-0.9, 0.9),
                    )
                )
            if style.random() < 0.5:
                folds.append(Fold((side * mid, crotch), (side * centre, low), 0.035, 0.7))
    belt = path((-waist, top + 0.035), (0, top + 0.055, waist, top + 0.035))
    panels.append(
        Panel(
            path(
                (-waist * 0.93, top),
                (0, top + 0.035, waist * 0.93, top),
                (0, top - 0.03, -waist * 0.93, top),
            ),
            0,
            "inside",
            1,
            0.2,
        )
    )
    panels.append(Panel(band(belt, 0.09), 0, "plain", 0.95, 0.6))
    if long or style.random() < 0.5:
        panels.append(Panel(ellipse(0.0, top + 0.05, 0.02), 0, "metal", 1, 0))
        fly = path((0.07, top + 0.1), (0.075, top + 0.32, 0.0, top + 0.4))
        stitches += [
            Stitch(fly, 0.009, -0.3),
            Stitch(line((0, top + 0.1), (0, crotch)), 0.01, -0.35),
        ]
        stitches += [
            Stitch(line((x, top - 0.01), (x, top + 0.1)), 0.022, -0.2)
            for x in (-waist * 0.55, waist * 0.55)
        ]
    else:
        for side in (-1, 1):
            cord = path(
                (side * 0.015, top + 0.06), (side * 0.06, top + 0.16, side * 0.04, top + 0.26)
            )
            panels.append(Panel(band(cord, 0.018), 0, "rubber", 1, 0))
        stitches.append(Stitch(line((0, top + 0.1), (0, crotch)), 0.008, -0.3))
        stitches += [
            Stitch(line((x, top + 0.0), (x, top + 0.08)), 0.006, -0.18)
            for x in np.linspace(-waist * 0.9, waist * 0.9, 17)
        ]
    return Drawing(panels, stitches, folds)


def skirt(style: np.random.Generator, pose: np.random.Generator, _sleeve: str) -> Drawing:
    """A skirt, from pencil to full circle."""
    waist = style.uniform(0.25, 0.31)
    flare = style.uniform(0.15, 0.52)
    top = -0.66
    low = style.uniform(0.3, 0.78)
    hem = waist + flare
    phase = pose.uniform(0, 6)
    number = style.uniform(12, 26)
    above = 0.25 + 0.5 * waist / max(flare, 0.2)
    pleats = (0.0, top - above, number, 0.35 + 1.4 * flare, phase)
    across = np.linspace(hem, -hem, 61)
    wave = 0.05 * flare * np.cos(number * np.arctan2(across, low - pleats[1]) + phase)
    bottom = np.stack([across, low + 0.16 * flare * (1 - (across / hem) ** 2) + wave], axis=1)
    right = path((waist, top), (waist + 0.08, top + 0.25, hem - 0.02, low - 0.4, hem, low))
    outline = np.concatenate([right, bottom[1:-1], flipped(right)[::-1]])
    belt = path((-waist, top + 0.02), (0, top + 0.05, waist, top + 0.02))
    rim = path(
        (0, top - 0.03),
        (waist * 0.6, top - 0.03, waist, top),
        (waist * 0.6, top + 0.03, 0, top + 0.03),
    )
    panels = [
        Panel(outline),
        Panel(mirrored(rim), 0, "inside", 1, 0.2),
        Panel(band(belt, 0.1), 0, str(style.choice(["plain", "trim"])), 0.95, 0.7),
    ]
    stitches = [Stitch(bottom - np.array([0, 0.05]), 0.007, -0.2)]
    if style.random() < 0.35:
        buttons = np.linspace(top + 0.14, low - 0.05, 6)
        panels += [Panel(ellipse(0, y, 0.018), 0, "metal", 1, 0) for y in buttons]
        stitches.append(Stitch(line((0.05, top + 0.07), (0.05, low + 0.1 * flare)), 0.008, -0.25))
    return Drawing(panels, stitches, [], pleats)
