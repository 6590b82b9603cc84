"""Colours, and the patterns that are printed or woven in them."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

COLOURS = {
    "beige": (214, 190, 155),
    "black": (42, 42, 46),
    "blue": (52, 104, 190),
    "brown": (118, 76, 48),
    "green": (58, 128, 78),
    "grey": (142, 145, 150),
    "navy": (38, 50, 92),
    "orange": (226, 122, 46),
    "pink": (232, 146, 172),
    "purple": (116, 74, 150),
    "red": (196, 44, 50),
    "white": (238, 236, 231),
    "yellow": (238, 200, 76),
}
PATTERNS = ("checked", "dotted", "floral", "plain", "striped", "vertical stripes")

_LIGHT = ("white", "beige", "yellow", "pink", "grey")
_DARK = ("navy", "black", "brown", "purple", "green")


def palette(colour: str, style: np.random.Generator) -> Values:
    """The shade of the colour that a garment has, and two that go with it; float32 (3, 3)."""
    base = np.array(COLOURS[colour], dtype=np.float64)
    base = base * style.uniform(0.9, 1.08) + style.normal(0, 5, 3)
    bright = base.mean() > 125
    names = [n for n in (_DARK if bright else _LIGHT) if n != colour]
    if style.random() < 0.4:
        names = ["white" if not bright else "navy"]
    second = np.array(COLOURS[str(style.choice(names))]) * style.uniform(0.92, 1.05)
    accents = [n for n in ("red", "yellow", "orange", "pink", "green", "blue") if n != colour]
    third = np.array(COLOURS[str(style.choice(accents))])
    return cast(Values, np.clip([base, second, third], 18, 246).astype(np.float32))


class Pattern:
    """One garment's pattern, the same in every picture of it.

    Args:
        name: one of `PATTERNS`.
        style: where its measures come from.
    """

    def __init__(self, name: str, style: np.random.Generator) -> None:
        self.name = name
        self._period = {
            "striped": style.uniform(0.10, 0.26),
            "vertical stripes": style.uniform(0.07, 0.16),
            "checked": style.uniform(0.15, 0.30),
            "dotted": style.uniform(0.12, 0.20),
            "floral": style.uniform(0.20, 0.30),
        }.get(name, 1.0)
        self._duty = style.uniform(0.3, 0.55)
        self._plaid = style.random() < 0.6
        self._shift = style.uniform(0, 1, 2)
        self._table = style.random((4, 64), dtype=np.float32)

    def __call__(self, u: Values, v: Values, pixel: float) -> Values:
        """How much of each colour of the palette is at (u, v).

        Args:
            u: across the cloth, in garment units (n,).
            v: down the cloth (n,).
            pixel: size of a pixel in garment units, for soft edges.

        Returns:
            float32 (3, n), columns adding up to 1.
        """
        u = u / np.float32(self._period) + np.float32(self._shift[0])
        v = v / np.float32(self._period) + np.float32(self._shift[1])
        sharp = np.float32(self._period / pixel)
        out = np.zeros((3, len(u)), np.float32)
        if self.name == "striped":
            out[1] = _stripe(v, self._duty, sharp)
        elif self.name == "vertical stripes":
            out[1] = _stripe(u, self._duty * 0.7, sharp)
        elif self.name == "checked":
            across, down = _stripe(u, 0.5, sharp), _stripe(v, 0.5, sharp)
            out[1] = (across + down) * np.float32(0.46)
            if self._plaid:
                thin = np.maximum(_stripe(u + 0.25, 0.06, sharp), _stripe(v + 0.25, 0.06, sharp))
                out[2] = thin * np.float32(0.7)
                out[1] *= 1 - out[2]
        elif self.name == "dotted":
            v = v * np.float32(1.15)
            row = np.floor(v)
            du = (u + 0.5 * (row % 2)) % 1 - np.float32(0.5)
            dv = v - row - np.float32(0.5)
            out[1] = _inside(np.hypot(du, dv), np.float32(0.16 + 0.2 * self._duty), sharp)
        elif self.name == "floral":
            out[1:] = self._flowers(u, v, sharp)
        out[0] = 1 - out[1] - out[2]
        return out

    def _flowers(self, u: Values, v: Values, sharp: np.float32) -> Values:
        column, row = np.floor(u), np.floor(v)
        cell = ((column * 7 + row * 13) % 64).astype(np.intp)
        random = self._table[:, cell]
        du = u - column - (0.38 + 0.24 * random[0])
        dv = v - row - (0.38 + 0.24 * random[1])
        radius = np.hypot(du, dv)
        size = 0.22 + 0.14 * random[2]
        petals = size * (0.72 + 0.28 * np.cos(5 * np.arctan2(dv, du) + 6.28 * random[3]))
        heart = _inside(radius, size * np.float32(0.32), sharp)
        flower = _inside(radius, petals, sharp) * (1 - heart)
        pink = random[3] > np.float32(0.55)
        return cast(
            Values,
            np.stack([np.where(pink, heart, flower), np.where(pink, flower, heart)]).astype(
                np.float32
            ),
        )


def _stripe(position: Values, duty: float, sharp: np.float32) -> Values:
    away = np.abs(position - np.floor(position) - np.float32(0.5))
    return _inside(away, np.float32(duty / 2), sharp)


def _inside(distance: Values, limit: Values | np.float32, sharp: np.float32) -> Values:
    return cast(
        Values, np.clip((limit - distance) * sharp + np.float32(0.5), 0, 1).astype(np.float32)
    )
