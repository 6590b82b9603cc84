"""A hook of mkdocs: pictures that are drawn from the presets' records while a page is built."""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))  # mkdocs imports this file by its path

from tables import headline, shipped

_INK, _ACCENT = "#5f6b6a", "#0b6b5d"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pictures to the site's files."""
    files.append(File.generated(config, "images/presets.svg", content=presets_picture()))
    return files


def presets_picture() -> str:
    """Figure over size of every preset, one panel for each test data and task, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter

    panels: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for preset in shipped():
        for task in preset.labels:
            if figure := headline(preset, task):
                panels[figure.dataset, task, figure.metric].append((preset, figure))
    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "clothzoo",
        "font.family": "sans-serif",
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
    with mpl.rc_context(style):
        drawing, rows = pyplot.subplots(
            len(panels), squeeze=False, figsize=(7.5, 3.2 * len(panels)), layout="constrained"
        )
        for axes, ((dataset, task, metric), found) in zip(rows[:, 0], panels.items(), strict=True):
            for preset, figure in found:
                size, value = preset.weights.parameters / 1e6, 100 * figure.value
                if figure.interval:
                    low, high = (100 * v for v in figure.interval)
                    axes.vlines(size, low, high, color=_ACCENT, linewidth=1.5)
                axes.plot(size, value, "o", color=_ACCENT)
                axes.annotate(
                    preset.architecture, (size, value), (7, -3), textcoords="offset points"
                )
            axes.set_xscale("log")
            axes.set_xlim(0.08, 60)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} M"))
            axes.margins(y=0.3)
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_title(f"{dataset}: {task}", loc="left")
            axes.set_xlabel("parameters")
            axes.set_ylabel(f"{metric.replace('_', ' ')}, %")
        out = io.StringIO()
        drawing.savefig(out, format="svg", transparent=True, metadata={"Date": None})
        pyplot.close(drawing)
    return out.getvalue()
