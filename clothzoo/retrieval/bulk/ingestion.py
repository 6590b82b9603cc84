"""Shards of descriptors into a catalogue: in order, each in one step, and only those that lack."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clothzoo.errors import CatalogueError, FingerprintMismatch, InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval import parquet
from clothzoo.retrieval.bulk import plan
from clothzoo.retrieval.bulk.listing import Source
from clothzoo.retrieval.bulk.plan import SHARDS, Manifest
from clothzoo.retrieval.bulk.storage import Storage, is_url, storage
from clothzoo.retrieval.index import Index, check_fingerprint
from clothzoo.retrieval.looks import metric_of
from clothzoo.retrieval.origin import Origin
from clothzoo.retrieval.places import Location, place_of

_LEDGER = "ingested"
_DIGITS = 16  # enough of a hash to tell the shards of one extraction apart


@dataclass(frozen=True)
class IngestReport:
    """What `ingest` did.

    Args:
        added: photos that were added to the catalogue, or replaced in it.
        before: photos of shards that it had taken in already.
        missing: shards that have not been extracted yet.
        seconds: how long it took.
    """

    added: int
    before: int
    missing: int
    seconds: float

    def __str__(self) -> str:
        parts = [f"{self.added:,} added"]
        parts += [f"{self.before:,} there before"] * bool(self.before)
        parts += [f"shards not extracted yet: {self.missing:,}"] * bool(self.missing)
        return f"{', '.join(parts)} in {self.seconds:.1f} s"


class Ledger:
    """Which shards of an extraction a catalogue has taken in; it comes and goes with that.

    Args:
        index: the catalogue, whose notes it is among.
        extraction: name of the extraction. What was noted of another one is forgotten with the
            first note: this one may have replaced it.
    """

    def __init__(self, index: Index, extraction: str) -> None:
        self._index = index
        self._extraction = extraction
        kept = index.notes().get(_LEDGER, {})
        same = kept.get("extraction") == extraction
        self._shards: list[str] = list(kept["shards"]) if same else []
        self._known = set(self._shards)

    def __contains__(self, content: str) -> bool:
        return content[:_DIGITS] in self._known

    def note(self, content: str) -> None:
        """Note a shard that is durably in the catalogue, by the hash of its content."""
        if content not in self:
            self._shards.append(content[:_DIGITS])
            self._known.add(content[:_DIGITS])
        kept = {"extraction": self._extraction, "shards": self._shards}
        self._index.keep_notes({**self._index.notes(), _LEDGER: kept})


def open_target(into: Location, metric: str | None, manifest: Manifest) -> Index:
    """The catalogue that shards go into, made where there is none.

    Args:
        into: its folder or URL.
        metric: of a new catalogue, by default that of the shards' look or "braycurtis"; of one
            that is there it must be its own.
        manifest: of the shards.

    Raises:
        FingerprintMismatch: another extractor has filled it, or it has another metric.
        CatalogueError: it cannot be opened or made.
    """
    place = place_of(into)
    if place.exists():
        index = place.open()
    else:
        index = place.create(
            dim=manifest.dim,
            metric=metric or metric_of(manifest.fingerprint),
            fingerprint=manifest.fingerprint,
        )
    try:
        if metric not in (None, index.metric):
            raise FingerprintMismatch(
                f"catalogue {str(place)!r} has the metric {index.metric!r}, not {metric!r}; "
                "leave the metric out, or ingest into another catalogue"
            )
        check_fingerprint(index.fingerprint, manifest.fingerprint, place)
        _remember(index, manifest)
    except BaseException:
        index.close()
        raise
    return index


def ingest(
    shards: str | os.PathLike[str],
    into: str | Path | Index,
    *,
    metric: str | None = None,
    again: bool = False,
    progress: bool = False,
) -> IngestReport:
    """Put the shards of an extraction into a catalogue; run again, it does only what is new.

    Each shard is added in one step, in the order of their numbers, and only one is in memory at
    a time. Ids that are there already are replaced. A run that was broken off goes on where it
    stopped, and shards that were extracted since are added.

    Args:
        shards: the folder that `extract` has written, at a path or a URL.
        into: the catalogue: its folder or `postgresql://` URL, made where there is none, or an
            open `Index`.
        metric: of a new catalogue: "braycurtis", "cosine", "euclidean" or "manhattan"; by default
            that of the look that the shards were made for, or "braycurtis".
        again: add all shards, also those that the catalogue has taken in already; photos that
            were removed from it since come back.
        progress: show a bar with photos per second and time left.

    Returns:
        What was added.

    Raises:
        FingerprintMismatch: another extractor has filled the catalogue, or it has another metric.
        CatalogueError: there are no such shards, or the catalogue cannot be written; what was
            added before stays.
        InvalidInput: a shard is damaged.
        ExtraMissing: pyarrow is not installed.
    """
    start = time.perf_counter()
    require("pyarrow.parquet", "parquet")
    place = storage(shards)
    manifest = Manifest.read(place)
    if manifest is None:
        raise CatalogueError(f"there are no shards in {place.name!r}: it has no {plan.MANIFEST}")
    index = open_target(into, metric, manifest) if isinstance(into, (str, Path)) else into
    try:
        if index.fingerprint:  # else nobody has said what fills it
            check_fingerprint(index.fingerprint, manifest.fingerprint, index)
        there = place.files(SHARDS)
        files = [plan.file_of(number) for number in range(manifest.shards)]
        todo = [(n, name) for n, name in enumerate(files) if name in there]
        photos = sum(manifest.rows(number) for number, _ in todo)
        with _bar(photos) if progress else nullcontext(lambda: None) as advance:
            added, before = _add(place, todo, manifest, index, again, advance)
    finally:
        if index is not into:
            index.close()
    missing = len(files) - len(todo)
    return IngestReport(added, before, missing, time.perf_counter() - start)


def _add(
    place: Storage,
    todo: list[tuple[int, str]],
    manifest: Manifest,
    index: Index,
    again: bool,
    advance: Callable[[], None],
) -> tuple[int, int]:
    ledger = Ledger(index, manifest.name)
    added = before = 0
    for number, name in todo:
        with place.reading(f"{SHARDS}/{name}") as stream:
            content, rows = _about(stream, f"{place.name}/{SHARDS}/{name}", manifest)
            if content in ledger and not again:
                before += rows
            else:
                for batch in parquet.batches(f"{place.name}/{name}", index, content=stream):
                    if batch.ids:
                        index.add(*batch)
                ledger.note(content)
                added += rows
        for _ in range(manifest.rows(number)):
            advance()
    return added, before


def _about(stream: Any, name: str, manifest: Manifest) -> tuple[str, int]:
    """The hash of a shard's content and its number of rows, from the end of its file.

    Raises:
        InvalidInput: it is no shard of this extraction.
    """
    arrow, reader = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    try:
        with reader.ParquetFile(stream) as file:
            about, rows = parquet.about_of(file.schema_arrow), file.metadata.num_rows
    except arrow.ArrowInvalid as error:
        raise InvalidInput(
            f"shard {name!r} is damaged: {error}; delete it, and extract again what is missing"
        ) from error
    if about.get("extraction") != manifest.name:
        raise InvalidInput(
            f"shard {name!r} does not belong to the extraction of its folder; delete it, and "
            "extract again what is missing"
        )
    return str(about["sha256"]), int(rows)


def _remember(index: Index, manifest: Manifest) -> None:
    """Note where weights and photos are, as a catalogue that was filled on this machine does."""
    source, kept = Source(**manifest.source), Origin.of(index)
    here = [] if is_url(source.place) else [(source.prefix, source.folder)]
    folders = tuple(dict.fromkeys([*kept.folders, *here]))
    origin = Origin(manifest.weights or kept.weights, folders)
    if origin != kept:
        origin.keep(index)


def _bar(photos: int) -> Any:
    from clothzoo.retrieval.progress import bar

    return bar("Ingesting", photos)
