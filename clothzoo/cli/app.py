"""The Typer application that the commands hang on, and how its errors look."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from clothzoo._version import __version__
from clothzoo.errors import ClothzooError


class _Group(TyperGroup):
    """Prints our own errors in one line and exits with 1; with --debug they keep their trace."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ClothzooError as error:
            if ctx.params.get("debug"):
                raise
            print(f"clothzoo: {error}", file=sys.stderr)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A photo of a garment goes in; its class, its attributes and its look-alikes come out.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"clothzoo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command line."""
    # TensorFlow greets with half a page of log lines on standard error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    app()
