"""One picture of a garment: laid down, lit, and photographed."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from clothzoo.datasets.rendered.drawing import Drawing, Points, Stitch
from clothzoo.datasets.rendered.fabric import Pattern, Values
from clothzoo.datasets.rendered.ground import ground, soft_noise

_MATERIALS = ("cloth", "plain", "trim", "inside", "rubber", "metal")


def picture(
    drawing: Drawing, colours: Values, pattern: Pattern, view: np.random.Generator, size: int
) -> NDArray[np.uint8]:
    """Photograph a garment.

    Edges, seams and the pattern are drawn at twice the size; what is soft (relief, light, the
    ground) at the size itself.

    Args:
        drawing: the garment.
        colours: its palette, float32 (3, 3).
        pattern: of its cloth.
        view: what this photo alone has: ground, rotation, cut, light.
        size: of the square picture in pixels.

    Returns:
        uint8 (size, size, 3).
    """
    camera = _Camera(drawing, view)
    outlines = [camera.project(panel.outline) for panel in drawing.panels]
    angle = view.uniform(0.5, 2.6)
    light = np.array([-np.cos(angle), -np.sin(angle)]) * view.uniform(0.5, 0.9)
    height, shadow = _relief(drawing, outlines, camera, view, size, light)
    slope_x, slope_y = _slopes(height)
    lit = (1 - slope_x * light[0] - slope_y * light[1]) / np.sqrt(1 + slope_x**2 + slope_y**2)
    shade = np.clip((0.34 + 0.66 * lit) * shadow, 0.16, 1.45)

    fine = 2 * size
    index = Image.new("L", (fine, fine))
    draw = ImageDraw.Draw(index)
    for number, outline in enumerate(outlines, 1):
        draw.polygon(_flat(outline, fine), fill=number)
    which = np.asarray(index)
    rows, columns = np.nonzero(which)
    panel = which[rows, columns].astype(np.intp) - 1

    cloth = _cloth(
        drawing, colours, pattern, camera, panel, rows, columns, (slope_x, slope_y), fine
    )
    factor = _enlarged(shade, fine)[rows, columns]
    factor *= _ink(drawing, camera, fine)[rows, columns]
    factor *= 1 + np.float32(0.022) * view.standard_normal(len(rows), dtype=np.float32)
    cloth *= np.minimum(factor, 1)[:, None]
    cloth += (255 - cloth) * (np.maximum(factor - 1, 0) * np.float32(0.55))[:, None]

    surface = _shadowed(ground(view, size), index, light, size)
    canvas = np.array(
        Image.fromarray(np.clip(surface, 0, 255).astype(np.uint8)).resize(
            (fine, fine), Image.Resampling.BICUBIC
        )
    )
    canvas[rows, columns] = np.clip(cloth, 0, 255).astype(np.uint8)
    return _developed(np.asarray(Image.fromarray(canvas).reduce(2)), view, size)


class _Camera:
    """From garment units to the frame (0 to 1), and back."""

    def __init__(self, drawing: Drawing, view: np.random.Generator) -> None:
        points = np.concatenate([panel.outline for panel in drawing.panels])
        low, high = points.min(axis=0), points.max(axis=0)
        self.middle = (low + high) / 2
        turn = np.radians(view.normal(0, 9))
        cos, sin = np.cos(turn), np.sin(turn)
        shear = view.normal(0, 0.03)
        self.turn = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]])
        extent = np.abs((np.array([[1, 1], [1, -1]]) * (high - low)) @ self.turn.T).max()
        zoom = view.uniform(0.74, 1.0) if view.random() < 0.75 else view.uniform(1.0, 1.3)
        self.scale = zoom / extent
        room = 0.06 + 0.5 * abs(0.9 - zoom)
        self.centre = 0.5 + view.uniform(-room, room, 2) * 0.6
        self.bend = view.normal(0, 0.012, 2)
        self.waves = view.uniform(2, 4, 2)
        self.phase = view.uniform(0, 6, 2)

    def project(self, points: Points) -> Points:
        """Garment units (n, 2) to the frame (n, 2)."""
        bent = points + self.bend * np.sin(self.waves * points[:, ::-1] + self.phase)
        projected: Points = ((bent - self.middle) * self.scale) @ self.turn.T + self.centre
        return projected

    def unproject(self, x: Values, y: Values) -> tuple[Values, Values]:
        """Frame to garment units; the bend is undone to first order, which no eye will miss."""
        (a, b), (c, d) = (np.linalg.inv(self.turn) / self.scale).astype(np.float32)
        x = x - np.float32(self.centre[0])
        y = y - np.float32(self.centre[1])
        u = a * x + b * y + np.float32(self.middle[0])
        v = c * x + d * y + np.float32(self.middle[1])
        du = self.bend[0] * np.sin(self.waves[0] * v + self.phase[0])
        dv = self.bend[1] * np.sin(self.waves[1] * u + self.phase[1])
        return (u - du).astype(np.float32), (v - dv).astype(np.float32)


def _flat(points: Points, size: int) -> list[float]:
    return (points * size).ravel().tolist()


def _relief(
    drawing: Drawing,
    outlines: list[Points],
    camera: _Camera,
    view: np.random.Generator,
    size: int,
    light: Points,
) -> tuple[Values, Values]:
    """Height of the cloth in pixels, and how much light reaches it; float32 (size, size)."""
    height = np.zeros((size, size), np.float32)
    shadow = np.ones((size, size), np.float32)
    reach = max(1.5, 0.032 * size)
    for panel, outline in zip(drawing.panels, outlines, strict=True):
        if not panel.puff:
            continue
        image = Image.new("L", (size, size))
        ImageDraw.Draw(image).polygon(_flat(outline, size), fill=255)
        inside = np.asarray(image, np.float32) / 255
        thick = min(reach, reach * panel.puff)
        soft = np.asarray(image.filter(ImageFilter.GaussianBlur(thick)), np.float32) / 255
        round_off = np.clip((soft - 0.2) / 0.8, 0, 1) ** np.float32(0.8)
        shadow *= 1 - 0.42 * soft * min(1.0, panel.puff)
        shadow += inside * (0.80 + 0.20 * round_off - shadow)
        height += inside * (panel.puff * thick * 0.75 * round_off - 0.75 * height)
    shift = light * 0.01 * size
    shadow = _moved(shadow, shift) * 0.35 + shadow * 0.65
    y, x = np.divide(np.mgrid[:size, :size], size, dtype=np.float32)
    u, v = camera.unproject(x, y)
    unit = np.float32(size * camera.scale)
    u = u + 0.03 * soft_noise(view, 6, size)
    for fold in drawing.folds:
        height += (
            unit * 0.022 * np.float32(fold.height) * _ridge(fold.start, fold.end, fold.width, u, v)
        )
    if drawing.pleats:
        px, py, number, high, phase = (np.float32(value) for value in drawing.pleats)
        radius = np.maximum(v - py, 0.05)
        wave = np.cos(number * np.arctan2(u - px, radius) + phase)
        opening = np.clip((v - py) / np.float32(1.1) - 0.25, 0, 1) * (v > py)
        height += unit * 0.02 * high * opening * wave
    height += unit * 0.006 * soft_noise(view, 8, size) + unit * 0.0025 * soft_noise(view, 18, size)
    return height.astype(np.float32), shadow.astype(np.float32)


def _ridge(
    start: tuple[float, float], end: tuple[float, float], width: float, u: Values, v: Values
) -> Values:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = max(np.hypot(dx, dy), 1e-6)
    along = ((u - start[0]) * dx + (v - start[1]) * dy) / length**2
    across = ((u - start[0]) * dy - (v - start[1]) * dx) / (length * width)
    taper = np.clip(1 - (2 * along - 1) ** 2, 0, 1)
    return cast(Values, (taper * np.exp(-(across**2))).astype(np.float32))


def _moved(values: Values, by: Points) -> Values:
    """Moved by whole pixels (x, y); what leaves on one side does not come in on the other."""
    x, y = np.round(by).astype(int).tolist()
    out = np.zeros_like(values)
    height, width = values.shape
    out[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)] = values[
        max(0, -y) : height + min(0, -y), max(0, -x) : width + min(0, -x)
    ]
    return out


def _slopes(height: Values) -> tuple[Values, Values]:
    slope_x, slope_y = np.zeros_like(height), np.zeros_like(height)
    slope_x[:, 1:-1] = (height[:, 2:] - height[:, :-2]) / 2
    slope_y[1:-1] = (height[2:] - height[:-2]) / 2
    return np.clip(slope_x, -1.2, 1.2), np.clip(slope_y, -1.2, 1.2)


def _enlarged(values: Values, size: int) -> Values:
    return np.asarray(Image.fromarray(values).resize((size, size), Image.Resampling.BILINEAR))


def _cloth(
    drawing: Drawing,
    colours: Values,
    pattern: Pattern,
    camera: _Camera,
    panel: NDArray[np.intp],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    slopes: tuple[Values, Values],
    fine: int,
) -> Values:
    """The colour of every pixel of the garment before light falls on it; float32 (n, 3)."""
    panels = drawing.panels
    fixed = np.stack(
        [colours[0], colours[0], colours[1], colours[0] * 0.42, (234, 232, 226), (178, 178, 182)]
    ).astype(np.float32)
    material = np.array([_MATERIALS.index(p.material) for p in panels])
    tone = np.array([p.tone for p in panels], np.float32)
    colour = fixed[material[panel]]
    if pattern.name != "plain":
        patterned = np.nonzero((material == 0)[panel])[0]
        owner, r, c = panel[patterned], rows[patterned], columns[patterned]
        x, y = (np.divide(at + 0.5, fine, dtype=np.float32) for at in (c, r))
        u, v = camera.unproject(x, y)
        # Seen from above, cloth that slopes is foreshortened: lines of the pattern bend there.
        ripple = np.float32(0.03)
        u = u + ripple * slopes[0][r // 2, c // 2]
        v = v + ripple * slopes[1][r // 2, c // 2]
        grain = np.array([p.grain for p in panels], np.float32)
        cos, sin = np.cos(grain)[owner], np.sin(grain)[owner]
        mixture = pattern(u * cos + v * sin, v * cos - u * sin, 1 / (camera.scale * fine))
        colour[patterned] = mixture.T @ colours
    return cast(Values, colour * tone[panel][:, None])


def _ink(drawing: Drawing, camera: _Camera, fine: int) -> Values:
    """Seams and creases as a factor of the brightness; float32 (fine, fine)."""
    image = Image.new("L", (fine, fine), 128)
    draw = ImageDraw.Draw(image)
    for stitch in drawing.stitches:
        width = max(1, round(stitch.width * camera.scale * fine))
        shade = round(128 * (1 + stitch.tone))
        for piece in _pieces(stitch):
            draw.line(_flat(camera.project(piece), fine), fill=shade, width=width, joint="curve")
    return np.asarray(image, np.float32) / np.float32(128)


def _pieces(stitch: Stitch) -> list[Points]:
    if not stitch.dashed:
        return [stitch.line]
    step = np.linspace(0, len(stitch.line) - 1, 80)
    at = np.arange(len(stitch.line))
    dense = np.stack([np.interp(step, at, stitch.line[:, k]) for k in (0, 1)], axis=1)
    return [dense[i : i + 2] for i in range(0, 79, 2)]


def _shadowed(surface: Values, index: Image.Image, light: Points, size: int) -> Values:
    mask = index.point(lambda number: 255 if number else 0).reduce(2)
    near = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.012 * size)), np.float32)
    wide = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.035 * size)), np.float32)
    dark = 0.30 * near + 0.38 * _moved(wide, light * 0.03 * size)
    return cast(Values, surface * (1 - dark / 255)[..., None])


def _developed(
    pixels: NDArray[np.uint8], view: np.random.Generator, size: int
) -> NDArray[np.uint8]:
    """Exposure, white balance, a light that falls off to one side, and sensor noise."""
    warmth = view.normal(0, 0.025)
    gain = view.uniform(0.86, 1.07) * np.array([1 + warmth, 1, 1 - warmth])
    ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    fall = 1 + view.normal(0, 0.1) * ramp[:, None] + view.normal(0, 0.1) * ramp[None]
    out = pixels * (fall[..., None] * gain.astype(np.float32))
    out += view.standard_normal(out.shape, dtype=np.float32) * np.float32(view.uniform(0.8, 3.0))
    return cast("NDArray[np.uint8]", np.clip(out + 0.5, 0, 255).astype(np.uint8))
