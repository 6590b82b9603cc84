"""The picture of accuracy against cost, which `tools/tables.py` writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tables import headline

from clothzoo.hub.presets import Preset

_INK, _ACCENT = "#5f6b6a", "#0b6b5d"
_CLOSE = 10.0  # times the multiply-adds: a name is about as long
_BESIDE = 1.3  # times the multiply-adds: points that stand so close have their names in one line
_HIGH = 0.06  # of the values shown: a name is about as high


def write_picture(presets: Sequence[Preset], costs: Mapping[str, Any], path: Path) -> None:
    """Figure over multiply-adds, one panel for each test data and task of several presets, as SVG.

    Args:
        presets: with their figures.
        costs: as in docs/benchmarks/zoo.json; presets that it does not have are left out.
        path: of the picture.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter

    panels: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for preset in presets:
        for task in preset.labels if preset.name in costs else ():
            if figure := headline(preset, task):
                panels[figure.dataset, task, figure.metric].append((preset, figure))
    panels = {what: found for what, found in panels.items() if len(found) > 1}  # to compare
    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "clothzoo",
        "font.family": "sans-serif",
        "font.size": 9,
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
            sizes = [costs[preset.name]["multiply_adds"] / 1e6 for preset, _ in found]
            values = [100 * figure.value for _, figure in found]
            ends = [100 * end for _, figure in found for end in figure.interval or ()]
            close = _HIGH * (max(ends + values) - min(ends + values))
            for (preset, figure), size, value in zip(found, sizes, values, strict=True):
                if figure.interval:
                    low, high = (100 * v for v in figure.interval)
                    axes.vlines(size, low, high, color=_ACCENT, linewidth=1.5)
                axes.plot(size, value, "o", color=_ACCENT)
                # Where another point stands close by on the right, the name goes to the left.
                left = any(1 < other / size < _CLOSE for other in sizes)
                beside = min(v for v in sizes if size / _BESIDE < v <= size) if left else size
                # Names at nearly the same height part, the upper one upwards.
                apart = [v for v in values if 0 < abs(v - value) < close]
                up = sum(4 if v < value else -4 for v in apart)
                axes.annotate(
                    preset.name.removesuffix(f".{dataset}"),
                    (beside, value),
                    (-7 if left else 7, -3 + up),
                    textcoords="offset points",
                    ha="right" if left else "left",
                )
            axes.set_xscale("log")
            axes.set_xlim(1, 40_000)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f} M"))
            axes.margins(y=0.3)
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_title(f"{dataset}: {task}", loc="left")
            axes.set_xlabel("multiply-adds for one image")
            axes.set_ylabel(f"{metric.replace('_', ' ')}, %")
        drawing.savefig(path, format="svg", transparent=True, metadata={"Date": None})
        pyplot.close(drawing)
