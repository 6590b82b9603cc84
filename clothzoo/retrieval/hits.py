"""Search results: small records in a list that shows itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image

from clothzoo.datasets.photo import Photo, open_photo
from clothzoo.errors import UnreadablePhoto
from clothzoo.optional import require

if TYPE_CHECKING:
    import pandas as pd

Scalar: TypeAlias = str | int | float | bool | None

_THUMBNAIL = (160, 160)
_FIGURE = "display:inline-block;width:170px;margin:4px;vertical-align:top;font:12px sans-serif"


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result.

    Args:
        id: the item's id.
        distance: how far it is from the query; smaller is closer.
        attributes: the item's attributes.
    """

    id: str
    distance: float
    attributes: dict[str, Scalar] = field(default_factory=dict)


class Hits(list[Hit]):
    """Hits of one query, nearest first; a list that also shows itself.

    Args:
        hits: the hits.
        photo: gives the photo of an id (a path, a PIL image or an array), None where there is
            none; where it is set, `to_html` and `show` draw thumbnails.

    Example:
        >>> hits = Hits([Hit("a.jpg", 0.25, {"category": "dress"})])
        >>> hits[0].id, hits[0].distance
        ('a.jpg', 0.25)
    """

    def __init__(
        self, hits: Iterable[Hit] = (), *, photo: Callable[[str], Photo | None] | None = None
    ) -> None:
        super().__init__(hits)
        self._photo = photo

    def to_dataframe(self) -> pd.DataFrame:
        """A table of one row a hit: id, distance, then a column for each attribute.

        Raises:
            ExtraMissing: pandas is not installed.
        """
        pandas = require("pandas", "pandas")
        columns = ["id", "distance", *self._names()]
        frame: pd.DataFrame = pandas.DataFrame(
            [[hit.id, hit.distance, *map(hit.attributes.get, self._names())] for hit in self],
            columns=columns,
        )
        return frame

    def to_html(self) -> str:
        """An HTML fragment: a thumbnail with its caption for each hit, safe to embed."""
        return f"<div>{''.join(map(self._figure, self))}</div>"

    def show(self) -> None:
        """Draw the hits: pictures in a notebook, a table elsewhere."""
        if _in_notebook():
            require("IPython.display", "viz").display(self)
            return
        from rich.console import Console  # loaded here, since most searches show nothing
        from rich.table import Table

        table = Table("", "id", "distance", *self._names())
        for rank, hit in enumerate(self, 1):
            values = [hit.attributes.get(name) for name in self._names()]
            shown = ["" if value is None else str(value) for value in values]
            table.add_row(str(rank), hit.id, f"{hit.distance:.4f}", *shown)
        Console().print(table)

    _repr_html_ = to_html

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for hit in self for name in hit.attributes))

    def _figure(self, hit: Hit) -> str:
        facts = "".join(
            f"<br>{escape(name)}: {escape(str(value))}" for name, value in hit.attributes.items()
        )
        return (
            f'<figure style="{_FIGURE}">{self._thumbnail(hit.id)}'
            f"<figcaption>{escape(hit.id)}<br>{hit.distance:.4f}{facts}</figcaption></figure>"
        )

    def _thumbnail(self, name: str) -> str:
        photo = self._photo(name) if self._photo else None
        if photo is None:
            return ""
        try:
            picture = Image.fromarray(open_photo(photo, size_hint=_THUMBNAIL))
        except (UnreadablePhoto, OSError):
            return "<em>photo cannot be read</em>"  # moved since; the hit itself still stands
        picture.thumbnail(_THUMBNAIL)
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=80)
        return f'<img src="data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}">'


def _in_notebook() -> bool:
    try:
        shell: Any = get_ipython()  # type: ignore[name-defined]  # IPython puts it in builtins
    except NameError:
        return False
    return hasattr(shell, "kernel")
