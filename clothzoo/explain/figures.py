"""Heat maps over photos, and the figures of this package; drawn by matplotlib."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from clothzoo.datasets.photo import Box, Photo, open_photo
from clothzoo.errors import InvalidInput, UnreadablePhoto, did_you_mean
from clothzoo.explain.catalogue import CatalogueMap
from clothzoo.explain.feature_maps import maps_of
from clothzoo.explain.grad_cam import Evidence, evidence
from clothzoo.explain.heat import Floats, on_photo, scaled
from clothzoo.explain.networks import Labels, Network, Source, network_of
from clothzoo.explain.occlusion import losses
from clothzoo.explain.probes import LayerScore
from clothzoo.explain.similarity import photo_of, similarity_map
from clothzoo.optional import require
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.hits import Hit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = "viridis"  # told apart without colour vision too, as light from dark
_FIRST, _SECOND = "#0072b2", "#d55e00"  # Okabe and Ito's blue and vermilion
_PALETTE = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
)  # fmt: skip
_OTHERS = "#9a9a9a"
_SIDE = 480  # longest side in pixels of a photo in a figure
_CHANNELS = 7
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
    colours = require("matplotlib", "explain").colormaps[_COLOURS](heat)[..., :3] * 255
    share = strength * (0.5 + 0.5 * heat[..., None])
    faded = 0.5 * pixels.mean(axis=2, keepdims=True) + 0.5 * pixels
    mixed = (1 - share) * faded + share * colours
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def photo_figure(
    model_or_preset: Source,
    photo: Photo,
    *,
    task: str | None = None,
    label: str | int | None = None,
    method: str = "grad_cam++",
    level: str | None = None,
    occlusion: bool = False,
    top: int = 3,
    box: Box | None = None,
    preprocessing: Preprocessing | None = None,
    labels: Labels | None = None,
) -> Figure:
    """Draw what a network sees on a photo.

    Above, for each task, the photo and what speaks for its most probable labels; below, the
    feature maps from low to high: of each layer the mean over all channels, and the channels
    that vary most over the photo.

    Args:
        model_or_preset: a preset's name or folder, or a Keras model with one image input.
        photo: a path, a PIL image, or uint8 pixels.
        task: only this one of a multi-task network.
        label: only this class, by name or number.
        method: as for `class_map`.
        level: as for `class_map`.
        occlusion: also show what is lost where the photo is covered, which takes a while.
        top: how many labels of each task, where none is named.
        box: (x, y, width, height) of the garment, in pixels of the photo.
        preprocessing: how photos are prepared; a Keras model of your own needs it.
        labels: class names of a Keras model in the order of its outputs, or {task: names}.

    Returns:
        The figure; `save` writes it.

    Raises:
        UnreadablePhoto: the photo cannot be decoded.
        InvalidInput: there is no such task, label, method or level, or the network has no map.
        PresetNotFound: no preset has that name.
        ExtraMissing: matplotlib is not installed.
    """
    network = network_of(model_or_preset, preprocessing=preprocessing, labels=labels)
    named = task is not None or label is not None
    tasks = [network.task(task, label)] if named else list(network.outputs) or [network.task(None)]
    rows = [
        evidence(network, photo, task=t, label=label, top=top, method=method, level=level, box=box)
        for t in tasks
    ]
    maps = maps_of(network, photo, box=box)
    columns = 1 + max(map(len, rows)) + occlusion
    upper, lower = 2.9 * len(rows), 1.2 * len(maps) + 0.4
    figure = _figure(max(2.4 * columns, 1.15 * (_CHANNELS + 1) + 2), upper + lower)
    above, below = figure.subfigures(2, 1, height_ratios=(upper, lower))
    axes = above.subplots(len(rows), columns, squeeze=False)
    for line, found in zip(axes, rows, strict=True):
        pictures = [(found[0].task or "photo", Image.fromarray(found[0].pixels))]
        pictures += [
            (f"{each.label}\n{each.score:.1%}", overlay(each.pixels, each.heat)) for each in found
        ]
        if occlusion:
            pictures.append(_occluded(network, photo, found[0], box))
        _show(line, pictures)
    above.suptitle(f"What speaks for it: {_METHODS[method]}")
    _colour_bar(above, axes)
    _draw_maps(below, network, maps)
    return figure


def similarity_figure(
    engine: RetrievalEngine,
    query: Photo,
    hits: Sequence[Hit],
    *,
    method: str = "hires_cam",
    level: str | None = None,
    contrast: bool = True,
    box: Box | None = None,
) -> Figure:
    """Draw which part of a query and of each hit made them alike.

    Args:
        engine: what was searched.
        query: a photo, or an item's id.
        hits: what was found.
        method: as for `similarity_map`.
        level: as for `similarity_map`.
        contrast: as for `similarity_map`.
        box: as in the search.

    Returns:
        The figure, a row for each hit; `save` writes it.

    Raises:
        UnreadablePhoto: a photo cannot be decoded.
        InvalidInput: there are no hits, or as for `similarity_map`.
        ExtraMissing: matplotlib is not installed.
    """
    if not hits:
        raise InvalidInput("there is no hit to explain")
    figure = _figure(9.6, 2.6 * len(hits) + 0.6)
    axes = figure.subplots(len(hits), 4, squeeze=False)
    asked = photo_of(engine, query)
    for rank, (line, hit) in enumerate(zip(axes, hits, strict=True), 1):
        found = photo_of(engine, hit)
        of_query, of_hit = similarity_map(
            engine, asked, hit, method=method, level=level, contrast=contrast, box=box
        )
        _show(
            line,
            [
                ("query", Image.fromarray(open_photo(asked))),
                ("what it has in common", overlay(asked, of_query)),
                ("with this", overlay(found, of_hit)),
                (
                    f"hit {rank}, distance {hit.distance:.3f}\n{_short(hit.id)}",
                    Image.fromarray(open_photo(found)),
                ),
            ],
        )
    made = engine.extractor.fingerprint
    figure.suptitle(
        f"What made them alike: {engine.metric} between descriptors of level {made['level']!r}"
    )
    _colour_bar(figure, axes)
    return figure


def probe_figure(scores: Sequence[LayerScore], title: str = "") -> Figure:
    """Draw how well labels can be told from each layer: the curve of abstraction.

    Args:
        scores: what `layer_probe` gave.
        title: above it.

    Returns:
        The figure; `save` writes it.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    figure = _figure(max(5.0, 0.75 * len(scores) + 2.2), 4.2)
    axes = figure.add_subplot()
    places = np.arange(len(scores))
    probe = axes.errorbar(
        places, [s.probe for s in scores], [s.probe_spread for s in scores], color=_FIRST,
        marker="o", capsize=3, label="linear probe: balanced accuracy",
    )  # fmt: skip
    (search,) = axes.plot(
        places, [s.retrieval for s in scores], color=_SECOND, marker="s", linestyle="--",
        label="search: hits with the same label",
    )  # fmt: skip
    chance = axes.axhline(scores[0].chance, color=_OTHERS, linestyle=":", label="chance")
    axes.set_xticks(places, [s.level for s in scores], rotation=35, ha="right")
    axes.set(xlabel="layer, from image to head", ylabel="share of photos", ylim=(0, 1), title=title)
    axes.grid(alpha=0.3)
    figure.legend(handles=[probe, search, chance], loc="outside lower center", frameon=False)
    return figure


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
    figure = _figure(inches * width, inches * height + 0.8)
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
            tuple((np.floor([x * cells, y * cells]) + 0.5) / cells), pad=0.1,
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
        figure.legend(
            handles=handles, title=attribute, loc="outside lower center", frameon=False,
            ncols=min(4, len(handles)),
        )  # fmt: skip
    return figure


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


