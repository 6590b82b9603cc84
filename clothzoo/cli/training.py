"""Commands about training: `train` and `evaluate`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clothzoo.cli.app import app
from clothzoo.cli.output import AsJson, print_json, print_table
from clothzoo.cli.parsing import (
    LevelOption,
    LookOption,
    MetricOption,
    NormalisationOption,
    PoolingOption,
    RuntimeOption,
    WeightsOption,
)
from clothzoo.cli.searching import Search

if TYPE_CHECKING:
    from clothzoo.retrieval.assessment import Assessment
    from clothzoo.training import Evaluation

DataOption = Annotated[
    Path | None,
    typer.Option(help="The data set's folder, or a table of photos; else the usual places."),
]


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a TOML file.")],
    data: DataOption = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder.", show_default="runs/<preset>")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that is in the folder.")
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Cross-validate by groups in so many folds instead."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a network as a recipe says; the run's folder ends with a complete preset."""
    # TensorFlow leaves oneDNN's kernels aside where a processor has AVX2 but no AVX-512; there
    # they train a transfer network 1.2 to 1.5 times as fast (benchmarks/training.py).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    from clothzoo import training
    from clothzoo.training import checkpoints

    plan = training.load_recipe(recipe)
    if folds:
        found = training.cross_validate(plan, data=data, out=out, k=folds).evaluation()
        if as_json:
            print_json(found.to_json())
        else:
            _show(found)
        return
    preset = training.train(plan, data=data, out=out, resume=resume)
    folder = checkpoints.folder_of(plan, out)
    if as_json:
        print_json(
            {
                "preset": preset.name,
                "path": str(folder / preset.name),
                "parameters": preset.weights.parameters,
                "seconds": preset.training.seconds,
            }
        )
        return
    print(
        f"{preset.name}: {preset.weights.parameters:,} numbers, trained in "
        f"{preset.training.seconds / 60:.0f} minutes; it is in {folder / preset.name}"
    )


@app.command()
def evaluate(
    preset: Annotated[
        str,
        typer.Argument(help="A preset's name or folder; with --retrieval also an architecture."),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            help="fashion_mnist, clothing_small, clothing or folder.",
            show_default="what it was trained on",
        ),
    ] = None,
    data: DataOption = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put the figures into the preset's record and card.")
    ] = False,
    pictures: Annotated[
        Path | None, typer.Option(help="A folder for pictures of the confusion matrices.")
    ] = None,
    retrieval: Annotated[
        bool, typer.Option("--retrieval", help="Measure search for what is alike instead.")
    ] = False,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            help="With --retrieval: what alike means: category, or several labels joined by +.",
            show_default="category",
        ),
    ] = None,
    other_groups: Annotated[
        bool, typer.Option("--other-groups", help="No hits by the query's own sender.")
    ] = False,
    k: Annotated[int, typer.Option("-k", min=1, help="How many hits are looked at.")] = 10,
    weights: WeightsOption = None,
    look: LookOption = None,
    level: LevelOption = None,
    pooling: PoolingOption = None,
    normalisation: NormalisationOption = None,
    metric: MetricOption = None,
    grid: Annotated[
        Path | None,
        typer.Option(
            help="With --retrieval: a folder for a table and a picture of all poolings, "
            "normalisations and measures over the levels that --level joins."
        ),
    ] = None,
    runtime: RuntimeOption = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure a preset on a test split: how well it classifies, or how well it searches."""
    wish = (look, level, pooling, normalisation, metric)
    if retrieval:
        from clothzoo.retrieval.looks import Wish

        searching = Search(preset, dataset, data, labels or ["category"], other_groups, k)
        searching = replace(searching, weights=weights, runtime=runtime)
        if grid:
            for title, path in searching.draw_grid(level or "low+mid+high", grid):
                print(f"{title}: {path}", file=sys.stderr)
            return
        found_alike = searching.assess(Wish(*wish))
        if as_json:
            print_json(found_alike.to_json())
        else:
            _show(found_alike)
        return
    if labels or other_groups or weights or grid or any(wish):
        raise typer.BadParameter("they say how photos are searched; add --retrieval")
    from clothzoo import training

    found = training.evaluate(preset, dataset, data=data, write=write)
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        for path in found.draw(pictures):
            print(f"picture: {path}", file=sys.stderr)
    if as_json:
        print_json(found.to_json())
    else:
        _show(found)


def _show(found: Evaluation | Assessment) -> None:
    for title, columns, rows in found.tables():
        print_table(columns, rows, title=title)
