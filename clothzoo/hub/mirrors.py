"""Files from https mirrors: resumable, capped in size, downloaded once however many ask."""

from __future__ import annotations

import os
from pathlib import Path

import requests
from filelock import FileLock
from platformdirs import user_cache_path
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from clothzoo.errors import SourceUnavailable, WeightsCorrupted, WeightsNotFound

_ATTEMPTS = 3
_TIMEOUT = (10, 30)  # seconds to connect, seconds between two packets
_CHUNK = 1 << 16
_DROPPED = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def cached(name: str, sha256: str) -> Path:
    """Where a preset's file from a mirror is kept."""
    return user_cache_path("clothzoo") / "weights" / name / f"{sha256}.safetensors"


def download(url: str, target: Path, size: int, *, fresh: bool) -> Path:
    """Download a file, continuing where an earlier try broke off.

    Args:
        url: http or https address.
        target: where it goes; a file that is there is taken as it is unless `fresh`.
        size: bytes expected; more are never written.
        fresh: forget what is there and begin anew.

    Returns:
        `target`.

    Raises:
        SourceUnavailable: no connection, a time-out or a 5xx answer.
        WeightsNotFound: any other refusal, e.g. 404.
        WeightsCorrupted: the file is longer than `size`.
        OSError: the disk is full or the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        part = target.with_suffix(".part")
        if fresh:
            target.unlink(missing_ok=True)
            part.unlink(missing_ok=True)
        if not target.is_file():
            for attempt in range(_ATTEMPTS):
                try:
                    _continue(url, part, size)
                    break
                except _DROPPED as error:
                    if attempt == _ATTEMPTS - 1:
                        raise SourceUnavailable(f"{url}: {error}") from error
            part.replace(target)
    return target


def _continue(url: str, part: Path, size: int) -> None:
    have = part.stat().st_size if part.is_file() else 0
    if have == size:
        return
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code >= 500:
            raise SourceUnavailable(f"{url} answers {response.status_code} {response.reason}")
        if response.status_code not in (200, 206):
            part.unlink(missing_ok=True)
            raise WeightsNotFound(f"{url} answers {response.status_code} {response.reason}")
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if response.status_code == 206 and resumed else 0
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with (
            part.open("ab" if have else "wb") as file,
            Progress(
                *columns, TransferSpeedColumn(), console=console, disable=not console.is_terminal
            ) as progress,
        ):
            bar = progress.add_task(part.parent.name, total=size, completed=have)
            for chunk in response.iter_content(_CHUNK):
                have += len(chunk)
                if have > size:
                    raise WeightsCorrupted(f"{url}: expected {size:,} bytes, found more")
                file.write(chunk)
                progress.update(bar, completed=have)
            file.flush()
            os.fsync(file.fileno())
    if have < size:
        raise requests.ConnectionError(f"the connection ended at {have:,} of {size:,} bytes")
