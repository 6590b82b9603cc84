"""Commands about training: `train` and `evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clothzoo.cli.app import app
from clothzoo.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
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
    from clothzoo import training
    from clothzoo.training import checkpoints

    plan = training.load_recipe(recipe)
    if folds:
        found = training.cross_validate(plan, data=data, out=out, k=folds)
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
    preset: Annotated[str, typer.Argument(help="A preset's name or folder.")],
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
    as_json: AsJson = False,
) -> None:
    """Measure a preset on a test split."""
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


def _show(found: Evaluation) -> None:
    for title, columns, rows in found.tables():
        print_table(columns, rows, title=title)
