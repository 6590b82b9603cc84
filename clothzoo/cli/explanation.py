"""The command `explain`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clothzoo.cli.app import app
from clothzoo.cli.parsing import BoxOption, parse_box


@app.command()
def explain(
    photo: Annotated[Path, typer.Argument(help="A photo.")],
    preset: Annotated[str, typer.Option("--preset", "-p", help="Which network to ask.")],
    out: Annotated[Path, typer.Option(help="The figure to write, e.g. fig.png.")],
    task: Annotated[
        str | None, typer.Option(help="Only this task of a multi-task network.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="What speaks for this class, in place of the likeliest.")
    ] = None,
    method: Annotated[str, typer.Option(help="grad_cam, grad_cam++ or hires_cam.")] = "grad_cam++",
    level: Annotated[
        str | None,
        typer.Option(help="Whose map: low, mid, high or a layer.", show_default="the last map"),
    ] = None,
    occlusion: Annotated[
        bool, typer.Option("--occlusion", help="Also cover the photo bit by bit; slow.")
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="How many classes of each task.")] = 3,
    box: BoxOption = None,
) -> None:
    """Draw what speaks for a photo's classes, and what each layer of the network sees."""
    from clothzoo.explain import photo_figure, save

    garment = parse_box(box)
    figure = photo_figure(
        preset,
        photo,
        task=task,
        label=label,
        method=method,
        level=level,
        occlusion=occlusion,
        top=top,
        box=garment,
    )
    save(figure, out)
    print(f"figure: {out}", file=sys.stderr)
