"""The bytes of a preset's weights, from the nearest place that has them, verified each time."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clothzoo.errors import (
    CacheUnwritable,
    ClothzooError,
    InvalidInput,
    SourceUnavailable,
    WeightsCorrupted,
    WeightsNotFound,
)
from clothzoo.hub import huggingface, mirrors, presets
from clothzoo.hub.files import sha256
from clothzoo.hub.presets import Earlier, Preset, Source

_HUB = "hub"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """Verified bytes and the file that they were read from."""

    path: Path
    data: bytes


def fetch(
    preset: Preset, folder: Path | None = None, *, sources: Sequence[str] | None = None
) -> Fetched:
    """Get a preset's weights.

    In this order: the caches, the preset's own folder, then its sources: `CLOTHZOO_SOURCES`
    (separated by commas), the Hub at the pinned commit, the mirrors of its TOML. The next source
    is asked only if one cannot be reached; a wrong hash, a 401 or a 404 is an error.

    Args:
        preset: what is wanted.
        folder: the preset's folder, if it has one here.
        sources: "hub", folders or https addresses to ask instead.

    Returns:
        The bytes, of the size and sha256 that the preset states.

    Raises:
        WeightsNotFound: they are nowhere; the message lists what was asked.
        WeightsCorrupted: what was found is not what the preset states, and downloading it again
            did not help.
        CacheUnwritable: the disk is full.
    """
    damaged: WeightsCorrupted | None = None
    for path in _nearby(preset, folder):
        try:
            return Fetched(path, _verified(preset, path))
        except WeightsCorrupted as error:
            _LOG.warning("%s", error)
            damaged = error
    unreachable = []
    for source in _sources(preset) if sources is None else sources:
        try:
            return _from(source, preset, fresh=damaged is not None)
        except SourceUnavailable as error:
            _LOG.warning("%s; trying the next source", error)
            unreachable.append(str(error))
    if damaged is not None:
        raise WeightsCorrupted("; ".join([str(damaged), *unreachable])) from damaged
    tried = "; ".join(unreachable) or "it is not published, and its folder holds no weights"
    raise WeightsNotFound(f"no weights for {preset.name}: {tried}")


def at_revision(preset: Preset, revision: int | None) -> Preset:
    """An older published state of a preset.

    Args:
        preset: the newest state.
        revision: its number; None for the newest.

    Returns:
        The record as it was published then.

    Raises:
        InvalidInput: there was no such revision.
        WeightsCorrupted: the record on the Hub is not the one that was published.
    """
    if revision is None or revision == preset.revision:
        return preset
    known = {e.revision: e for e in preset.earlier}
    if revision not in known:
        numbers = ", ".join(str(n) for n in [*sorted(known), preset.revision])
        raise InvalidInput(f"{preset.name} has no revision {revision}; known: {numbers}")
    then = known[revision]
    data = _downloaded(
        lambda fresh: huggingface.download(
            then.repository, then.commit, presets.RECORD, fresh=fresh
        ),
        lambda path: _equal(path, then.record),
        fresh=False,
    ).data
    old = Preset.parse(data.decode(), name=f"{preset.name} at {then.commit[:8]}")
    return dataclasses.replace(old, source=Source(then.repository, then.commit, then.record))


def earlier(preset: Preset) -> Earlier:
    """The entry by which a preset's next revision remembers this one."""
    source = preset.source
    return Earlier(
        preset.revision,
        preset.changed,
        source.repository,
        source.commit,
        preset.sha256,
        source.record,
    )


def whereabouts(preset: Preset, folder: Path | None = None) -> str:
    """Where the weights lie, without reading them: "cached", "bundled", "hub" or "missing"."""
    for path in _nearby(preset, folder):
        return "bundled" if path.parent == folder else "cached"
    return _HUB if preset.source.commit else "missing"


def _nearby(preset: Preset, folder: Path | None) -> list[Path]:
    source = preset.source
    places = [mirrors.cached(preset.name, preset.sha256)]
    if source.commit:
        in_hub = huggingface.cached(source.repository, source.commit, presets.WEIGHTS)
        places.insert(0, in_hub or places[0])
    if folder is not None:
        places.append(folder / presets.WEIGHTS)
    return [path for path in dict.fromkeys(places) if path.is_file()]


def _sources(preset: Preset) -> list[str]:
    own = [s.strip() for s in os.environ.get("CLOTHZOO_SOURCES", "").split(",")]
    hub = [_HUB] if preset.source.commit else []
    return [s for s in own if s] + hub + list(preset.source.mirrors)


def _from(source: str, preset: Preset, *, fresh: bool) -> Fetched:
    def verified(path: Path) -> bytes:
        return _verified(preset, path)

    if source == _HUB:
        at = preset.source
        return _downloaded(
            lambda again: huggingface.download(
                at.repository, at.commit, presets.WEIGHTS, fresh=again
            ),
            verified,
            fresh=fresh,
        )
    if source.startswith(("https://", "http://")):
        if os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE"):
            raise SourceUnavailable(f"{source}: HF_HUB_OFFLINE is set")
        url = f"{source.rstrip('/')}/{preset.name}/{presets.WEIGHTS}"
        target = mirrors.cached(preset.name, preset.sha256)
        return _downloaded(
            lambda again: mirrors.download(url, target, preset.weights.size, fresh=again),
            verified,
            fresh=fresh,
        )
    if not Path(source).is_dir():
        raise SourceUnavailable(f"{source} is not a folder")
    path = Path(source) / preset.name / presets.WEIGHTS
    if not path.is_file():
        raise WeightsNotFound(f"{source} holds no {preset.name}/{presets.WEIGHTS}")
    return Fetched(path, verified(path))


def _downloaded(
    download: Callable[[bool], Path], verified: Callable[[Path], bytes], *, fresh: bool
) -> Fetched:
    """Download and verify; on a mismatch once more from scratch."""
    try:
        path = download(fresh)
        return Fetched(path, verified(path))
    except WeightsCorrupted as error:
        if fresh:
            raise
        _LOG.warning("%s; downloading it again", error)
        return _downloaded(download, verified, fresh=True)
    except ClothzooError:
        raise
    except OSError as error:
        raise CacheUnwritable(
            f"a download cannot be stored: {error}; free some space, or set HF_HUB_CACHE and "
            "XDG_CACHE_HOME to folders that can be written"
        ) from error


def _verified(preset: Preset, path: Path) -> bytes:
    size = path.stat().st_size
    if size != preset.weights.size:
        raise WeightsCorrupted(
            f"{path} is damaged: expected {preset.weights.size:,} bytes, found {size:,}"
        )
    return _equal(path, preset.sha256)


def _equal(path: Path, expected: str) -> bytes:
    data = path.read_bytes()
    if (found := sha256(data)) != expected:
        raise WeightsCorrupted(f"{path} is damaged: expected sha256 {expected}, found {found}")
    return data
