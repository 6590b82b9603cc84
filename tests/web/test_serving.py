from __future__ import annotations

import socket
from pathlib import Path

import pytest

from clothzoo.errors import InvalidInput
from clothzoo.web.serving import Address, listen

pytest.importorskip("starlette", reason="the extra demo is not installed")
TOKEN = "a token that is long enough"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_others_come_in_with_a_token_only(host: str) -> None:
    with pytest.raises(InvalidInput, match="CLOTHZOO_TOKEN"):
        Address(host)
    assert not Address(host, token=TOKEN).local


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert Address(host).local


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 16"):
        Address(token="1234")
    with pytest.raises(InvalidInput, match="at least 16"):
        Address("0.0.0.0", token="")


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"127.0.0.1:{port}: .*in use"):
            listen(Address(port=port))


class TestGuard:
    @pytest.fixture
    def client(self):
        from starlette.applications import Starlette
        from starlette.responses import PlainTextResponse
        from starlette.routing import Route
        from starlette.testclient import TestClient

        from clothzoo.web.guard import Guard

        async def echo(request):
            return PlainTextResponse(str(len(await request.body())))

        app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])

        def make(token: str | None) -> TestClient:
            return TestClient(Guard(app, token=token, max_bytes=1000))

        return make

    def test_asks_for_the_token_and_remembers_who_knew_it(self, client) -> None:
        visitor = client(TOKEN)
        door = visitor.get("/")
        assert door.status_code == 401
        assert 'type="password"' in door.text
        assert TOKEN not in door.text
        wrong = visitor.post("/", data={"token": "something else"})
        assert wrong.status_code == 401
        assert "That is not the token." in wrong.text
        assert visitor.post("/", data={"token": TOKEN}).text == "0"
        assert visitor.get("/").status_code == 200
        assert TOKEN not in str(visitor.cookies)
        assert client(TOKEN).get("/", headers={"cookie": b"clothzoo=\xe9"}).status_code == 401

    def test_bounds_what_is_sent(self, client) -> None:
        visitor = client(None)
        assert visitor.post("/", content=b"x" * 1000).text == "1000"
        assert visitor.post("/", content=b"x" * 1001).status_code == 413
        stranger = client(TOKEN)
        assert stranger.post("/", content=b"x" * 5000).status_code == 413

    def test_bounds_what_does_not_say_its_length(self, client) -> None:
        from starlette.requests import ClientDisconnect

        with pytest.raises(ClientDisconnect):
            client(None).post("/", content=(b"x" * 600 for _ in range(3)))


def test_without_gradio_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    from clothzoo.errors import ExtraMissing
    from clothzoo.web import serving

    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ExtraMissing, match=r"clothzoo\[demo\]"):
        serving.serve(tmp_path)
