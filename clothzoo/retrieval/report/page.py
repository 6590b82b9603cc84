"""A contact sheet as one HTML file that needs nothing else: thumbnails and style are inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from clothzoo.retrieval.report.sheet import Sheet

if TYPE_CHECKING:
    from jinja2 import Template

_QUERY_SIDE = 560
_HIT_SIDE = 320
_TOP = 4


def write_page(
    path: str | Path,
    sheets: Sequence[Sheet],
    *,
    title: str = "Look-alikes",
    facts: Mapping[str, str] | None = None,
    words: Sequence[str] = (),
) -> None:
    """Write queries and their hits as an HTML page.

    Args:
        path: the file; one that is there is replaced.
        sheets: the queries, in order.
        title: heading of the page.
        facts: {name: value} shown below the title, e.g. the catalogue's size and metric.
        words: paragraphs that say what is to be seen.
    """
    html = _template().render(
        sheets=sheets,
        title=title,
        facts=facts or {},
        words=words,
        uri=_data_uri,
        query_side=_QUERY_SIDE,
        hit_side=_HIT_SIDE,
        top=_TOP,
    )
    Path(path).write_text(html, encoding="utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("clothzoo.retrieval", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _data_uri(picture: Image.Image) -> str:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=84, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
