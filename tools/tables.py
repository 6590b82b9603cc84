"""Write the tables of README.md and docs/, and the picture of the presets, from what was measured.

    python tools/tables.py            # rewrite what is out of date
    python tools/tables.py --check    # say what is out of date, and exit with 1

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. The presets' figures come from
weights/*/preset.toml, all others from docs/benchmarks/*.json, which `python benchmarks/zoo.py
--json …` and its like write. The picture is docs/images/presets.svg.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clothzoo.datasets import clothing, clothing_small, fashion_mnist
from clothzoo.hub.presets import Metric, Preset
from clothzoo.similarity import METRICS
from clothzoo.training.recipes import list_recipes

ROOT = Path(__file__).resolve().parents[1]
UNKNOWN = ROOT / "docs" / "benchmarks" / "unknown.json"
MULTITASK = ROOT / "docs" / "benchmarks" / "multitask.json"
SEARCH = ROOT / "docs" / "benchmarks" / "search.json"
ZOO = ROOT / "docs" / "benchmarks" / "zoo.json"

_REGION = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FEW = 1000  # pictures of a test split below which a reader is told what one of them weighs
_SHOWN = ("accuracy", "average_precision")  # of a task with many labels, of one with two
_OURS = "clothzoo"


def shipped() -> list[Preset]:
    """The presets of this checkout, by name; not what CLOTHZOO_WEIGHTS adds."""
    return [Preset.read(record.parent) for record in sorted(ROOT.glob("weights/*/preset.toml"))]


def headline(preset: Preset, task: str) -> Metric | None:
    """The figure that speaks for a task; with two labels, how well the rare one is found."""
    wanted = _telling(preset, task)
    return next((m for m in preset.metrics if (m.task, m.metric) == (task, wanted)), None)


def _telling(preset: Preset, task: str) -> str:
    return _SHOWN[len(preset.labels[task]) == 2]


def presets_table() -> str:
    """One row for each task of each preset."""
    found, zoo = shipped(), costs()
    rows = []
    for preset in found:
        for task, labels in preset.labels.items():
            figure = headline(preset, task)
            rows.append(
                (
                    f"`{preset.name}`",
                    f"{task} ({len(labels)})",
                    f"{_million(preset.weights.parameters)} M, {preset.weights.size / 1e6:.1f} MB",
                    " × ".join(map(str, preset.preprocessing.shape)),
                    *_cost(zoo["presets"].get(preset.name)),
                    _percent(figure) if figure else "not measured",
                    f"{figure.dataset}, {figure.n:,}" if figure else "",
                )
            )
    heads = (
        "preset",
        "names",
        "size",
        "input",
        "multiply-adds",
        "ms an image",
        "figure (95 % interval)",
        "test data",
    )
    return (
        _markdown(heads, rows)
        + "\nMilliseconds an image, one at a time / 32 together, of the network compiled by "
        f"OpenVINO: {_measured_on(zoo['machine'])}.\n" + _small_splits(found)
    )


def _measured_on(machine: Mapping[str, Any]) -> str:
    """What a benchmark's report says of the machine, in words."""
    rest = dict(machine)
    where, load = rest.pop("processor"), rest.pop("load when started")
    threads = f", {rest.pop('threads')} threads" if "threads" in rest else ""
    versions = ", ".join(f"{name} {number}" for name, number in rest.items())
    return f"{where}{threads}, load {load} at the start; {versions}"


def costs() -> dict[str, Any]:
    """What benchmarks/zoo.py has measured: {"machine": …, "presets": {name: …}}."""
    found: dict[str, Any] = json.loads(ZOO.read_text(encoding="utf-8"))
    return found


def _cost(measured: Mapping[str, Any] | None) -> tuple[str, str]:
    if measured is None:
        return "not measured", "not measured"
    alone, together = (measured["milliseconds"][batch]["openvino"] for batch in ("1", "32"))
    return f"{measured['multiply_adds'] / 1e6:,.0f} M", f"{alone:.1f} / {together:.1f}"


