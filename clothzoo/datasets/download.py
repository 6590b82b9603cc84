"""Data sets from the network into the user's cache, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zipfile
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from clothzoo.errors import DatasetNotFound

_TIMEOUT = (10, 60)  # seconds to connect, and between two chunks
_CHUNK = 1 << 18
_MOST_UNPACKED = 4 << 30


def data_folder(name: str) -> Path | None:
    """The data set's folder under `CLOTHZOO_DATA`, if it is there."""
    root = os.environ.get("CLOTHZOO_DATA")
    folder = Path(root).expanduser() / name if root else None
    return folder if folder and folder.is_dir() else None


def cache_folder(name: str) -> Path:
    """Where a downloaded data set lies, whether or not it does yet."""
    return user_cache_path("clothzoo") / "datasets" / name


def fetch(url: str, target: Path, *, md5: str | None = None) -> Path:
    """Download a file, unless it is there already; another process doing the same is waited for.

    Args:
        url: where from.
        target: where to; it appears when it is complete and checked.
        md5: what its bytes must hash to, in hexadecimal; None where that is not known.

    Returns:
        `target`.

    Raises:
        DatasetNotFound: the server cannot be reached, does not have it, or sends other bytes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.is_file():
            return target
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as workplace:
            part = Path(workplace) / target.name
            found = _stream(url, part)
            if md5 is not None and found != md5:
                raise DatasetNotFound(
                    f"{url} is not the file expected: its md5 is {found}, not {md5}; try again, "
                    f"or put the right file at {target}"
                )
            part.replace(target)
    return target


def _stream(url: str, part: Path) -> str:
    # Together a fifth of a second, which only a download should cost.
    import requests
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn
    from urllib3.exceptions import HTTPError

    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with (
            requests.get(
                url, stream=True, timeout=_TIMEOUT, headers={"Accept-Encoding": "identity"}
            ) as response,
            part.open("wb") as file,
            Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        ):
            response.raise_for_status()
            length = response.headers.get("Content-Length")
            bar = progress.add_task(part.name, total=int(length) if length else None)
            # Not iter_content: it would unpack a .gz file that a server declares as encoding.
            for chunk in iter(lambda: response.raw.read(_CHUNK), b""):
                file.write(chunk)
                digest.update(chunk)
                progress.update(bar, advance=len(chunk))
            file.flush()
            os.fsync(file.fileno())
    except (OSError, HTTPError) as error:  # every error of requests is an OSError
        raise DatasetNotFound(
            f"cannot download {url} ({error}); try again later, or set CLOTHZOO_DATA to a folder "
            "that has the data set"
        ) from error
    return digest.hexdigest()


def fetch_archive(url: str, target: Path, *, members: str) -> Path:
    """Download a zip file and unpack some of it, unless that is done already.

    Args:
        url: of the zip file.
        target: folder that appears when it is complete.
        members: regular expression that a member's whole name must match; its first group is
            the path below `target`. Anything else in the archive is left out, so that no name
            in it can lead elsewhere.

    Returns:
        `target`.

    Raises:
        DatasetNotFound: it cannot be downloaded, or is no usable archive.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.is_dir():
            return target
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as workplace:
            archive = fetch(url, Path(workplace) / "archive.zip")
            filling = Path(workplace) / "filling"
            _unpack(archive, filling, re.compile(members), url)
            filling.rename(target)
    return target


def _unpack(archive: Path, folder: Path, members: re.Pattern[str], url: str) -> None:
    try:
        with zipfile.ZipFile(archive) as packed:
            wanted = [(i, m[1]) for i in packed.infolist() if (m := members.fullmatch(i.filename))]
            if not wanted:
                raise DatasetNotFound(f"{url} has none of the files expected")
            if sum(info.file_size for info, _ in wanted) > _MOST_UNPACKED:
                raise DatasetNotFound(f"{url} unpacks to more than {_MOST_UNPACKED >> 30} GiB")
            for info, name in wanted:
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(packed.read(info))
    except zipfile.BadZipFile as error:
        raise DatasetNotFound(f"{url} is not a sound zip file ({error}); try again") from error
