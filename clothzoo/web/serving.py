"""Start the demo page: here only, unless there is a token."""

from __future__ import annotations

import ipaddress
import socket
import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clothzoo import demo
from clothzoo.datasets.folder import load
from clothzoo.datasets.folder import photos as photos_below
from clothzoo.errors import InvalidInput
from clothzoo.optional import require
from clothzoo.retrieval.looks import DEFAULT_LOOK, MEANING
from clothzoo.web.choosing import choose
from clothzoo.web.finder import MAX_BYTES, Finder, Photos

if TYPE_CHECKING:
    import fastapi
    import uvicorn

PORT = 7860
_SHORTEST = 16
_EXAMPLES = 6
# A form's boundaries and file names beside the file itself.
_ENVELOPE = 64 * 2**10


@dataclass(frozen=True)
class Address:
    """Where the page is served.

    Args:
        host: a name or address of this machine; "0.0.0.0" for all of them.
        port: 0 for any that is free.
        token: what everybody must know who comes from elsewhere.

    Raises:
        InvalidInput: others could come in without a token, or it is too short.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    token: str | None = None

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token) < _SHORTEST:
            raise InvalidInput(
                f"a token of {len(self.token)} characters can be guessed; use at least "
                f"{_SHORTEST}, e.g. from: python -c 'import secrets; print(secrets.token_hex(16))'"
            )
        if not self.local and self.token is None:
            raise InvalidInput(
                f"on {self.host!r} the page would be open to other machines; set CLOTHZOO_TOKEN "
                "to a secret that visitors have to know, or serve it on 127.0.0.1 only"
            )

    @property
    def local(self) -> bool:
        """Whether nobody but this machine can come."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def finder(
    out: Path,
    photos: Path | None = None,
    preset: str | None = None,
    *,
    keep: bool = True,
    size: demo.Size | None = None,
) -> Finder:
    """All that the page needs: a network, and a catalogue that is filled.

    Args:
        out: folder for what is drawn and kept.
        photos: a folder of photos, in place of drawn garments.
        preset: a preset's name; see `clothzoo.web.choosing.choose`.
        keep: keep the catalogue and what visitors add; else they are strangers to one another
            and what they add is forgotten.
        size: how much is drawn.

    Raises:
        DatasetNotFound: there is no such folder.
        InvalidInput: fewer than two photos can be read.
        PresetNotFound: no preset has that name.
    """
    out.mkdir(parents=True, exist_ok=True)
    size = size or demo.Size()
    catalogue = _drawn(out, size) if photos is None else _of_folder(photos)
    own = out / "own" if keep else Path(tempfile.mkdtemp(prefix="clothzoo-own-"))
    name = (
        "garments" if photos is None else photos.resolve().as_posix().replace("/", "_").strip("_")
    )
    return Finder(
        choose(preset),
        catalogue,
        {name: {"look": name} for name in (DEFAULT_LOOK, *MEANING)},
        own=own,
        catalogues=out / "catalogues" / name if keep else None,
    )


def _drawn(out: Path, size: demo.Size) -> Photos:
    folder, asked = demo.drawn(out, size)
    records = load(asked / "labels.csv", check=False).records
    # Categories take turns, ten to a round: this step brings another one each time.
    chosen = [records[n * 17 % len(records)] for n in range(_EXAMPLES)]
    examples = [
        (Path(str(record.image)), f"{record.labels['colour']} {record.labels['category']}")
        for record in chosen
    ]
    return Photos(folder, folder / "labels.csv", "drawn garments", examples)


def _of_folder(folder: Path) -> Photos:
    found = photos_below(folder)
    labels = "folders" if any(len(path.parts) > 1 for path in found) else None
    step = max(1, len(found) // _EXAMPLES)
    examples = [(folder / path, path.stem) for path in found[::step][:_EXAMPLES]]
    return Photos(folder, labels, folder.resolve().name, examples)


def application(finder: Finder, address: Address) -> fastapi.FastAPI:
    """The page behind its guard, as an ASGI application.

    Raises:
        ExtraMissing: the extra `demo` is not installed.
    """
    require("gradio", "demo")
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from clothzoo.web import page
    from clothzoo.web.guard import Guard

    app = page.mounted(FastAPI(openapi_url=None), finder)
    if address.local:
        # A page from elsewhere may call itself by a name that points to this machine.
        hosts = ["127.0.0.1", "localhost", address.host]
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    app.add_middleware(Guard, token=address.token, max_bytes=MAX_BYTES + _ENVELOPE)
    return app


def listen(address: Address) -> socket.socket:
    """Take the port.

    Raises:
        InvalidInput: it is taken, or the host is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address.host, address.port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(
            f"cannot serve on {address.host}:{address.port}: {reason.lower()}; "
            "choose another port or host"
        ) from error
    return listening


def server(finder: Finder, address: Address) -> uvicorn.Server:
    """What serves the page once it is run."""
    app = application(finder, address)
    import uvicorn

    settings = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=3, server_header=False
    )
    return uvicorn.Server(settings)


def serve(
    out: Path,
    photos: Path | None = None,
    preset: str | None = None,
    *,
    address: Address | None = None,
    browse: bool = False,
) -> None:
    """Serve the page until it is interrupted.

    Args:
        out: as for `finder`.
        photos: as for `finder`.
        preset: as for `finder`.
        address: where.
        browse: open it in the browser.

    Raises:
        ExtraMissing: the extra `demo` is not installed.
        InvalidInput: the port is taken; or as for `finder`.
        DatasetNotFound, PresetNotFound: as for `finder`.
    """
    require("gradio", "demo")
    address = address or Address()
    with listen(address) as listening:  # before the work, so that a port that is taken shows first
        found = finder(out, photos, preset)
        try:
            serving = server(found, address)
            shown = address.host if address.local else socket.gethostname()
            url = f"http://{shown}:{listening.getsockname()[1]}/"
            print(f"Open {url} (Ctrl-C ends it)", flush=True)
            if browse:
                webbrowser.open(url)
            serving.run(sockets=[listening])
        finally:
            found.close()