def _percent(figure: Metric) -> str:
    return _worded(figure.metric, figure.value, figure.interval)


def _worded(measure: str, value: float, interval: Sequence[float]) -> str:
    span = " to ".join(f"{100 * v:.1f}" for v in interval)
    return f"{measure.replace('_', ' ')} {100 * value:.1f} %" + f" ({span})" * bool(span)


def _small_splits(presets: Sequence[Preset]) -> str:
    """What one picture weighs in a small test split: said wherever its figures are."""
    splits = {(m.dataset, m.n) for preset in presets for m in preset.metrics if m.n < _FEW}
    return "".join(
        f"\nThe test split of {dataset} has {n} photos: one of them is "
        f"{100 / n:.2f} points. Read the interval, not the figure.\n"
        for dataset, n in sorted(splits)
    )


def licences_table() -> str:
    """What each preset was made from, and under which terms."""
    rows = []
    for preset in shipped():
        made = [f"[{d.name}]({d.url}), {d.licence}" for d in preset.data]
        origin = [f"[{o.name}]({o.url}), {o.licence}" for o in preset.weights.origin]
        rows.append(
            (
                f"`{preset.name}`",
                preset.licence,
                "; ".join(made),
                "; ".join(origin) or "trained from nothing",
            )
        )
    return _markdown(("preset", "licence", "data", "derived from"), rows)


def recipes_table() -> str:
    """The recipes, and which of them have their preset."""
    there = {preset.name for preset in shipped()}
    rows = [(f"`{name}`", "yes" if name in there else "not yet") for name in list_recipes()]
    return _markdown(("recipe", "trained weights in this version"), rows)


def measures_table() -> str:
    """The measures and their formulas."""
    rows = [(f"`{metric.name}`", f"`{metric.formula}`") for metric in METRICS.values()]
    return _markdown(("metric", "distance"), rows)


def datasets_table() -> str:
    """The data sets that have a name."""
    rows = []
    for module in (fashion_mnist, clothing_small, clothing):
        name = module.__name__.rpartition(".")[2]
        tasks = ", ".join(f"{task} ({len(labels)})" for task, labels in module.LABELS.items())
        rows.append((f"`{name}`", ", ".join(module.SPLITS), tasks))
    return _markdown(("data set", "splits", "labels"), rows)


def commands_table() -> str:
    """The commands and what they do, from their own help."""
    import typer

    from clothzoo.cli import app

    commands = typer.main.get_command(app).commands
    rows = [
        (f"`clothzoo {name}`", (command.help or "").partition("\n")[0])
        for name, command in sorted(commands.items())
    ]
    return _markdown(("command", "what it does"), rows)


def networks_table() -> str:
    """Every figure of every preset on a test split, and what the network costs."""
    zoo = costs()["presets"]
    rows = []
    for preset in shipped():
        for metric in preset.metrics:
            wanted = (_telling(preset, metric.task), "balanced_accuracy")
            if metric.split != "test" or metric.metric not in wanted:
                continue
            rows.append(
                (
                    f"`{preset.name}`",
                    f"{preset.weights.parameters:,}",
                    _cost(zoo.get(preset.name))[1],
                    f"{metric.dataset}, {metric.task}",
                    _percent(metric),
                    f"{metric.n:,}",
                )
            )
    heads = ("preset", "parameters", "ms an image", "test split of", "figure (95 %)", "n")
    return _markdown(heads, rows)


def multitask_table() -> str:
    """Networks that learn two tasks beside those that learn one each, or how to find out."""
    if not MULTITASK.is_file():
        return "Not measured for this version yet.\n"
    report = json.loads(MULTITASK.read_text(encoding="utf-8"))
    tasks = list(dict.fromkeys(t for of in report["networks"].values() for t in of["tasks"]))
    rows = []
    for name, of in report["networks"].items():
        gain = of.get("gain")
        rows.append(
            (
                f"`{name}`",
                *(_out_of_fold(of["tasks"].get(task)) for task in tasks),
                "{:+.1%} ({:+.1%} to {:+.1%})".format(gain["delta_m"], *gain["interval"])
                if gain
                else "",
            )
        )
    return _markdown(("network", *tasks, "Δm (95 %)"), rows) + (
        f"\nOut of {report['folds']} folds by sender, {report['size']} pixels a side, "
        f"{report['epochs']} epochs. Δm is the mean relative gain over the two networks that learn "
        "one task each; intervals by bootstrap over senders.\n"
    )


