"""The page and the pictures of the study, from its results alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))

from tables import with_tables

from clothzoo.retrieval.figures import bars, curves, heat_map
from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR, MEANING

Row = dict[str, Any]

_MEASURES = ("euclidean", "cosine", "manhattan", "braycurtis")


def write(results: dict[str, Any], page: Path, names: Sequence[str], command: str) -> None:
    """Write the page, and its pictures into the folder beside it that has its name.

    Args:
        results: of `study.Study.run`.
        page: e.g. docs/study.md.
        names: the networks, the one whose layers are shown first.
        command: that made it.
    """
    pictures = page.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    sections = [
        _head(results, command),
        _claims(results, names),
        _networks(),
        _levels(results["levels"], names),
        _layers(results["layers"], pictures, names[0]),
        _fusion(results["fusion"], names[0]),
        _heat(results["heat"], pictures, names[0]),
        _looks(results["looks"], pictures),
        _trained(results["trained"], pictures),
        _projection(results["projection"]),
        _classics(results["classics"], names[0]),
        _limits(),
    ]
    page.write_text(with_tables("\n\n".join(sections) + "\n"), encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _head(results: dict[str, Any], command: str) -> str:
    about = results["about"]
    counted = [
        (name.replace("_", ", to "), f"{count:,}", f"{about['groups'][name]:,}")
        for name, count in about["photos"].items()
    ]
    return f"""# What finds what is alike

Written by `{command}`; every figure and picture below comes from that
run, on {about["machine"]}. It needs the clothing photos, Fashion-MNIST and the two files of
ImageNet weights, and goes on where it was broken off.

'Alike' means something else to everyone, so every table says what it means there. Photos are ranked
for every photo among the others of its row below; the photo itself and exact copies are no hits.
Hits by the same sender, or of the same drawn garment, are left out too, except where the very same
garment is looked for: a search that recognises someone's floor is not a search for clothes. P@10 is
the part of the first ten hits that are alike; R@1 would be P@1; mAP@R is the mean precision over as
many hits as there are alike. Intervals are 95 %, by bootstrap over senders or garments.

What is chosen is chosen on photos of other senders, and on garments drawn from another seed, than
those that it is reported on. The photos to report on are those of the five test senders of the
data set, of whom one sent two thirds, so that intervals by sender are wide; and, as "other
senders", a few photos each of the half of the training senders that nothing was chosen by.

{table(("pictures", "how many", "senders or garments"), counted)}

The stored ImageNet Inception-v3 ends at `mixed8`: the topmost maps of the thesis, `mixed9` and
`mixed10`, are not in these tables."""


def _claims(results: dict[str, Any], names: Sequence[str]) -> str:
    rows = [row for row in results["levels"] if row["network"] == names[0]]
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    pairs = [(r["level"], r["pooling"], r["task"]) for r in rows if r["metric"] == "braycurtis"]

    def value(level: str, pooling: str, task: str, metric: str) -> float:
        return next(
            float(r["P@k"])
            for r in rows
            if (r["level"], r["pooling"], r["task"], r["metric"]) == (level, pooling, task, metric)
        )

    ahead = {
        other: sum(value(*p, "braycurtis") > value(*p, other) for p in pairs)
        for other in _MEASURES[:3]
    }
    levels = list(dict.fromkeys(row["level"] for row in rows))
    lines = []
    for task in tasks:
        best = max((r for r in rows if r["task"] == task), key=lambda r: r["P@k"])
        low = max(
            (r for r in rows if r["task"] == task and r["level"] == levels[0]),
            key=lambda r: r["P@k"],
        )
        verdict = "holds" if (best["level"], best["metric"]) == (levels[0], "braycurtis") else ""
        verdict = verdict or (
            "does not hold: another level is best" if best["level"] != levels[0]
            else "holds for the level, not for the measure"
        )  # fmt: skip
        lines.append(
            (
                task,
                f"{best['level']} {best['pooling']} {best['metric']}: {best['P@k']:.3f}",
                f"{low['pooling']} {low['metric']}: {low['P@k']:.3f}",
                verdict,
            )
        )
    beats = "; ".join(f"{other} in {n} of {len(pairs)}" for other, n in ahead.items())
    return f"""## The claims of the thesis

**"The map of the first Inception module with Bray-Curtis distance retrieves best."** Under each
meaning of alike, the best of the four measures on averages and 4×4 grids of low, middle and top
maps of {names[0]}, by P@10:

{
        table(
            ("alike", "best", f"best of {levels[0]}", "the claim"),
            lines,
        )
    }

**"Bray-Curtis is the best measure."** On the maps as they are, over all levels, poolings and
meanings, Bray-Curtis is ahead of {beats}."""


def _networks() -> str:
    return """## Classification

The presets that this version has, from their records (`clothzoo evaluate` writes them). On the 372
test photos of the small clothing set one photo is 0.27 points and the interval at 90 % is about
±3 points.

<!-- table: networks -->
<!-- end -->

