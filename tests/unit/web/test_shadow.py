"""Shadow detection over HTTP: what it finds, since when, and that it is off until something is set."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.settings import load
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from bdp.web.api import create_api

NOW = datetime.now(UTC)


@pytest.fixture
def tried(tmp_path: Path) -> Iterator[tuple[App, TestClient]]:
    """A product with a shadow whose threshold is lower."""
    settings = load(tmp_path / "home", {"shadow": {"detect": {"threshold": 5}}})
    with App(settings, store=open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))) as app:
        yield app, TestClient(create_api(app, ""))


def send(app: App, client: TestClient, service: str, count: int, at: datetime = NOW) -> None:
    row = {"ts": at.isoformat(), "service": service, "level": "ERROR", "message": "no"}
    assert client.post("/v1/events", content=json.dumps([row] * count)).status_code == 200
    app.pipeline.drain()


def test_what_both_sides_found(tried: tuple[App, TestClient]) -> None:
    app, client = tried
    send(app, client, "both", 30)
    send(app, client, "small", 7)
    send(app, client, "old", 8, NOW - timedelta(days=3))
    told: Any = client.get("/v1/shadow").json()
    assert told["settings"] == {"detect": {"threshold": 5}}
    report = told["report"]
    assert (report["parts"], report["apart"], report["failures"]) == (1, 0, 0)
    assert [(one["both"], one["only_first"], one["only_second"]) for one in report["found"]["kinds"]] == [(1, 0, 1)]
    assert [(one["only"], one["finding"]["shown"]) for one in report["found"]["worst"]] == [("shadow", "small")]
    since = (NOW - timedelta(days=4)).isoformat()
    more = client.get("/v1/shadow", params={"since": since, "differences": 1}).json()["report"]["found"]
    assert (more["kinds"][0]["only_second"], len(more["worst"]), more["more"]) == (2, 1, 1)
    assert [found["subject"]["service"] for found in client.get("/v1/incidents").json()] == ["both"]
    metrics = client.get("/metrics").text
    assert 'bdp_shadow_findings_total{kind="burst",said="both"}' in metrics


def test_before_any_record(tried: tuple[App, TestClient]) -> None:
    report = tried[1].get("/v1/shadow").json()["report"]
    assert (report["parts"], report["begun"], report["found"]["kinds"]) == (0, None, [])


def test_it_is_off(client: TestClient) -> None:
    told = client.get("/v1/shadow").json()
    assert (told["settings"], told["report"]) == ({}, None)


@pytest.mark.parametrize("query", ["since=yesterday", "since=2026-05-01T00:00:00", "differences=-1"])
def test_what_cannot_be_asked(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/shadow?{query}").status_code == 422


def test_it_takes_the_token(app: App) -> None:
    assert TestClient(create_api(app, "secret")).get("/v1/shadow").status_code == 401
