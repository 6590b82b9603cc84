"""What an extraction is going to do, settled before it begins: which photo is in which shard.

```
SHARDS/
  manifest.json         what is extracted, and with what; written after the plan, so it marks one
  plan.parquet          the photos; row group N lists those of shard N
  shards/00000.parquet  descriptors, attributes and file facts, in the form of `parquet.export`
  skipped/00000.parquet the photos of that shard that could not be read, and why
```
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from clothzoo.errors import CatalogueError, DatasetNotFound, InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval import parquet
from clothzoo.retrieval.bulk.listing import Listed, Source, places_are_known
from clothzoo.retrieval.bulk.storage import Storage
from clothzoo.retrieval.extractor import Extractor
from clothzoo.retrieval.index import check_fingerprint

MANIFEST = "manifest.json"
PLAN = "plan.parquet"
LOCK = "lock"
SHARDS = "shards"
SKIPPED = "skipped"

_FORMAT = 1
_MOST_ROWS = 4096


@dataclass(frozen=True)
class Manifest:
    """What is known of an extraction.

    Args:
        source: `Source.to_dict()`.
        fingerprint: of the extractor.
        weights: of its architecture: "imagenet" or a path; None for a preset.
        runtime: what computes: "keras" or "openvino".
        dim: length of a descriptor.
        batch_size: photos per call of the network.
        shard_rows: photos in a shard.
        photos: how many there are in all.
        name: of this extraction alone.
        format: of the folder.
    """

    source: Mapping[str, Any]
    fingerprint: Mapping[str, Any]
    weights: str | None
    runtime: str
    dim: int
    batch_size: int
    shard_rows: int
    photos: int
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    format: int = _FORMAT

    @property
    def shards(self) -> int:
        """How many shards it will have."""
        return -(-self.photos // self.shard_rows)

    def rows(self, number: int) -> int:
        """How many photos a shard is about."""
        return min(self.shard_rows, self.photos - number * self.shard_rows)

    @classmethod
    def read(cls, place: Storage) -> Manifest | None:
        """The manifest of a folder of shards; None where there is none.

        Raises:
            CatalogueError: it cannot be read, or a later version of clothzoo has written it.
        """
        text = place.read(MANIFEST)
        if text is None:
            return None
        with suppress(ValueError, TypeError, AttributeError):
            values = json.loads(text)
            if values.get("format") == _FORMAT:
                return cls(**values)
        raise CatalogueError(
            f"{MANIFEST} in {place.name!r} is damaged, or a later version of clothzoo has written "
            "it; update clothzoo, or extract into another folder"
        )

    def write(self, place: Storage) -> None:
        """Write it into a folder of shards."""
        with place.writing(MANIFEST) as path:
            path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")


def file_of(number: int) -> str:
    """The name of a shard's file, and of that of its skipped photos."""
    return f"{number:05}.parquet"


def resumed(place: Storage, source: Source, extractor: Extractor) -> Manifest | None:
    """The manifest of an extraction that was begun in a folder; None where the folder is empty.

    Raises:
        FingerprintMismatch: it was begun with another extractor.
        InvalidInput: it was begun with another source, or another runtime.
        CatalogueError: the folder has something else in it, or cannot be read.
    """
    manifest = Manifest.read(place)
    if manifest is None:
        foreign = place.files() - {PLAN, LOCK}
        if foreign:
            raise CatalogueError(
                f"{place.name!r} has something else in it ({min(foreign)!r}); extract into a "
                "folder that is empty or not there yet"
            )
        return None
    check_fingerprint(manifest.fingerprint, extractor.fingerprint, place.name, "folder of shards")
    for what, begun, asked in (
        ("source", dict(manifest.source), source.to_dict()),
        ("runtime", manifest.runtime, extractor.runtime),
        ("batch size", manifest.batch_size, extractor.batch_size),
    ):
        if begun != asked:
            raise InvalidInput(
                f"the extraction into {place.name!r} was begun with the {what} {begun}, not "
                f"{asked}; go on with the same, or extract into another folder"
            )
    return manifest


def begun(place: Storage, source: Source, extractor: Extractor, shard_rows: int | None) -> Manifest:
    """List the photos, write the plan and the manifest.

    Args:
        place: an empty folder.
        source: the photos.
        extractor: what is going to describe them.
        shard_rows: photos in a shard; None for as many as make a file of at most 64 MB.

    Raises:
        InvalidInput: `shard_rows` would tear batches apart, or see `Source.photos`.
        DatasetNotFound: there are no photos.
        CatalogueError: the folder cannot be written.
    """
    rows = _shard_rows(extractor, shard_rows)
    photos = 0

    def counted() -> Iterator[Listed]:
        nonlocal photos
        for photo in places_are_known(source.photos()):
            photos += 1
            yield photo

    _write(place, counted(), rows)
    if not photos:
        place.remove(PLAN)
        raise DatasetNotFound(f"there are no photos in {source.place!r}")
    manifest = Manifest(
        source.to_dict(),
        extractor.fingerprint,
        extractor.weights,
        extractor.runtime,
        extractor.dim,
        extractor.batch_size,
        rows,
        photos,
    )
    manifest.write(place)
    return manifest


def photos_of(place: Storage, number: int) -> list[Listed]:
    """The photos of a shard, in order.

    Raises:
        CatalogueError: the plan cannot be read.
    """
    reader = require("pyarrow.parquet", "parquet")
    with place.reading(PLAN) as stream, reader.ParquetFile(stream) as file:
        table = file.read_row_group(number)
    return [
        Listed(row["id"], row["place"], json.loads(row["attributes"]), row["mtime_ns"])
        for row in table.to_pylist()
    ]


def _write(place: Storage, photos: Iterable[Listed], rows: int) -> None:
    arrow, writer = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    schema = arrow.schema(
        [
            ("id", arrow.string()),
            ("place", arrow.string()),
            ("attributes", arrow.string()),
            ("mtime_ns", arrow.int64()),
        ]
    )
    waiting = iter(photos)
    with place.writing(PLAN) as path, writer.ParquetWriter(path, schema) as file:
        while group := list(islice(waiting, rows)):
            columns = {
                "id": [photo.id for photo in group],
                "place": [photo.place for photo in group],
                "attributes": [json.dumps(dict(p.attributes), ensure_ascii=False) for p in group],
                "mtime_ns": [photo.mtime_ns for photo in group],
            }
            file.write_table(arrow.table(columns, schema=schema), row_group_size=rows)


def _shard_rows(extractor: Extractor, wanted: int | None) -> int:
    # A network may round differently for batches of another size. With whole batches in every
    # shard but the last, each photo is in the same batch as when one process describes them all.
    batch = extractor.batch_size
    if wanted is None:
        most = min(_MOST_ROWS, parquet.rows_of_a_group(extractor.dim))
        return max(batch, most - most % batch)
    if wanted < 1 or wanted % batch:
        raise InvalidInput(
            f"a shard must have a multiple of {batch} photos, the size of a batch, not {wanted}"
        )
    return wanted
