"""The Typer application that the commands hang on, and how its errors look."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from clothzoo._version import __version__
from clothzoo.errors import ClothzooError


class _Group(TyperGroup):
    """Prints an error in one line and exits with 1; with --debug it keeps its trace."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ClothzooError as error:
            self._say(ctx, error, str(error))
        except BrokenPipeError:
            raise  # whoever read our lines has enough of them, and Typer knows
        except OSError as error:
            self._say(ctx, error, _in_words(error))
        except Exception as error:
            if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):
                raise  # Typer's own: an exit, or wrong usage
            kind = type(error).__name__
            words = f"{kind}: {error}; this is a mistake in clothzoo, --debug shows where"
            self._say(ctx, error, words)

    def _say(self, ctx: Any, error: Exception, words: str) -> NoReturn:
        if ctx.params.get("debug"):
            raise error
        print(f"clothzoo: {words}", file=sys.stderr)
        raise typer.Exit(1) from error


def _in_words(error: OSError) -> str:
    """`no such file or directory: 'a.html'`, as the system names the fault and the file."""
    reason = (error.strerror or str(error)).lower()
    return f"{reason}: {error.filename!r}" if error.filename else reason


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # with it, `--help` takes twice as long
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
    """Run the command line.

    Exit codes: 0 all went well; 1 something did not, and it was said; 2 wrong usage; 130 Ctrl-C.
    """
    # TensorFlow greets with half a page of log lines on standard error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        app()
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:  # Python would complain of it when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
