"""Pictures of how well searches find what is alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clothzoo.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from clothzoo.retrieval.grid import Row

COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933",
)  # fmt: skip
"""Okabe and Ito's palette, its yellow darkened: told apart with any kind of colour vision."""


def heat_map(rows: Sequence[Row], path: str | Path, measure: str = "P@k", title: str = "") -> None:
    """Draw a grid: a panel for each pooling, levels down, normalisation and measure across.

    Args:
        rows: of `clothzoo.retrieval.grid.run`.
        path: of the picture.
        measure: one of `clothzoo.retrieval.evaluation.MEASURES`.
        title: above it.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    levels, poolings, normalisations, metrics = (
        list(dict.fromkeys(row[name] for row in rows))
        for name in ("level", "pooling", "normalisation", "metric")
    )
    across = [(metric, how) for metric in metrics for how in normalisations]
    values = np.full((len(poolings), len(levels), len(across)), np.nan)
    for row in rows:
        column = across.index((row["metric"], row["normalisation"]))
        place = poolings.index(row["pooling"]), levels.index(row["level"]), column
        values[place] = row[measure]
    low, high = np.nanmin(values), np.nanmax(values)
    wide = 1.8 + 0.42 * len(across)
    columns = min(2, len(poolings))
    down = -(-len(poolings) // columns)
    drawing = figure(wide * columns, (2.1 + 0.32 * len(levels)) * down)
    for number, (pooling, panel) in enumerate(zip(poolings, values, strict=True)):
        axes = drawing.add_subplot(down, columns, number + 1)
        shown = axes.imshow(panel, cmap="cividis", vmin=low, vmax=high, aspect="auto")
        axes.set_title(pooling, fontsize=10)
        axes.set_yticks(range(len(levels)), levels, fontsize=8)
        names = [f"{metric} {how}" for metric, how in across]
        axes.set_xticks(range(len(across)), names, rotation=90, fontsize=7)
        best = np.unravel_index(np.nanargmax(panel), panel.shape)
        for (y, x), value in np.ndenumerate(panel):
            if np.isfinite(value):
                dark = value < (low + high) / 2
                axes.text(
                    x, y, f"{value:.2f}".removeprefix("0"), ha="center", va="center", fontsize=6,
                    color="white" if dark else "black",
                    weight="bold" if (y, x) == best else "normal",
                )  # fmt: skip
    bar = drawing.colorbar(shown, ax=drawing.axes, shrink=0.6, pad=0.01)
    bar.set_label(measure)
    drawing.suptitle(title)
    drawing.savefig(path, dpi=110)


def curves(
    series: Sequence[tuple[str, Sequence[float], Sequence[tuple[float, float]]]],
    places: Sequence[str],
    path: str | Path,
    *,
    label: str,
    title: str = "",
) -> None:
    """Draw lines over named places, each with its intervals.

    Args:
        series: (name, values, (low, high) of each) of each line.
        places: names of the values, from left to right.
        path: of the picture.
        label: of the upright axis.
        title: above it.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    drawing = figure(max(6.5, 4.2 + 0.65 * len(places)), 4.2)
    axes = drawing.add_subplot()
    for number, (name, values, intervals) in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        marker = "osD^vPX*"[number % 8]
        axes.plot(range(len(places)), values, color=colour, marker=marker, label=name)
        low, high = np.array(intervals).T
        axes.fill_between(range(len(places)), low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xticks(range(len(places)), places, rotation=30, ha="right")
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    drawing.legend(frameon=False, fontsize=8, loc="outside right upper")
    axes.set_title(title, fontsize=10)
    drawing.savefig(path, dpi=110)


def bars(
    rows: Sequence[tuple[str, float, float, float]], path: str | Path, *, label: str, title: str
) -> None:
    """Draw differences with their intervals, and where there would be none.

    Args:
        rows: (name, value, low, high) of each.
        path: of the picture.
        label: of the level axis.
        title: above it.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    drawing = figure(7.5, 1.3 + 0.38 * len(rows))
    axes = drawing.add_subplot()
    for place, (_, value, low, high) in enumerate(rows):
        colour = COLOURS[0] if low > 0 else COLOURS[1]
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot(value, place, "o", color=colour)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)
    axes.set_title(title, fontsize=10)
    drawing.savefig(path, dpi=110)


def figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    # Not through pyplot, which would keep the figure and ask for a screen.
    module: Any = require("matplotlib.figure", "viz")
    made: Figure = module.Figure(figsize=(width, height), layout="constrained")
    return made
