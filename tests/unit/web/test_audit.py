"""The audit log over HTTP: entries in their places, the head, and the proof."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from bdp.app import App
from bdp.model.decision import AuditEntry


@pytest.fixture(autouse=True)
def _entries(app: App) -> None:
    for number in range(3):
        app.state.audit.add(AuditEntry(at=app.clock.now(), actor="kim", action="did", object=f"q{number}"))


def test_entries_come_in_pages(client: TestClient) -> None:
    assert [kept["number"] for kept in client.get("/v1/audit").json()] == [3, 2, 1]
    assert [kept["number"] for kept in client.get("/v1/audit", params={"before": 3, "limit": 1}).json()] == [2]
    (one,) = client.get("/v1/audit", params={"object": "q1"}).json()
    assert (one["entry"]["actor"], len(one["hash"]), len(one["previous"])) == ("kim", 64, 64)
    assert client.get("/v1/audit", params={"since": "2200-01-01T00:00:00Z"}).json() == []


def test_a_head_that_was_kept_proves_the_log(client: TestClient, app: App) -> None:
    head = client.get("/v1/audit/head").json()
    place = f"{head['number']}:{head['hash']}"
    assert head["number"] == 3
    app.state.audit.add(AuditEntry(at=app.clock.now(), actor="kim", action="did", object="q4"))
    told = client.get("/v1/audit/verify", params={"head": place}).json()
    assert (told["entries"], told["broken_at"]) == (4, None)
    told = client.get("/v1/audit/verify", params={"head": f"9:{'0' * 64}"}).json()
    assert (told["broken_at"], told["why"]) == (5, "cut off at the end: there were 9 entries")


def test_a_broken_log_is_told(client: TestClient, app: App) -> None:
    with app.state.database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET actor = 'lee' WHERE number = 2"))
    told = client.get("/v1/audit/verify").json()
    assert (told["broken_at"], told["why"]) == (2, "altered: its words do not give its hash")


@pytest.mark.parametrize("head", ["x", "3", "3:", f"3:{'g' * 64}", f"-1:{'0' * 64}", f"3:{'0' * 64}\n"])
def test_what_is_no_head(client: TestClient, head: str) -> None:
    assert client.get("/v1/audit/verify", params={"head": head}).status_code == 400


def test_without_a_token_nothing_is_shown(client: TestClient) -> None:
    for path in ("", "/head", "/verify"):
        assert client.get(f"/v1/audit{path}", headers={"Authorization": "Bearer x"}).status_code == 401
