"""The HTTP application over a real product: a home of its own, records in memory, nothing running by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.settings import load
from bdp.web.api import create_api
from tests.kept import empty_store

TOKEN = "the token"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An open product. The embedded engine opens one path only in a process, so here it is memory, by database name."""
    store = empty_store(query_rows=1000)
    settings = load(tmp_path / "home", {"intake": {"max_request_bytes": 100_000, "max_record_bytes": 20_000}})
    with App(settings, store=store) as opened:
        yield opened


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """A client with the right token; a defect shows as an answer, as it would to a real client."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_api(app, TOKEN), headers=headers, raise_server_exceptions=False) as opened:
        yield opened
