"""The command line: `clothzoo`. Commands parse, call the library and print.

One file holds one family of commands and imports heavy things inside the commands only, so that
`clothzoo --help` answers at once.
"""

from __future__ import annotations

from clothzoo.cli import (  # noqa: F401 - they add commands
    catalogues,
    demonstration,
    explanation,
    extraction,
    networks,
    presets,
    training,
)
from clothzoo.cli.app import app, main

__all__ = ["app", "main"]
