"""From the plan of a shard to the shard: what every process of an extraction does."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from clothzoo.datasets.photo import Photo
from clothzoo.errors import ClothzooError, UnreadablePhoto
from clothzoo.optional import require
from clothzoo.retrieval import parquet
from clothzoo.retrieval.bulk.listing import Listed
from clothzoo.retrieval.bulk.plan import SHARDS, SKIPPED, Manifest, file_of, photos_of
from clothzoo.retrieval.bulk.storage import Storage, filesystem, is_url, storage
from clothzoo.retrieval.content import CONTENT, file_facts, mark
from clothzoo.retrieval.extractor import Extractor, Vector
from clothzoo.retrieval.index import Batch, FileFacts, check_fingerprint

_DOWNLOADS = 32  # an object store answers slowly, but many at a time
_ATTEMPTS = 3


@dataclass(frozen=True)
class Shard:
    """What came of a shard.

    Args:
        number: which it is.
        described: how many of its photos are in it.
        skipped: how many could not be read.
    """

    number: int
    described: int
    skipped: int


@dataclass
class _Read:
    """A photo on its way to a vector: its content where it is downloaded, its facts once read."""

    listed: Listed
    content: Future[bytes] | None = None
    facts: FileFacts | None = field(default=None, init=False)

    def photo(self) -> Photo:
        if self.content is None:
            self.facts = file_facts(self.listed.place)
            return Path(self.listed.place)
        data = self.content.result()
        changed = self.listed.mtime_ns or 0  # a time that no file has: it will be hashed again
        self.facts = FileFacts(len(data), changed, hashlib.sha256(data).hexdigest())
        return data


class Describer:
    """Describes shards, one after another, with one extractor.

    Args:
        out: the folder of shards.
        make: makes the extractor; called when the first shard is described.
    """

    def __init__(self, out: str, make: Callable[[], Extractor]) -> None:
        self._out = out
        self._make = make

    def describe(self, number: int) -> Shard:
        """Describe the photos of a shard and write it; it is there as a whole or not at all.

        Raises:
            FingerprintMismatch: the extractor is not the one that the extraction was begun with.
            CatalogueError: the shard cannot be written.
        """
        extractor = self._extractor
        kept: list[tuple[_Read, Vector]] = []
        skipped: list[tuple[Listed, str]] = []
        with ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="clothzoo-download") as pool:
            for read, vector in extractor.stream(self._reads(number, pool), _Read.photo):
                if isinstance(vector, UnreadablePhoto):
                    skipped.append((read.listed, vector.reason))
                elif vector is not None:
                    kept.append((read, vector))
        batch = Batch(
            [read.listed.id for read, _ in kept],
            np.array([vector for _, vector in kept], np.float32).reshape(-1, extractor.dim),
            [_noted(read) for read, _ in kept],
            [read.facts for read, _ in kept],
        )
        # The shard comes last: where it is, all that belongs to it is.
        _write_skipped(self._storage, number, skipped)
        _write_shard(self._storage, number, batch, self._manifest)
        return Shard(number, len(kept), len(skipped))

    @cached_property
    def _storage(self) -> Storage:
        return storage(self._out)

    @cached_property
    def _manifest(self) -> Manifest:
        manifest = Manifest.read(self._storage)
        assert manifest is not None  # it is written before any shard
        return manifest

    @cached_property
    def _extractor(self) -> Extractor:
        extractor = self._make()
        check_fingerprint(
            self._manifest.fingerprint, extractor.fingerprint, self._out, "folder of shards"
        )
        return extractor

    def _reads(self, number: int, pool: ThreadPoolExecutor) -> Iterator[_Read]:
        # Taken a few batches ahead of the network, so no more than these are in memory.
        for photo in photos_of(self._storage, number):
            remote = is_url(photo.place)
            yield _Read(photo, pool.submit(_downloaded, photo.place) if remote else None)


def _downloaded(url: str) -> bytes:
    """The content at a URL.

    Raises:
        UnreadablePhoto: it cannot be had, in several attempts.
    """
    for attempt in range(_ATTEMPTS):
        try:
            files, inside = filesystem(url)
            return bytes(files.cat_file(inside))
        except ClothzooError:
            raise
        except FileNotFoundError as error:
            raise UnreadablePhoto(url, "no such file") from error
        except PermissionError as error:
            raise UnreadablePhoto(url, "no permission to read it") from error
        except Exception as error:  # each store's client has errors of its own
            failure = error
            if attempt + 1 < _ATTEMPTS:
                time.sleep(2.0**attempt / 2)
    reason = str(failure).strip().partition("\n")[0] or type(failure).__name__
    raise UnreadablePhoto(url, f"cannot be downloaded: {reason}") from failure


def _noted(read: _Read) -> dict[str, str | int | float | bool | None]:
    assert read.facts is not None  # it has been read
    return {**read.listed.attributes, CONTENT: mark(read.facts)}


def _write_shard(place: Storage, number: int, batch: Batch, manifest: Manifest) -> None:
    writer = require("pyarrow.parquet", "parquet")
    about = {
        "dim": manifest.dim,
        "fingerprint": dict(manifest.fingerprint),
        "extraction": manifest.name,
        "shard": number,
        "sha256": _content(batch),
    }
    schema = parquet.schema_of(manifest.dim, about)
    with (
        place.writing(f"{SHARDS}/{file_of(number)}") as path,
        writer.ParquetWriter(path, schema, write_page_checksum=True) as file,
    ):
        file.write_batch(parquet.record(batch, schema), row_group_size=max(1, len(batch.ids)))


def _content(batch: Batch) -> str:
    """What tells whether a shard is still the same."""
    digest = hashlib.sha256(np.ascontiguousarray(batch.vectors).data)
    for row in zip(batch.ids, batch.attributes, batch.files, strict=True):
        name, attributes, facts = row
        assert facts is not None  # each photo of a shard has been read
        text = json.dumps([name, attributes, facts.size, facts.mtime_ns, facts.sha256])
        digest.update(text.encode())
    return digest.hexdigest()


def _write_skipped(place: Storage, number: int, skipped: list[tuple[Listed, str]]) -> None:
    name = f"{SKIPPED}/{file_of(number)}"
    if not skipped:
        place.remove(name)  # what is described again may have been skipped before
        return
    arrow, writer = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    columns = {
        "id": [photo.id for photo, _ in skipped],
        "path": [photo.place for photo, _ in skipped],
        "reason": [reason for _, reason in skipped],
    }
    with place.writing(name) as path:
        writer.write_table(arrow.table(columns), path)
