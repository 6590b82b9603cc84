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
    web: Annotated[
        bool, typer.Option("--web", help="Serve a page to try it on, in place of the report.")
    ] = False,
    preset: Annotated[
        str | None,
        typer.Option(help="With --web: the network.", show_default="the best one for photos"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="With --web: the address; any but this machine's needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --web: the port; 0 for any that is free.")
    ] = 7860,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="CLOTHZOO_TOKEN",
            show_envvar=True,
            help="With --web: what visitors have to know.",
        ),
    ] = None,
    browse: Annotated[
        bool, typer.Option("--browse", help="With --web: open the page in the browser.")
    ] = False,
) -> None:
    """See the whole way through: index, classify, search, and look at a page of it."""
    if web:
        from clothzoo.web.serving import Address, serve

        serve(out, photos, preset, address=Address(host, port, token), browse=browse)
        return
    from clothzoo.demo import run

    run(out, photos)
