"""Files of a repository on the Hugging Face Hub, at a pinned commit."""

from __future__ import annotations

from pathlib import Path

from clothzoo.errors import SourceUnavailable, WeightsCorrupted, WeightsNotFound


def cached(repository: str, commit: str, file: str) -> Path | None:
    """A file's place in the Hub's cache, if it is there; no request is made."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repository, file, revision=commit)
    return Path(path) if isinstance(path, str) else None


def download(repository: str, commit: str, file: str, *, fresh: bool) -> Path:
    """Download a file into the Hub's cache (`HF_HUB_CACHE`).

    Args:
        repository: "namespace/name".
        commit: 40 hex digits.
        file: its name in the repository.
        fresh: download it even if it is cached.

    Returns:
        Its path.

    Raises:
        SourceUnavailable: no connection, a time-out, a 5xx answer, or HF_HUB_OFFLINE is set.
        WeightsNotFound: no such repository, commit or file, or no right to see it.
        WeightsCorrupted: the answer was cut short.
        OSError: the disk is full, or the cache cannot be written.
    """
    from huggingface_hub import hf_hub_download, is_offline_mode

    where = f"{repository}/{file} at {commit[:8]}"
    if is_offline_mode():  # a forced download would say so with a ValueError
        raise SourceUnavailable(f"{where}: HF_HUB_OFFLINE is set")
    try:
        return Path(hf_hub_download(repository, file, revision=commit, force_download=fresh))
    except Exception as error:
        raise _explained(error, where) from error


def _explained(error: Exception, where: str) -> Exception:
    """Our error for one of the client's; the client wraps the first cause several times."""
    from huggingface_hub.errors import HfHubHTTPError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HfHubHTTPError):
            status = cause.response.status_code
            if status >= 500:
                return SourceUnavailable(f"{where}: the Hub answers {status}")
            way_out = {401: "; set HF_TOKEN or run: hf auth login", 403: "; ask for access"}
            return WeightsNotFound(f"{where}: {brief(cause)}{way_out.get(status, '')}")
        # The client's HTTP library changes its name between releases; its classes do not.
        if any(kind.__name__ == "TransportError" for kind in type(cause).__mro__):
            return SourceUnavailable(f"{where}: {cause or type(cause).__name__}")
        if cause.__cause__ is None:
            break
        cause = cause.__cause__
    if not isinstance(error, OSError):
        return WeightsNotFound(f"{where}: {error}")
    # An error of the file system has a number; the client's own complaint about a short file has
    # none.
    return error if error.errno else WeightsCorrupted(f"{where}: {brief(error)}")


def brief(error: BaseException) -> str:
    """The first two lines of the client's message; advice and addresses follow them."""
    return " ".join([line for line in str(error).splitlines() if line.strip()][:2])
