"""The command `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clothzoo.cli.app import app


@app.command()
def demo(
    photos: Annotated[
        Path | None, typer.Option(help="A folder of your own photos, in place of drawn garments.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where to write report.html and its parts.")] = Path(
        "demo"
    ),
) -> None:
    """See the whole way through: train, index, classify, search, and look at a page of it."""
    from clothzoo.demo import run

    run(out, photos)
