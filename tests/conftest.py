"""What more than one folder of tests needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer

# Compiling takes seconds for each network; tests of compiled networks ask for it by name.
os.environ.setdefault("CLOTHZOO_RUNTIME", "keras")


@pytest.fixture(scope="session")
def clothzoo_data() -> Path:
    """The folder with the real data sets, or the test is skipped."""
    folder = os.environ.get("CLOTHZOO_DATA")
    if not folder:
        pytest.skip("CLOTHZOO_DATA is not set: the real data sets are not here")
    for name in ("clothing-dataset", "fashion-mnist", "imagenet"):
        if not (Path(folder) / name).is_dir():
            pytest.skip(f"CLOTHZOO_DATA ({folder}) has no folder {name!r}")
    return Path(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server with pgvector, or the test is skipped."""
    pytest.importorskip("psycopg")
    from tests.postgres_server import CannotStart, PostgresServer

    try:
        server = PostgresServer()
    except CannotStart as error:
        pytest.skip(f"no PostgreSQL server can be started here: {error}")
    yield server
    server.remove()