_METHODS = {"grad_cam": "Grad-CAM", "grad_cam++": "Grad-CAM++", "hires_cam": "HiResCAM"}
_NAMES = {"tsne": "t-SNE", "umap": "UMAP"}


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


def _one_in_each_cell(places: Floats, cells: int) -> set[int]:
    """Of the places in each cell of a grid, the number of the one nearest to the cell's middle."""
    inside = np.minimum((places * cells).astype(int), cells - 1)
    off_middle = ((places * cells - inside - 0.5) ** 2).sum(axis=1)
    nearest: dict[tuple[int, ...], int] = {}
    for number in np.argsort(off_middle, kind="stable"):
        nearest.setdefault(tuple(inside[number]), int(number))
    return set(nearest.values())


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


def _occluded(
    network: Network, photo: Photo, found: Evidence, box: Box | None
) -> tuple[str, Image.Image]:
    task = network.task(found.task or None)
    lost = losses(network, photo, task, network.index(task, found.index), box=box)
    heat = scaled(on_photo(lost, network.preprocessing, found.pixels.shape[:2], box))
    return f"covered: {found.label}\nloses up to {max(0.0, float(lost.max())):.1%}", overlay(
        found.pixels, heat
    )


def _draw_maps(figure: Any, network: Network, maps: Mapping[str, Floats]) -> None:
    figure.suptitle("What its layers see, from low to high")
    axes = figure.subplots(len(maps), _CHANNELS + 2, squeeze=False)
    for number, (line, (name, values)) in enumerate(zip(axes, maps.items(), strict=True)):
        height, width, channels = values.shape
        line[0].text(
            1, 0.5, f"{name}\n{height} × {width} × {channels}", ha="right", va="center",
            fontsize=8, transform=line[0].transAxes,
        )  # fmt: skip
        liveliest = np.argsort(-values.std(axis=(0, 1)), kind="stable")[:_CHANNELS]
        tiles = [values.mean(axis=-1), *(values[..., channel] for channel in liveliest)]
        for place, (axis, tile) in enumerate(zip(line[1:], tiles, strict=False)):
            axis.imshow(tile, cmap=_COLOURS, interpolation="nearest")
            if number == 0:
                axis.set_title("mean" if place == 0 else "", fontsize=8)
        for axis in line:
            axis.set_axis_off()
    if len(axes):
        axes[0][2].set_title("the channels that vary most", fontsize=8, loc="left")


def _show(line: Iterable[Axes], pictures: Sequence[tuple[str, Image.Image]]) -> None:
    line = list(line)
    for axis in line:
        axis.set_axis_off()
    for axis, (title, picture) in zip(line, pictures, strict=False):
        picture.thumbnail((_SIDE, _SIDE))
        axis.imshow(picture)
        axis.set_title(title, fontsize=9)


def _colour_bar(figure: Any, axes: Any) -> None:
    cm = require("matplotlib.cm", "explain")
    scale = cm.ScalarMappable(cmap=_COLOURS)
    scale.set_clim(0, 1)
    bar = figure.colorbar(scale, ax=axes, shrink=0.6, aspect=30, pad=0.01)
    bar.set_ticks([0, 1], labels=["little", "much"])


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _figure(width: float, height: float) -> Figure:
    # Not through pyplot, which would keep the figure and ask for a screen.
    module: Any = require("matplotlib.figure", "explain")
    figure: Figure = module.Figure(figsize=(width, height), layout="constrained")
    return figure
