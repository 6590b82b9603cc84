"""T-shirts, long sleeves, shirts, dresses and outwear."""

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
from clothzoo.datasets.rendered.torso import drape, on_side, rib, sleeves, torso


def t_shirt(
    style: np.random.Generator, pose: np.random.Generator, sleeve: str, *, cuff: bool = False
) -> Drawing:
    """A T-shirt; with long sleeves and cuffs it is a longsleeve."""
    if sleeve == "sleeveless":
        body = torso(
            style, neck=style.uniform(0.19, 0.22), depth=style.uniform(0.2, 0.3),
            shoulder=style.uniform(0.29, 0.32), armpit=-0.27,
        )  # fmt: skip
    else:
        body = torso(style, **({"depth": 0.26} if style.random() < 0.25 else {}))
    trim = str(style.choice(["plain", "plain", "trim"]))
    panels, stitches, folds = sleeves(
        body, sleeve, style, pose, trim if cuff or trim == "trim" else None
    )
    low = body.bottom
    return Drawing(
        panels=[
            *panels,
            Panel(body.inside, 0, "inside", 1, 0.2),
            Panel(body.outline),
            Panel(rib(body, 0.045), 0, trim, 0.93, 0.45),
        ],
        stitches=[
            *stitches,
            Stitch(path((-body.hem, low - 0.05), (0, low, body.hem, low - 0.05)), tone=-0.2),
        ],
        folds=[*folds, *drape(body, pose)],
    )


def longsleeve(style: np.random.Generator, pose: np.random.Generator, sleeve: str) -> Drawing:
    """A longsleeve or sweater with ribbed cuffs and hem."""
    drawing = t_shirt(style, pose, sleeve, cuff=True)
    body = drawing.panels[-2].outline
    low, wide = float(body[:, 1].max()), float(np.abs(body[body[:, 1] > 0.5, 0]).max())
    if style.random() < 0.5:
        hem = path((-wide, low - 0.07), (0, low - 0.01, wide, low - 0.07))
        drawing.panels.append(Panel(band(hem, 0.09), 0, drawing.panels[-1].material, 0.94, 0.6))
        drawing.stitches += [
            Stitch(line((x, low - 0.105), (x, low - 0.0)), 0.006, -0.12)
            for x in np.linspace(-wide * 0.95, wide * 0.95, 25)
        ]
    return drawing


def shirt(style: np.random.Generator, pose: np.random.Generator, sleeve: str) -> Drawing:
    """A shirt with collar, placket, buttons and perhaps a pocket."""
    body = torso(
        style, depth=0.15, neck=style.uniform(0.14, 0.16), bottom=style.uniform(0.74, 0.86)
    )
    panels, stitches, folds = sleeves(body, sleeve, style, pose, "cloth")
    n, top, low = body.neck, body.top, body.bottom
    collar = path(
        (0.0, top + 0.15), (n * 0.7, top + 0.02), (n * 0.9, top - 0.06, n * 0.55, top - 0.09),
        (n + 0.03, top - 0.07, n + 0.05, top + 0.01), (n + 0.06, top + 0.12),
        (n * 0.8, top + 0.16, 0.0, top + 0.15),
    )  # fmt: skip
    button = "trim" if style.random() < 0.3 else "rubber"
    buttons = np.linspace(top + 0.22, low - 0.12, 7)
    panels += [
        Panel(body.inside, 0, "inside", 1, 0.2),
        Panel(body.outline),
        Panel(band(line((0.012, top + 0.15), (0.012, low + 0.03)), 0.075), 0, "cloth", 1.0, 0.25),
        Panel(collar, 0.35, "cloth", 1.02, 0.5),
        Panel(flipped(collar), -0.35, "cloth", 1.02, 0.5),
        *(Panel(ellipse(0.012, y, 0.014), 0, button, 0.95, 0) for y in buttons),
    ]
    stitches += [
        Stitch(line((0.012 + s * 0.036, top + 0.16), (0.012 + s * 0.036, low + 0.03)), tone=-0.25)
        for s in (-1, 1)
    ]
    stitches += [
        Stitch(
            on_side(path((n + 0.02, top + 0.13), (0.3, top + 0.21, body.shoulder, top + 0.2)), s),
            tone=-0.2,
        )
        for s in (-1, 1)
    ]
    if style.random() < 0.6:
        x, y = 0.13, -0.36
        pocket = path(
            (x, y), (x + 0.17, y), (x + 0.17, y + 0.16), (x + 0.085, y + 0.2), (x, y + 0.16), (x, y)
        )
        stitches += [
            Stitch(pocket, 0.008, -0.28),
            Stitch(line((x, y + 0.035), (x + 0.17, y + 0.035))),
        ]
    return Drawing(panels, stitches, [*folds, *drape(body, pose, 5)])


def dress(style: np.random.Generator, pose: np.random.Generator, sleeve: str) -> Drawing:
    """A dress: fitted above, flared below."""
    waist = style.uniform(0.22, 0.27)
    line_y = style.uniform(-0.22, -0.08)
    hem = style.uniform(0.38, 0.62)
    low = style.uniform(0.72, 0.98)
    strap = sleeve == "sleeveless"
    body = torso(
        style, neck=style.uniform(0.15, 0.21), depth=style.uniform(0.14, 0.3), top=-0.93,
        shoulder=0.27 if strap else 0.34, chest=0.30, armpit=-0.50,
    )  # fmt: skip
    phase = pose.uniform(0, 6)
    pleats = (0.0, line_y - 0.45, style.uniform(16, 30), style.uniform(0.5, 1.1), phase)
    across = np.linspace(hem, -hem, 61)
    wave = 0.018 * np.cos(pleats[2] * np.arctan2(across, low - pleats[1]) + phase)
    bodice = np.concatenate(
        [
            body.neckline,
            path(
                (body.neck, body.top),
                (body.shoulder, body.shoulder_y - 0.03),
                (body.shoulder - 0.07, -0.72, body.chest - 0.06, -0.58, body.chest, -0.50),
                (body.chest, -0.38, waist, line_y - 0.12, waist, line_y),
            )[1:],
        ]
    )
    right = path((waist, line_y), (waist + 0.03, line_y + 0.25, hem, low - 0.3, hem, low))
    bottom = np.stack([across, low + 0.05 * (1 - (across / hem) ** 2) + wave], axis=1)
    skirt = np.concatenate([right, bottom[1:-1], flipped(right)[::-1]])
    panels, stitches, folds = sleeves(body, sleeve, style, pose, None)
    belt = str(style.choice(["plain", "trim", "none"]))
    panels += [
        Panel(body.inside, 0, "inside", 1, 0.2),
        Panel(skirt),
        Panel(mirrored(bodice)),
    ]
    if belt != "none":
        waistline = path((-waist, line_y), (0, line_y + 0.03, waist, line_y))
        panels.append(Panel(band(waistline, 0.07), 0, belt, 0.95, 0.6))
    else:
        stitches.append(
            Stitch(path((-waist, line_y), (0, line_y + 0.03, waist, line_y)), tone=-0.25)
        )
    panels.append(Panel(rib(body, 0.03), 0, "plain", 0.9, 0.4))
    creases = [f for f in drape(body, pose, 4) if max(f.start[1], f.end[1]) < 0.2]
    return Drawing(panels, stitches, [*folds, *creases], pleats)


def outwear(style: np.random.Generator, pose: np.random.Generator, sleeve: str) -> Drawing:
    """A hoodie, a bomber or a quilted jacket, closed by a zip."""
    kind = str(style.choice(["hoodie", "bomber", "quilted"]))
    body = torso(
        style,
        chest=0.44,
        waist=0.44,
        hem=0.43,
        shoulder=0.40 if sleeve == "sleeveless" else 0.46,
        depth=0.12,
        neck=0.16,
    )
    panels, stitches, folds = sleeves(
        body, sleeve, style, pose, "trim" if kind == "bomber" else "plain"
    )
    top, low, hem = body.top, body.bottom, body.hem
    if kind == "hoodie":
        hood = path(
            (0, top - 0.19), (0.2, top - 0.2, 0.27, top - 0.08, 0.25, top + 0.06),
            (0.2, top + 0.2, 0, top + 0.24),
        )  # fmt: skip
        opening = path((0, top - 0.1), (0.15, top - 0.1, 0.17, top + 0.05, 0, top + 0.21))
        panels += [
            Panel(body.outline),
            Panel(mirrored(hood), 0, "cloth", 1, 0.9),
            Panel(mirrored(opening), 0, "inside", 0.9, 0.3),
        ]
        start = top + 0.2
        for side in (-1, 1):
            cord = path(
                (side * 0.05, top + 0.2), (side * 0.07, top + 0.3, side * 0.055, top + 0.42)
            )
            panels.append(Panel(band(cord, 0.02), 0, "rubber", 0.95, 0))
    else:
        collar = path(
            (0, top - 0.03), (0.12, top - 0.06, body.neck + 0.01, top - 0.07),
            (body.neck + 0.04, top + 0.03), (0.1, top + 0.13, 0, top + 0.13),
        )  # fmt: skip
        panels += [
            Panel(body.outline),
            Panel(mirrored(collar), 0, "trim" if kind == "bomber" else "plain", 0.96, 0.8),
        ]
        start = top - 0.0
    edge = path((-hem, low - 0.06), (0, low - 0.015, hem, low - 0.06))
    panels.append(Panel(band(edge, 0.11), 0, "trim" if kind == "bomber" else "plain", 0.95, 0.8))
    panels.append(Panel(band(line((0, start), (0, low + 0.03)), 0.03), 0, "metal", 1.0, 0))
    panels.append(Panel(ellipse(0, start + 0.03, 0.013, 0.03), 0, "metal", 1.15, 0))
    stitches += [
        Stitch(line((s * 0.028, start), (s * 0.028, low + 0.03)), tone=-0.3) for s in (-1, 1)
    ]
    stitches.append(Stitch(line((0, start), (0, low + 0.03)), 0.006, -0.5, dashed=True))
    for side in (-1, 1):
        pocket = line((side * 0.16, 0.38), (side * 0.30, 0.12))
        stitches.append(Stitch(pocket, 0.016, -0.4))
    if kind == "quilted":
        for y in np.arange(top + 0.3, low - 0.15, 0.17):
            stitches.append(Stitch(path((-0.44, y), (0, y + 0.03, 0.44, y)), 0.01, -0.3))
            folds.append(Fold((-0.44, y + 0.085), (0.0, y + 0.11), 0.05, 1.6))
            folds.append(Fold((0.0, y + 0.11), (0.44, y + 0.085), 0.05, 1.6))
    return Drawing(panels, stitches, [*folds, *drape(body, pose, 3 if kind == "quilted" else 6)])
