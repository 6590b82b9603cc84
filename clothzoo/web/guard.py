"""Who may come in: those on this machine, or those who have the token; and how much they bring."""

from __future__ import annotations

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_COOKIE = "clothzoo"
_FORM_BYTES = 4096
_DOOR = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>clothzoo: token</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 20vh auto; padding: 0 1rem;
  color: #211f1b; background: #f7f5f1; }}
input, button {{ font: inherit; padding: .5rem .7rem; width: 100%; box-sizing: border-box;
  margin-top: .5rem; border: 1px solid #67625a; border-radius: 8px; }}
button {{ background: #0b6b5d; color: #fff; border-color: #0b6b5d; cursor: pointer; }}
</style></head><body><main>
<h1>clothzoo</h1>
<form method="post"><label for="token">This page is not open to everybody. Its token:</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Open</button><p role="alert">{message}</p></form>
</main></body></html>"""


class Guard:
    """ASGI middleware that asks for a token and bounds what is sent.

    Args:
        app: what it stands in front of.
        token: without it nobody gets through; None lets everybody.
        max_bytes: of one request's body.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, max_bytes: int) -> None:
        self._app = app
        self._token = token
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if self._token is not None and not self._known(scope):
            await self._ask(scope, receive, send)
            return
        if scope["type"] == "http" and _announced(scope) > self._max_bytes:
            await _too_large()(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, self._max_bytes), send)

    def _known(self, scope: Scope) -> bool:
        shown = Request({**scope, "type": "http"}).cookies.get(_COOKIE, "")
        return hmac.compare_digest(shown.encode(), self._pass().encode())

    def _pass(self) -> str:
        """What a browser keeps: proves the token without being it."""
        assert self._token is not None
        return hmac.new(self._token.encode(), b"clothzoo demo", hashlib.sha256).hexdigest()

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._token is not None
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        message = ""
        if scope["method"] == "POST":
            if _announced(scope) > _FORM_BYTES:
                await _too_large()(scope, receive, send)
                return
            form = await Request(scope, _bounded(receive, _FORM_BYTES)).form()
            if hmac.compare_digest(str(form.get("token", "")).encode(), self._token.encode()):
                response = RedirectResponse("/", 303)
                response.set_cookie(_COOKIE, self._pass(), httponly=True, samesite="strict")
                await response(scope, receive, send)
                return
            message = "That is not the token."
        page = _DOOR.format(message=message)
        await HTMLResponse(page, 401, {"cache-control": "no-store"})(scope, receive, send)


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _bounded(receive: Receive, most: int) -> Receive:
    """Stop a body that is longer than it said, or did not say: the connection ends there."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > most else message

    return counted


def _too_large() -> PlainTextResponse:
    return PlainTextResponse("That is more than this page takes.", 413)
