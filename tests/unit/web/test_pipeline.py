"""The SQL window, the ledger and the briefing over HTTP."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from bdp.app import App

LINE = b'{"ts": "2026-05-01T12:00:00Z", "service": "shop"}'


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO events (message) VALUES ('x')",
        "DROP TABLE events",
        "SELECT 1; DROP TABLE events",
        "SELECT file('/etc/passwd')",
        "SELECT 1 INTO OUTFILE '/dev/null'",
        "USE system",
        "SELECT number FROM numbers(100000)",
        "SELECT uniqState(1)",
        "not sql",
        "\x00",
    ],
)
def test_the_window_only_reads(client: TestClient, sql: str) -> None:
    answer = client.post("/v1/query", json={"sql": sql})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert client.post("/v1/query", json={"sql": "SELECT count() AS n FROM events"}).json() == [{"n": 0}]


def test_every_value_has_a_json_form(client: TestClient) -> None:
    sql = (
        "SELECT nan AS a, [inf] AS b, unhex('ff00') AS c, toUInt256('7') AS d, map((1, 2), 3) AS e, toIPv6('::1') AS f,"
        " toDecimal64(1.5, 2) AS g, toDate32('1900-01-01') AS h, NULL AS i, '\\0\\x1b한' AS j"
    )
    told = client.post("/v1/query", json={"sql": sql})
    assert told.status_code == 200
    assert told.json()[0] | {"c": None} == {
        "a": None, "b": [None], "c": None, "d": 7, "e": {"1,2": 3}, "f": "::1", "g": "1.50", "h": "1900-01-01",
        "i": None, "j": "\x00\x1b한",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[]", b'{"sql": ""}', b'{"sql": 1}', b'{"sql": "SELECT \\ud800"}']
)
def test_what_is_no_question_is_told_so(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/query", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["what"]


def test_the_ledger_and_the_metrics_agree(app: App, client: TestClient) -> None:
    client.post("/v1/events", content=LINE + b"\nbad\n" + LINE)
    flying = client.get("/v1/ledger").json()["sources"]["http"]
    assert flying == {"accepted": 3, "stored": 0, "dead_lettered": 1, "dropped": 0, "in_flight": 2}
    app.pipeline.drain()
    rest = client.get("/v1/ledger").json()
    assert rest["sources"]["http"] == {"accepted": 3, "stored": 2, "dead_lettered": 1, "dropped": 0, "in_flight": 0}
    assert rest["total"] == rest["sources"]["http"]
    metrics = client.get("/metrics").text
    assert 'bdp_ledger_records{source="http",state="stored"} 2.0' in metrics
    assert 'bdp_ledger_records{source="http",state="in_flight"} 0.0' in metrics


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x"])
def test_dead_letters_are_bounded(client: TestClient, limit: str) -> None:
    assert client.get("/v1/dead-letters", params={"limit": limit}).status_code == 422


def test_the_briefing_is_markdown_in_two_languages(app: App, client: TestClient) -> None:
    client.post("/v1/events", content=LINE)
    app.pipeline.drain()
    english, korean = (client.get("/v1/briefing", params={"language": name}) for name in ("en", "ko"))
    assert english.text.startswith("# Daily briefing, 2026-05-01")
    assert english.headers["content-type"].startswith("text/plain")
    assert "2026-05-01" in korean.text
    assert korean.text != english.text


@pytest.mark.parametrize("day", ["today", "2026-13-01", "0001-01-01", "9999-12-31", "2026-05-01T00:00", "1' OR 1=1"])
def test_no_day_no_briefing(client: TestClient, day: str) -> None:
    answer = client.get("/v1/briefing", params={"day": day})
    assert answer.status_code == 400
    assert "YYYY-MM-DD" in answer.json()["error"]["next_step"]