def _out_of_fold(figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return ""
    what = next(name for name in _SHOWN if name in figures)
    return _worded(what, figures[what], figures["interval"])


def unknown_table() -> str:
    """What each preset's threshold lets pass, and the area under its ROC curve."""
    report = json.loads(UNKNOWN.read_text(encoding="utf-8"))
    kinds = list(dict.fromkeys(kind for of in report.values() for kind in of))
    rows = [
        (f"`{name}`", *(_let_pass(of[kind]) if kind in of else "" for kind in kinds))
        for name, of in report.items()
    ]
    return _markdown(("let pass", *kinds), rows)


def _let_pass(figures: Mapping[str, float]) -> str:
    area = f", area {figures['area']:.3f}" if "area" in figures else ""
    return f"{figures['pass']:.1%} of {figures['pictures']:,}{area}"


def search_table() -> str:
    """How much longer the others take than clothzoo, or how to find out."""
    if not SEARCH.is_file():
        return (
            "Not measured for this version yet. `make bench` times it on your machine, in turns "
            "with faiss and scipy.\n"
        )
    return search_report(json.loads(SEARCH.read_text(encoding="utf-8")))


def search_report(report: Mapping[str, Any]) -> str:
    """The table of one run of benchmarks/search.py.

    Args:
        report: what `--json` wrote.
    """
    lines = [line for line in report["lines"] if "ratios" in line]
    peers = list(dict.fromkeys(name for line in lines for name in line["ratios"] if name != _OURS))
    rows = [
        (
            line["work"],
            f"{line['milliseconds'][_OURS]:.3g} ms",
            *(f"{line['ratios'][p]:.1f} ×" if p in line["ratios"] else "" for p in peers),
        )
        for line in lines
    ]
    return (
        _markdown(("exact search", _OURS, *peers), rows)
        + f"\nHow many times as long as clothzoo each takes, by medians of calls made in turns: "
        f"{_measured_on(report['machine'])}. Trust the ratios rather than the "
        "milliseconds.\n"
    )


TABLES: dict[str, Callable[[], str]] = {
    "commands": commands_table,
    "datasets": datasets_table,
    "licences": licences_table,
    "measures": measures_table,
    "multitask": multitask_table,
    "networks": networks_table,
    "presets": presets_table,
    "recipes": recipes_table,
    "search": search_table,
    "unknown": unknown_table,
}


def pages() -> list[Path]:
    """Every page that may hold a table."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def with_tables(text: str) -> str:
    """A page with its tables as they should be.

    Raises:
        KeyError: the page asks for a table that there is none of.
    """
    return _REGION.sub(lambda m: f"{m[1]}\n{TABLES[m[2]]()}\n{m[3]}", text)


def stale(paths: Iterable[Path]) -> dict[Path, str]:
    """The pages that are out of date, and what they should say."""
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    renewed = {path: with_tables(text) for path, text in texts.items()}
    return {path: text for path, text in renewed.items() if text != texts[path]}


def _million(parameters: int) -> str:
    return f"{parameters / 1e6:.2f}" if parameters < 1e6 else f"{parameters / 1e6:.1f}"


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Rewrite or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    found = stale(pages())
    for path, text in found.items():
        print(f"{path.relative_to(ROOT)} {'is out of date' if options.check else 'rewritten'}")
        if not options.check:
            path.write_text(text, encoding="utf-8")
    if not options.check:
        from presets_picture import write_picture

        write_picture(shipped(), costs()["presets"], ROOT / "docs" / "images" / "presets.svg")
    sys.exit(1 if found and options.check else 0)


if __name__ == "__main__":
    main()
