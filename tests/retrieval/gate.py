"""A gate before a server: lets connections through until it is told to cut them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_PIECE = 4096


class Gate:
    """Forwards 127.0.0.1 to a server's port.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._left: int | None = None
        self._action: Callable[[], None] = lambda: None
        self._word: bytes | None = None
        self._silent: socket.socket | None = None  # its next answer is kept
        threading.Thread(target=self._accept, daemon=True).start()

    def after(self, sent: int, action: Callable[[], None]) -> None:
        """Once clients have sent so many more bytes, do something and cut all connections."""
        with self._lock:
            self._left, self._action = sent, action

    def keep_answer_to(self, word: bytes) -> None:
        """Let the next message with that word through, but cut before its answer arrives."""
        self._word = word

    @property
    def done(self) -> bool:
        """Whether what it was told has happened."""
        return self._left is None and self._word is None

    def cut(self) -> None:
        """Cut all connections."""
        with self._lock:
            cut, self._open = self._open, set()
        for connection in cut:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut all connections and take no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                client.close()  # the server is down
                continue
            with self._lock:
                self._open |= {client, server}
            for one, other, sent in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._carry, args=(one, other, sent), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, sent: bool) -> None:
        with suppress(OSError):
            while piece := one.recv(_PIECE):
                if sent and self._due(len(piece)):
                    self._action()
                    self.cut()
                    break
                if sent and self._word is not None and self._word in piece:
                    self._word, self._silent = None, other
                elif not sent and one is self._silent:
                    self._silent = None
                    self.cut()
                    break
                other.sendall(piece)
        for connection in (one, other):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _due(self, more: int) -> bool:
        with self._lock:
            if self._left is None:
                return False
            self._left -= more
            if self._left > 0:
                return False
            self._left = None
            return True
