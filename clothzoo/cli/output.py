"""How commands print: tables and bars for people, plain lines for pipes, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer


def preset_names(incomplete: str) -> list[str]:
    """Presets to complete what was typed in a shell."""
    from clothzoo.hub.presets import list_presets

    return [name for name in list_presets() if name.startswith(incomplete)]


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> None:
    """Print a table: drawn on a terminal, tab-separated with one heading line elsewhere.

    Args:
        columns: their headings. One without a heading is for the eye only, and a column without
            values is left out on a terminal.
        rows: the values.
        title: stands above the table on a terminal.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    console = Console()
    drawn = console.is_terminal
    kept = [
        n
        for n, heading in enumerate(columns)
        if (any(row[n] for row in rows) if drawn else heading)
    ]
    if not drawn:
        for row in (columns, *rows):
            print("\t".join(row[n] for n in kept))
        return
    # A name that is cut off cannot be copied: the first column is narrowed last, and none is cut.
    headings = [Column(columns[n], overflow="fold", no_wrap=n == 0) for n in kept]
    table = Table(*headings, box=box.SIMPLE_HEAD, title=title or None)
    for row in rows:
        table.add_row(*(Text(row[n]) for n in kept))
    console.print(table)


def bar(fraction: float, width: int = 24) -> str:
    """A bar of block characters, `fraction` of `width` long."""
    eighths = round(8 * width * fraction)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
