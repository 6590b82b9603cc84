"""The figure of a catalogue's map, with thumbnails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from clothzoo.datasets.photo import open_photo
from clothzoo.errors import InvalidInput, UnreadablePhoto, did_you_mean
from clothzoo.explain.catalogue import CatalogueMap
from clothzoo.explain.drawing import blank
from clothzoo.explain.heat import Floats
from clothzoo.optional import require
from clothzoo.retrieval.engine import RetrievalEngine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's, which people without colour vision of some kind tell apart.
_PALETTE = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
)  # fmt: skip
_OTHERS = "#9a9a9a"
_NAMES = {"tsne": "t-SNE", "umap": "UMAP"}


def catalogue_figure(
    engine: RetrievalEngine,
    laid_out: CatalogueMap,
    *,
    attribute: str | None = None,
    thumbnails: int = 400,
) -> Figure:
    """Draw a catalogue's map with thumbnails.

    Args:
        engine: whose catalogue.
        laid_out: what `catalogue_map` gave.
        attribute: frames the thumbnails in a colour for each of its most frequent values.
        thumbnails: how many there is room for; where they would overlap, the one nearest to its
            place on a grid is shown, and the others are points.

    Returns:
        The figure; `save` writes it.

    Raises:
        InvalidInput: no item has such an attribute.
        ExtraMissing: matplotlib is not installed.
    """
    offsetbox = require("matplotlib.offsetbox", "explain")
    lines = require("matplotlib.lines", "explain")
    colours = _colours_by(engine, laid_out.ids, attribute)
    cells = max(2, round(thumbnails**0.5))
    side, inches = 64, 10.0
    margin = 0.6 / cells
    width, height = laid_out.places.max(axis=0) + 2 * margin
    figure = blank(inches * width, inches * height + 0.8)
    axes = figure.add_subplot()
    drawn = _one_in_each_cell(laid_out.places, cells)
    for number, name in enumerate(laid_out.ids):
        x, y = laid_out.places[number]
        colour = colours.of.get(name, _OTHERS)
        thumbnail = _thumbnail(engine, name, side) if number in drawn else None
        if thumbnail is None:
            axes.plot(x, y, ".", color=colour, markersize=4, zorder=1)
            continue
        # A place is rounded to the middle of its cell, so that no thumbnail hides another.
        framed = offsetbox.AnnotationBbox(
            offsetbox.OffsetImage(np.asarray(thumbnail), zoom=0.8 * inches * 72 / (cells * side)),
            drawn[number], pad=0.1,
            bboxprops={"edgecolor": colour, "linewidth": 1.6},
        )  # fmt: skip
        axes.add_artist(framed)
    axes.set(xlim=(-margin, width - margin), ylim=(-margin, height - margin), xticks=[], yticks=[])
    axes.set_aspect("equal")
    shown = f"{len(laid_out.ids):,} of {laid_out.total:,} items"
    axes.set_title(f"{shown}, {_NAMES[laid_out.method]} of {engine.metric} distances")
    if colours.legend:
        handles = [
            lines.Line2D([], [], color=colour, marker="s", linestyle="", label=value)
            for value, colour in colours.legend.items()
        ]
        legend = figure.legend(
            handles=handles, title=attribute, loc="outside lower center", frameon=False,
            ncols=min(4, len(handles)),
        )  # fmt: skip
        for text in (legend.get_title(), *legend.get_texts()):
            text.set_parse_math(False)  # a value may have dollar signs in it
        # With a legend below and equal axes, room for the title is only found the second time.
        figure.draw_without_rendering()
    return figure


@dataclass(frozen=True)
class _Colours:
    of: Mapping[str, str]
    legend: Mapping[str, str]


def _colours_by(engine: RetrievalEngine, ids: Sequence[str], attribute: str | None) -> _Colours:
    if attribute is None:
        return _Colours({}, {})
    rows = {name: engine.attributes(name) for name in ids}
    values = {n: str(row[attribute]) for n, row in rows.items() if row.get(attribute) is not None}
    if not values:
        known = {name for row in rows.values() for name in row}
        raise InvalidInput(
            f"no item has an attribute {attribute!r}{did_you_mean(attribute, known)}"
        )
    frequent = [value for value, _ in Counter(values.values()).most_common()]
    named = dict(zip(sorted(frequent[: len(_PALETTE)]), _PALETTE, strict=False))
    others = {"other": _OTHERS} if len(frequent) > len(_PALETTE) else {}
    return _Colours({n: named.get(value, _OTHERS) for n, value in values.items()}, named | others)


def _one_in_each_cell(places: Floats, cells: int) -> dict[int, tuple[float, float]]:
    """Lay a grid over the map.

    Args:
        places: float32 (N, 2), from 0 to 1.
        cells: of the grid along each side.

    Returns:
        {number: middle of its cell} of the place nearest to the middle in each cell.
    """
    inside = np.minimum((places * cells).astype(int), cells - 1)
    middles = (inside + 0.5) / cells
    off_middle = ((places - middles) ** 2).sum(axis=1)
    nearest: dict[tuple[float, float], int] = {}
    for number in np.argsort(off_middle, kind="stable").tolist():
        x, y = middles[number].tolist()
        nearest.setdefault((x, y), number)
    return {number: middle for middle, number in nearest.items()}


def _thumbnail(engine: RetrievalEngine, name: str, side: int) -> Image.Image | None:
    photo = engine.photo(name)
    if photo is None:
        return None
    try:
        picture = Image.fromarray(open_photo(photo, size_hint=(side, side)))
    except UnreadablePhoto:  # damaged since it was indexed; the item keeps its place
        return None
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture
