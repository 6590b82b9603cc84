"""An extension of griffe: what clothzoo's docstrings mean to mkdocstrings.

Google's style, as griffe reads it, knows the section "Examples:" only. Ours say "Example:" where
there is one; without this they would be shown as running text.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ONE = re.compile(r"^( *)Example:$", re.MULTILINE)


class OneExample(griffe.Extension):
    """Reads "Example:" as "Examples:"."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of each object before it is parsed."""
        if obj.docstring:
            obj.docstring.value = _ONE.sub(r"\1Examples:", obj.docstring.value)
