"""What a search may be asked for, and what it takes to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np

from clothzoo.datasets.photo import Box, Photo
from clothzoo.errors import InvalidInput
from clothzoo.retrieval.content import CONTENT, mark
from clothzoo.retrieval.extractor import Vector
from clothzoo.retrieval.index import Hits, Index
from clothzoo.streaming import one_or_many

Query: TypeAlias = Photo | Vector
"""A photo, a descriptor float (D,), or the id of an item in the catalogue."""


@dataclass
class Question:
    """A query on its way to a vector.

    Args:
        photo: what the vector is still to be made of.
        vector: float32 (D,); None until it is made.
        content: what identifies the photo's content, where there is a photo.
        own: ids of the query itself, which are no hits.
    """

    photo: Photo | None = None
    vector: Vector | None = None
    content: str | None = None
    own: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, query: Query, index: Index, box: Box | None) -> Question:
        """Find out what a query is.

        Raises:
            InvalidInput: a string that is neither a file nor an id; a box without a photo.
        """
        if isinstance(query, np.ndarray) and np.issubdtype(query.dtype, np.floating):
            question = cls(vector=np.asarray(query, np.float32))
        elif isinstance(query, str) and not Path(query).is_file():
            if query not in index:
                raise InvalidInput(
                    f"{query!r} is neither the file of a photo nor the id of one of the "
                    f"{len(index):,} items in this catalogue"
                )
            item = index.get(query)
            noted = cast("str | None", item.attributes.get(CONTENT))
            question = cls(vector=item.vector, content=noted, own={query})
        else:
            return cls(photo=cast("Photo", query))
        if box is not None:
            raise InvalidInput("box= cuts a photo; an id or a descriptor has none to cut")
        return question

    def read(self) -> Photo | None:
        """The photo to be described, whose content is noted on the way."""
        if self.photo is not None:
            self.content = mark(self.photo)
        return self.photo

    def exclude_copies(self, index: Index) -> None:
        """Count every item of the same content as the query itself."""
        if self.content is not None and self.vector is not None and len(index):
            copies = index.search(self.vector, len(index), {CONTENT: self.content})
            self.own |= {hit.id for hit in cast("Hits", copies)}


def one_or_many_queries(query: Query | Sequence[Query]) -> tuple[bool, Sequence[Query]]:
    """Whether it is a single query, and the queries as a list."""
    if isinstance(query, np.ndarray) and np.issubdtype(query.dtype, np.floating):
        return query.ndim == 1, list(np.atleast_2d(query))
    return one_or_many(cast("Photo | Sequence[Photo]", query))
