"""What an engine's search has found, as a contact sheet."""

from __future__ import annotations

from pathlib import Path

from clothzoo.datasets.photo import Box
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.hits import Hits
from clothzoo.retrieval.report.sheet import Sheet


def sheet_of(
    engine: RetrievalEngine, query: str | Path, hits: Hits, *, box: Box | None = None
) -> Sheet:
    """The sheet of one search.

    Args:
        engine: what was searched.
        query: a photo's path, or the id of an item.
        hits: what was found.
        box: as in the search.

    Returns:
        The sheet; what the catalogue knows of the query is on it.
    """
    name = str(query)
    return Sheet(
        query=Path(query) if Path(query).is_file() else engine.photo(name),
        hits=hits,
        photo=engine.photo,
        name=Path(query).name,
        box=box,
        attributes=engine.attributes(name) if name in engine else {},
    )


def catalogue_facts(engine: RetrievalEngine) -> dict[str, str]:
    """What a page says of the catalogue below its title."""
    made = engine.extractor.fingerprint
    source = made["extractor"]
    return {
        "catalogue": f"{len(engine):,} photos",
        "extractor": Path(source).name,
        "level": made["level"],
        "pooling": made["pooling"],
        "distance": engine.metric,
    }
