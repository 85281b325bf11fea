"""A product whose people are listed and which is reached from outside, with a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from bdp.app import App
from bdp.clock import ManualClock
from bdp.settings import load
from bdp.web.api import create_api
from tests.kept import empty_store

AT = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
PEOPLE = [
    {"name": "Kim", "role": "approver", "cli": "mkim", "slack": "U1", "channels": ["mail-kim"]},
    {"name": "Lee", "role": "admin", "slack": "U2"},
    {"name": "Choi", "role": "viewer", "slack": "U3"},
]


@contextmanager
def product(home: Path, **settings: Any) -> Iterator[tuple[App, ManualClock]]:
    """Give an open product and its clock."""
    store = empty_store(query_rows=1000)
    given = {"approvers": {"people": PEOPLE}, "web": {"public_url": "http://testserver"}, **settings}
    clock = ManualClock(AT)
    with App(load(home, given), clock=clock, store=store) as app:
        yield app, clock


def visitor(app: App) -> TestClient:
    """A client without a token."""
    return TestClient(create_api(app, "the token"), raise_server_exceptions=False)


def later(clock: ManualClock, **by: float) -> None:
    clock.advance(timedelta(**by))
