"""What all figures of this package are drawn with: heat over photos, rows of pictures, files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from clothzoo.datasets.photo import Photo, open_photo
from clothzoo.errors import InvalidInput, did_you_mean
from clothzoo.explain.heat import Floats
from clothzoo.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = "viridis"
"""Of heat and of feature maps; told apart without colour vision too, as light from dark."""

_SIDE = 480  # longest side in pixels of a photo in a figure
_DPI = 150


def overlay(photo: Photo, heat: Floats, *, strength: float = 0.6) -> Image.Image:
    """A photo with a heat map over it.

    The photo loses half of its colour, so that it is not taken for heat.

    Args:
        photo: a path, a PIL image, or uint8 pixels.
        heat: float32 (height, width) from 0 to 1, of the upright photo.
        strength: how much of the heat's colour covers the photo where it is hottest, from 0 to 1;
            half as much where it is coldest.

    Returns:
        An RGB picture of the photo's size.

    Raises:
        UnreadablePhoto: the photo cannot be decoded.
        InvalidInput: the heat map is of another size, or the strength is out of range.
        ExtraMissing: matplotlib is not installed.
    """
    if not 0 <= strength <= 1:
        raise InvalidInput(f"strength must be from 0 to 1, not {strength!r}")
    pixels = open_photo(photo)
    if heat.shape != pixels.shape[:2]:
        raise InvalidInput(
            f"the heat map has {heat.shape[0]} × {heat.shape[1]} pixels, but the photo "
            f"{pixels.shape[0]} × {pixels.shape[1]}; make the map of this photo"
        )
    colours = require("matplotlib", "explain").colormaps[COLOURS](heat)[..., :3] * 255
    share = strength * (0.5 + 0.5 * heat[..., None])
    faded = 0.5 * pixels.mean(axis=2, keepdims=True) + 0.5 * pixels
    mixed = (1 - share) * faded + share * colours
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure; the ending of the path chooses the format.

    Args:
        figure: what one of the functions above gave.
        path: the file, e.g. "fig.png"; one that is there is replaced.

    Raises:
        InvalidInput: the ending stands for no format, or there is no such folder.
    """
    path = Path(path)
    known = figure.canvas.get_supported_filetypes()
    ending = path.suffix.lower().removeprefix(".")
    if ending not in known:
        raise InvalidInput(f"cannot write {str(path)!r}: no format{did_you_mean(ending, known)}")
    if not path.parent.is_dir():
        raise InvalidInput(f"cannot write {str(path)!r}: there is no such folder")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        figure.savefig(new, dpi=_DPI, format=ending)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def blank(width: float, height: float) -> Figure:
    """An empty figure of a size in inches."""
    # Not through pyplot, which would keep the figure and ask for a screen.
    module: Any = require("matplotlib.figure", "explain")
    figure: Figure = module.Figure(figsize=(width, height), layout="constrained")
    return figure


def show(line: Iterable[Axes], pictures: Sequence[tuple[str, Image.Image]]) -> None:
    """Show pictures with their titles side by side; what room is left stays empty."""
    line = list(line)
    for axis in line:
        axis.set_axis_off()
    for axis, (title, picture) in zip(line, pictures, strict=False):
        picture.thumbnail((_SIDE, _SIDE))
        axis.imshow(picture)
        axis.set_title(title, fontsize=9, parse_math=False)


def colour_bar(figure: Any, axes: Any) -> None:
    """Say beside the pictures what the colours of their heat mean."""
    cm = require("matplotlib.cm", "explain")
    scale = cm.ScalarMappable(cmap=COLOURS)
    scale.set_clim(0, 1)
    bar = figure.colorbar(scale, ax=axes, shrink=0.6, aspect=30, pad=0.01)
    bar.set_ticks([0, 1], labels=["little", "much"])
