"""What a contact sheet shows: a query, what is known of it, and its hits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from clothzoo.datasets.photo import Box, Photo, open_photo
from clothzoo.errors import UnreadablePhoto
from clothzoo.retrieval.index import Attributes, Hit


@dataclass(frozen=True)
class Sheet:
    """One query with its hits.

    Args:
        query: the photo that was searched for; None where there is none, e.g. for a descriptor.
        hits: nearest first.
        photo: an id → its photo, or None where there is none.
        name: what to call the query.
        box: (x, y, width, height) that the query was cut to.
        attributes: what is known of the query; hits that share a value are marked.
        answers: {task: [(label, probability), …]} as `clothzoo.classify` gives them.
    """

    query: Photo | None
    hits: Sequence[Hit]
    photo: Callable[[str], Photo | None]
    name: str
    box: Box | None = None
    attributes: Attributes = field(default_factory=dict)
    answers: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)

    def query_thumbnail(self, side: int) -> Image.Image | None:
        """The query, at most `side` pixels wide and high; None where it cannot be shown."""
        return _thumbnail(self.query, side, self.box)

    def thumbnail(self, hit: Hit, side: int) -> Image.Image | None:
        """A hit's photo, at most `side` pixels wide and high; None where it cannot be shown."""
        return _thumbnail(self.photo(hit.id), side, None)

    def facts(self, hit: Hit) -> list[tuple[str, str, bool]]:
        """(name, value, whether the query has the same) for each attribute that is known."""
        return [
            (name, str(value), self.attributes.get(name) == value)
            for name, value in hit.attributes.items()
            if value is not None
        ]


def _thumbnail(photo: Photo | None, side: int, box: Box | None) -> Image.Image | None:
    if photo is None or (isinstance(photo, (str, os.PathLike)) and not Path(photo).is_file()):
        return None
    try:
        picture = Image.fromarray(open_photo(photo, box=box, size_hint=(side, side)))
    except UnreadablePhoto:  # damaged since it was indexed; the hit still stands
        return None
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture
