"""The figures of this package: a photo, a search, the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from clothzoo.datasets.photo import Box, Photo, open_photo
from clothzoo.errors import InvalidInput
from clothzoo.explain.drawing import COLOURS, blank, colour_bar, overlay, show
from clothzoo.explain.grad_cam import Evidence, evidence
from clothzoo.explain.heat import Floats, on_photo, scaled
from clothzoo.explain.maps import maps_of
from clothzoo.explain.networks import Labels, Network, Source, network_of
from clothzoo.explain.occlusion import losses
from clothzoo.explain.probes import LayerScore
from clothzoo.explain.similarity import photo_of, similarity_map
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.hits import Hit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FIRST, _SECOND = "#0072b2", "#d55e00"  # Okabe and Ito's blue and vermilion
_CHANCE = "#9a9a9a"
_CHANNELS = 7
_METHODS = {"grad_cam": "Grad-CAM", "grad_cam++": "Grad-CAM++", "hires_cam": "HiResCAM"}


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
    figure = blank(max(2.4 * columns, 1.15 * (_CHANNELS + 1) + 2), upper + lower)
    parts: Any = figure.subfigures(2, 1, height_ratios=(upper, lower))
    above, below = parts
    axes = above.subplots(len(rows), columns, squeeze=False)
    for line, found in zip(axes, rows, strict=True):
        pictures = [(found[0].task or "photo", Image.fromarray(found[0].pixels))]
        pictures += [
            (f"{each.label}\n{each.score:.1%}", overlay(each.pixels, each.heat)) for each in found
        ]
        if occlusion:
            pictures.append(_occluded(network, photo, found[0], box))
        show(line, pictures)
    above.suptitle(f"What speaks for it: {_METHODS[method]}")
    colour_bar(above, axes)
    _draw_maps(below, maps)
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
    figure = blank(9.6, 2.6 * len(hits) + 0.6)
    axes = figure.subplots(len(hits), 4, squeeze=False)
    asked = photo_of(engine, query)
    for rank, (line, hit) in enumerate(zip(axes, hits, strict=True), 1):
        found = photo_of(engine, hit)
        of_query, of_hit = similarity_map(
            engine, asked, hit, method=method, level=level, contrast=contrast, box=box
        )
        show(
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
    colour_bar(figure, axes)
    return figure


def probe_figure(scores: Sequence[LayerScore], title: str = "") -> Figure:
    """Draw how well labels can be told from each layer: the curve of abstraction.

    Args:
        scores: what `layer_probe` gave.
        title: above it.

    Returns:
        The figure; `save` writes it.

    Raises:
        InvalidInput: there are no scores.
        ExtraMissing: matplotlib is not installed.
    """
    if not scores:
        raise InvalidInput("there is no layer to draw")
    figure = blank(max(5.0, 0.75 * len(scores) + 2.2), 4.2)
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
    chance = axes.axhline(scores[0].chance, color=_CHANCE, linestyle=":", label="chance")
    axes.set_xticks(places, [s.level for s in scores], rotation=35, ha="right")
    axes.set(xlabel="layer, from image to head", ylabel="share of photos", ylim=(0, 1), title=title)
    axes.grid(alpha=0.3)
    figure.legend(handles=[probe, search, chance], loc="outside lower center", frameon=False)
    return figure


def _occluded(
    network: Network, photo: Photo, found: Evidence, box: Box | None
) -> tuple[str, Image.Image]:
    task = network.task(found.task or None)
    lost = losses(network, photo, task, network.index(task, found.index), box=box)
    heat = scaled(on_photo(lost, network.preprocessing, found.pixels.shape[:2], box))
    return f"covered: {found.label}\nloses up to {max(0.0, float(lost.max())):.1%}", overlay(
        found.pixels, heat
    )


def _draw_maps(figure: Any, maps: Mapping[str, Floats]) -> None:
    figure.suptitle("What its layers see, from low to high")
    axes = figure.subplots(len(maps), _CHANNELS + 2, squeeze=False)
    for line, (name, values) in zip(axes, maps.items(), strict=True):
        height, width, channels = values.shape
        line[0].text(
            1, 0.5, f"{name}\n{height} × {width} × {channels}", ha="right", va="center",
            fontsize=8, transform=line[0].transAxes,
        )  # fmt: skip
        liveliest = np.argsort(-values.std(axis=(0, 1)), kind="stable")[:_CHANNELS]
        tiles = [values.mean(axis=-1), *(values[..., channel] for channel in liveliest)]
        for axis, tile in zip(line[1:], tiles, strict=False):
            axis.imshow(tile, cmap=COLOURS, interpolation="nearest")
        for axis in line:
            axis.set_axis_off()
    axes[0][1].set_title("mean", fontsize=8)
    axes[0][2].set_title("the channels that vary most", fontsize=8, loc="left")


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"