The thesis found its multi-task networks not satisfactory. Whether a network learns the category
and `kids` better together than two of the same trunk do alone, on photos of senders that it had
not seen (`python benchmarks/multitask.py`; Δm above 0 where it does):

<!-- table: multitask -->
<!-- end -->"""


def _levels(rows: Sequence[Row], names: Sequence[str]) -> str:
    parts = ["## Levels and measures", "P@10 on the maps as they are, not normalised."]
    for name in names:
        for task in dict.fromkeys(row["task"] for row in rows):
            mine = [row for row in rows if (row["network"], row["task"]) == (name, task)]
            lines = []
            for level, pooling in dict.fromkeys((r["level"], r["pooling"]) for r in mine):
                values = {
                    r["metric"]: r["P@k"]
                    for r in mine
                    if (r["level"], r["pooling"]) == (level, pooling)
                }
                best = max(values.values())
                lines.append(
                    (level, pooling, *(_bold(values[m], values[m] == best) for m in _MEASURES))
                )
            parts.append(f"**{name}, {task}** ({mine[0]['queries']:,} queries)")
            parts.append(table(("level", "pooling", *_MEASURES), lines))
    return "\n\n".join(parts)


def _layers(rows: Sequence[Row], pictures: Path, name: str) -> str:
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    series = []
    for task in dict.fromkeys(row["task"] for row in rows):
        mine = [row for row in rows if row["task"] == task]
        series.append((task, [r["mAP@R"] for r in mine], [(r["low"], r["high"]) for r in mine]))
    curves(
        series,
        stages,
        pictures / "layers.png",
        label="mAP@R",
        title=f"{name}, averages, Bray-Curtis: from the image to the top",
    )
    lines = [
        (task, max(zip(values, stages, strict=True))[1], f"{values[0]:.3f}", f"{max(values):.3f}")
        for task, values, _ in series
    ]
    return f"""## Layer by layer

How far each layer has left colour and texture behind for the kind of garment.

![mAP@R of each meaning of alike from the first layer to the last]({pictures.name}/layers.png)

{table(("alike", "best layer", f"mAP@R of {stages[0]}", "of the best"), lines)}"""


def _fusion(rows: Sequence[Row], name: str) -> str:
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    levels = list(dict.fromkeys(row["level"] for row in rows))
    found = {(row["level"], row["task"]): row["P@k"] for row in rows}
    lines = [
        (
            task,
            *(
                _bold(found[level, task], found[level, task] == max(found[x, task] for x in levels))
                for level in levels
            ),
        )
        for task in tasks
    ]
    return f"""## Fusion

{name}: averages, each level scaled to sum 1, Bray-Curtis; P@10.

{table(("alike", *levels), lines)}"""


def _heat(found: dict[str, Any], pictures: Path, name: str) -> str:
    title = f"{name}, {found['photos']:,} photos to choose by: P@10, alike by category"
    heat_map(found["rows"], pictures / "grid.png", title=title)
    best = sorted(found["rows"], key=lambda row: -row["P@k"])[:5]
    lines = [
        (
            row["level"],
            row["pooling"],
            row["normalisation"],
            row["metric"],
            f"{row['P@k']:.3f}",
            f"{row['low']:.3f} – {row['high']:.3f}",
        )
        for row in best
    ]
    head = ("level", "pooling", "normalisation", "measure", "P@10", "95 %")
    return f"""## Levels, pooling, normalisation and measure together

On photos to choose by. The five best of {len(found["rows"])} combinations:

{table(head, lines)}

![P@10 of every combination]({pictures.name}/grid.png)"""


def _looks(rows: Sequence[Row], pictures: Path) -> str:
    costs = []
    for row in rows:
        best = row["best"]
        costs.append(
            (
                row["look"],
                row["network"],
                *_cost(row),
                f"{row['used_score']:.3f}",
                f"{row['best_score']:.3f}: {_recipe(best)}",
                f"{row['baseline_score']:.3f}",
            )
        )
    _bars(_differences(rows, "of"), pictures / "looks.png", "The three looks")
    meanings = "\n".join(f"- **{name}**: {meaning}" for name, meaning in MEANING.items())
    cost = ("look", "network", *_COST, "score", "best candidate", "plain")
    return f"""## The looks of frozen networks, against what people use today

{meanings}

Each look against the averages of the topmost map of the same network by cosine distance, query by
query, on pictures that nothing was chosen on.

{_compared(rows, "network")}

![Differences with their intervals]({pictures.name}/looks.png)

What they cost, and how they were chosen: the score is P@10 (mAP@R for the same garment), a mean
over the meanings above, on the pictures to choose by. Candidates are all recipes that fit into 4 KB
and need nothing learned from a catalogue; the plain search is held to no size.

{table(cost, costs)}"""


def _trained(rows: Sequence[Row], pictures: Path) -> str:
    costs = {row["look"]: (row["look"], *_cost(row)) for row in rows}
    shown = _differences(rows, "against")
    _bars(shown, pictures / "trained.png", "The looks of the zoo's own network")
    return f"""## The zoo's own network for searches

