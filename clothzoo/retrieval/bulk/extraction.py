"""Photos to shards of descriptors: in this process, or on the machines of a Ray cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from clothzoo.errors import CatalogueError, InvalidInput, did_you_mean
from clothzoo.optional import require
from clothzoo.retrieval.bulk import plan
from clothzoo.retrieval.bulk.describing import Describer, Shard
from clothzoo.retrieval.bulk.listing import Source
from clothzoo.retrieval.bulk.plan import LOCK, SHARDS, SKIPPED, Manifest
from clothzoo.retrieval.bulk.storage import LocalFolder, Storage, storage
from clothzoo.retrieval.extractor import OWN_MODEL, Extractor
from clothzoo.retrieval.opening import rebuild
from clothzoo.retrieval.places import Folder

ENGINES = ("local", "ray")
"""What does the work: this process, or the actors of a Ray cluster."""


@dataclass(frozen=True)
class Cluster:
    """Which Ray cluster does the work, and with how much of it.

    Args:
        address: of the cluster; None for the one that this machine belongs to, which is started
            where there is none.
        actors: how many extractors work at a time; None for one on each machine.
        cpus: how many CPUs Ray sets aside for each of them.
        gpus: how many GPUs, or which part of one.
    """

    address: str | None = None
    actors: int | None = None
    cpus: float = 1
    gpus: float = 0


@dataclass(frozen=True)
class ExtractionReport:
    """What `extract` did.

    Args:
        described: photos that were described.
        skipped: photos that could not be read; the folder `skipped` says which and why.
        before: photos whose shards were there already.
        shards: how many shards there are now.
        seconds: how long it took.
    """

    described: int
    skipped: int
    before: int
    shards: int
    seconds: float

    def __str__(self) -> str:
        parts = [f"{self.described:,} described"]
        for count, what in ((self.skipped, "skipped"), (self.before, "done before")):
            parts += [f"{count:,} {what}"] * bool(count)
        return f"{', '.join(parts)} in {self.seconds:.1f} s"


def extract(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    extractor: Extractor | Callable[[], Extractor],
    *,
    engine: str = "local",
    cluster: Cluster | None = None,
    labels: str | os.PathLike[str] | None = None,
    prefix: str = "",
    recursive: bool = True,
    column: str | None = None,
    shard_rows: int | None = None,
    retry_skipped: bool = False,
    progress: bool = False,
) -> ExtractionReport:
    """Describe any number of photos and write the descriptors to Parquet files.

    A run that was broken off goes on where it stopped: a shard is there as a whole or not at all,
    and what is there is not made again. The list of photos is the one of the first run.

    Descriptors are, bit for bit, those that `RetrievalEngine.add_folder` gives an empty
    catalogue in one process on the same kind of machine, whichever engine and however often the
    run was broken off: networks may round differently in another batch, so each photo is always
    in the same one.

    Args:
        source: a folder; a folder of an object store, `s3://…`; or a Parquet file with a row for
            each photo. See `Source`.
        out: the folder of shards, at a path or a URL that every machine sees.
        extractor: makes the descriptors; or a function that makes one, which Ray needs for a
            Keras model of your own.
        engine: one of `ENGINES`.
        cluster: for the engine "ray".
        labels: of a folder; see `RetrievalEngine.add_folder`.
        prefix: put in front of each id.
        recursive: whether to go into subfolders.
        column: of a Parquet file: the one with the photos' paths or URLs.
        shard_rows: photos in a shard, a multiple of the extractor's batch size; by default 4,096,
            or as many as make 64 MB.
        retry_skipped: describe the shards again that had to skip photos.
        progress: show a bar with photos per second and time left.

    Returns:
        What was done.

    Raises:
        FingerprintMismatch: `out` was begun with another extractor.
        InvalidInput, DatasetNotFound: an argument cannot be used, or there are no photos.
        CatalogueError: `out` holds something else, cannot be written, or another run is at work.
        ExtraMissing: what the engine, the source or `out` needs is not installed.
    """
    start = time.perf_counter()
    if engine not in ENGINES:
        raise InvalidInput(f"no engine {engine!r}{did_you_mean(engine, ENGINES)}")
    require("pyarrow.parquet", "parquet" if engine == "local" else "ray")
    if engine == "ray":
        require("ray.data", "ray")
    given = Source.of(
        source,
        labels=os.fspath(labels) if labels is not None else None,
        prefix=prefix,
        recursive=recursive,
        column=column,
    )
    place = storage(out)
    made, make = _maker(extractor, engine)
    with _alone(place):
        manifest = plan.resumed(place, given, made) or plan.begun(place, given, made, shard_rows)
        if make is None:
            make = partial(_rebuilt, manifest, place.name)
        pending = _pending(place, manifest, retry_skipped)
        where = place.name if not isinstance(place, LocalFolder) else str(place.path)
        shards = (
            map(Describer(where, lambda: made).describe, pending)
            if engine == "local"
            else _by_ray(where, make, pending, cluster or Cluster())
        )
        described = skipped = 0
        photos = sum(manifest.rows(number) for number in pending)
        with _bar(photos) if progress else nullcontext(lambda: None) as advance:
            for shard in shards:
                described += shard.described
                skipped += shard.skipped
                for _ in range(shard.described + shard.skipped):
                    advance()
    seconds = time.perf_counter() - start
    return ExtractionReport(described, skipped, manifest.photos - photos, manifest.shards, seconds)


def _maker(
    extractor: Extractor | Callable[[], Extractor], engine: str
) -> tuple[Extractor, Callable[[], Extractor] | None]:
    """The extractor, and the user's own way to make it where there is one."""
    if not isinstance(extractor, Extractor):
        return extractor(), extractor
    source = extractor.fingerprint["extractor"]
    if not extractor.lasting:
        raise InvalidInput(
            f"{source!r} without weights= is a random network, which nobody could have again to "
            "search for the photos; give weights="
        )
    if engine == "ray" and source == OWN_MODEL:
        raise InvalidInput(
            "other machines cannot make your own Keras model; in place of the extractor, give a "
            "function that makes it: extract(…, lambda: Extractor.build(load_my_model(), …))"
        )
    return extractor, None


def _rebuilt(manifest: Manifest, out: str) -> Extractor:
    extractor = rebuild(
        manifest.fingerprint, Folder(Path(out)), None, manifest.weights, manifest.runtime
    )
    extractor.batch_size = manifest.batch_size
    return extractor


def _pending(place: Storage, manifest: Manifest, retry_skipped: bool) -> list[int]:
    done = place.files(SHARDS)
    if retry_skipped:
        done -= place.files(SKIPPED)
    return [number for number in range(manifest.shards) if plan.file_of(number) not in done]


def _by_ray(
    out: str, make: Callable[[], Extractor], pending: Sequence[int], cluster: Cluster
) -> Iterator[Shard]:
    from clothzoo.retrieval.bulk import on_ray

    return on_ray.shards(out, make, pending, cluster)


@contextmanager
def _alone(place: Storage) -> Iterator[None]:
    """Keep a second run out of a folder; in an object store, two would write the same twice."""
    if not isinstance(place, LocalFolder):
        yield
        return
    place.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.path / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CatalogueError(
            f"another process is extracting into {place.name!r}; wait for it or stop it"
        ) from None
    try:
        place.sweep()
        yield
    finally:
        lock.release()


def _bar(photos: int) -> Any:
    from clothzoo.retrieval.progress import bar

    return bar("Extracting", photos)
