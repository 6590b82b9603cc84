"""Pictures of a run and of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TRAIN, _VALIDATION = "#0072b2", "#d55e00"  # Okabe and Ito's blue and vermilion


def curves(rows: Sequence[dict[str, float]], path: str | Path, title: str = "") -> None:
    """Draw how losses and accuracies went, epoch by epoch.

    Args:
        rows: the log, e.g. of `history.csv`.
        path: of the picture, e.g. "curves.png".
        title: above it.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    wanted = [k for k in rows[0] if k.endswith(("loss", "accuracy")) and not k.startswith("val_")]
    names = sorted(wanted, key=lambda name: (name.endswith("accuracy"), name))
    figure = _figure(4.2 * len(names), 3.4)
    epochs = [row["epoch"] for row in rows]
    for number, name in enumerate(names, 1):
        axes = figure.add_subplot(1, len(names), number)
        axes.plot(epochs, [row[name] for row in rows], color=_TRAIN, label="training")
        if f"val_{name}" in rows[0]:
            values = [row[f"val_{name}"] for row in rows]
            axes.plot(epochs, values, color=_VALIDATION, label="validation")
        axes.set(xlabel="epoch", title=name.replace("_", " "))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(path, dpi=120)


def confusion(
    matrix: NDArray[np.int64], labels: Sequence[str], path: str | Path, title: str = ""
) -> None:
    """Draw a confusion matrix: rows are true labels, each coloured by its share of the row.

    Args:
        matrix: (classes, classes) counts.
        labels: of the rows and columns.
        path: of the picture.
        title: above it.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    side = 2.4 + 0.42 * len(labels)
    figure = _figure(side + 0.4, side)
    axes = figure.add_subplot()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(labels))
    axes.set_xticks(places, labels, rotation=45, ha="right")
    axes.set_yticks(places, labels)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    for row, column in np.argwhere(matrix):
        dark = shares[row, column] > 0.5
        axes.text(
            column, row, str(matrix[row, column]), ha="center", va="center", fontsize=7,
            color="white" if dark else "black",
        )  # fmt: skip
    figure.savefig(path, dpi=120)


def _figure(width: float, height: float) -> Figure:
    # Not through pyplot, which would keep the figure and ask for a screen.
    module: Any = require("matplotlib.figure", "viz")
    figure: Figure = module.Figure(figsize=(width, height), layout="constrained")
    return figure