`{DEFAULT_EXTRACTOR}` describes photos where nothing else is named. It was trained on
photos of other senders than are asked about here, and on no drawing at all. Against the averages
of the topmost map of the frozen network by cosine distance:

{_compared(rows, "frozen network")}

![Differences with their intervals]({pictures.name}/trained.png)

{table(("look", *_COST), costs.values())}"""


_COST = ("recipe", "bytes a photo", "photos described a second", "ms a query")


def _cost(row: Row) -> tuple[str, str, str, str]:
    return (
        _recipe(row["used"]),
        f"{4 * row['values']:,}",
        f"{row['a_second']:.1f}",
        f"{row['milliseconds']:.2f}",
    )


def _recipe(look: Row) -> str:
    return f"`{look['level']}` {look['pooling']} {look['normalisation']} {look['metric']}"


def _each(rows: Sequence[Row]) -> Iterator[tuple[Row, Row, str]]:
    """Row, task and figure of everything that was compared."""
    for row in rows:
        for task in row["tasks"]:
            for figure in ("P@k", "mAP@R"):
                yield row, task, figure


def _differences(rows: Sequence[Row], word: str) -> list[tuple[str, float, float, float]]:
    return [
        (f"{row['look']} {word} {row['network']}\n{task['task']}, {_shown(figure)}",
         *task["ahead"][figure])
        for row, task, figure in _each(rows)
    ]  # fmt: skip


def _bars(differences: list[tuple[str, float, float, float]], path: Path, what: str) -> None:
    title = f"{what} against what people use today"
    bars(differences, path, label="ahead of ImageNet pooled cosine by", title=title)


def _shown(figure: str) -> str:
    return figure.replace("@k", "@10")


def _compared(rows: Sequence[Row], network: str) -> str:
    lines = []
    for row, task, figure in _each(rows):
        gain, low, high = task["ahead"][figure]
        ratio, least, most = task["ratio"][figure]
        lines.append(
            (
                row["look"],
                row["network"],
                f"{task['task']} ({task['queries']:,} queries, {task['groups']:,} groups)",
                _shown(figure),
                f"{task['baseline'][figure]:.3f}",
                f"{task[figure]:.3f}",
                f"{gain:+.3f} ({low:+.3f} to {high:+.3f})",
                f"{ratio - 1:+.0%} ({least - 1:+.0%} to {most - 1:+.0%})",
                "ahead" if low > 0 else "behind" if high < 0 else "not told apart",
            )
        )
    head = ("look", network, "alike", "figure", "plain", "look", "difference (95 %)", "relative",
            "")  # fmt: skip
    return table(head, lines)


def _projection(rows: Sequence[Row]) -> str:
    lines = [
        (
            row["network"],
            row["name"],
            row["task"],
            str(row["values"]),
            row["metric"],
            f"{row['baseline']:.3f}",
            f"{row['P@k']:.3f}",
            "{:+.3f} ({:+.3f} to {:+.3f})".format(*row["ahead"]["P@k"]),
        )
        for row in rows
    ]
    head = ("network", "projection", "alike", "values", "measure", "plain P@10", "P@10",
            "difference (95 %)")  # fmt: skip
    return f"""## Learned projections

The top level by its Hellinger values, projected by what was learned from the clothing photos to
choose by (`Projection.fit`), against the plain baseline. The drawn garments show whether it carries
over to pictures of another kind.

{table(head, lines)}"""


def _classics(rows: Sequence[Row], name: str) -> str:
    if not rows:
        told = "Not in this run: they need the extra `baselines`. Run the study again with it."
    else:
        lines = [
            (
                row["task"],
                row["kind"].upper(),
                "{sampling}, {words} words, pyramid {pyramid}, {normalisation} {metric}".format(
                    **row["setting"]
                ),
                f"{row['P@k']:.3f}",
                f"{row['mAP@R']:.3f}",
                "{:.2f} ({:.2f} to {:.2f})".format(*row["ratio"]),
            )
            for row in rows
        ]
        head = ("alike", "features", "setting", "P@10", "mAP@R",
                f"{name} pooled cosine ÷ it, mAP@R (95 %)")  # fmt: skip
        told = f"""Bags of visual words with tf-idf in a spatial pyramid; for each kind of feature
and of pictures the best of {rows[0]["tried"]} settings, by P@10 on the pictures to choose by.

{table(head, lines)}"""
    return f"""## Before networks: SURF and SIFT

{told}"""


def _limits() -> str:
    return """## What this does not show

- Photos of shops. The clothing photos are of worn and laid-out clothes that people sent in.
- Colour on photos: the data set has no labels for it. The colour looks are judged on drawn
  garments alone, whose colours are cleaner than life.
- The very same garment on photos: no data set here has it; drawn garments stand in.
- Flattened maps: `mixed0` has 160,000 values a photo. A 4×4 grid of it stands in."""


def _bold(value: float, is_best: bool) -> str:
    return f"**{value:.3f}**" if is_best else f"{value:.3f}"
