"""Insights over HTTP: narrowed, paged, and one with what became of telling people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from tests.contract.test_inquiries import advice, asked
from tests.contract.test_insights import insight

START = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def ids(app: App) -> list[str]:
    """Seven insights, newest first, of two streams, every other one critical."""
    rows = [insight(f"leaf{n % 2}/port3", n, 80 if n % 2 else 50 + n) for n in range(7)]
    app.state.insights.add_all(rows, START)
    return [row.entity_id for row in rows[::-1]]


def page(client: TestClient, path: str = "/v1/insights", **parameters: Any) -> dict[str, Any]:
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_both_routes_tell_the_newest_first(client: TestClient, ids: list[str]) -> None:
    told = page(client)
    assert [row["entity_id"] for row in told["insights"]] == ids
    assert told["next"] == ""
    assert told == page(client, "/insights/recent")
    assert told["insights"][0] | {"explanation": "", "recommendations": []} == {
        "entity_id": "alert_leaf0/port3_1772366760",
        "timestamp": "2026-03-01T12:06:00.000001Z",
        "entity_type": "insight",
        "prediction_type": "latency_spike",
        "risk_score": 56,
        "explanation": "",
        "recommendations": [],
        "confidence": 0.87,
        "model_used": "rules",
        "source": "rules",
        "related_entity": "leaf0/port3",
        "ttl": "2026-03-31T12:06:00.000001Z",
        "beside": None,
    }


def test_the_cursor_goes_on_while_new_ones_come_in(app: App, client: TestClient, ids: list[str]) -> None:
    seen, cursor = [], ""
    while True:
        told = page(client, limit=3, cursor=cursor)
        seen += [row["entity_id"] for row in told["insights"]]
        app.state.insights.add(insight("new", 100 + len(seen)), START)
        if not (cursor := told["next"]):
            break
    assert seen == ids


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"min_risk": 80}, 3),
        ({"min_risk": 54}, 5),
        ({"related_entity": "leaf0/port3"}, 4),
        ({"related_entity": "leaf0"}, 0),
        ({"prediction_type": "rdma_timeout"}, 0),
        ({"source": "rules"}, 7),
        ({"source": "ai"}, 0),
        ({"since": "2026-03-01T21:05:00+09:00"}, 2),
        ({"min_risk": 80, "since": "2026-03-01T12:04:00Z", "limit": 1}, 1),
    ],
)
def test_they_can_be_narrowed(client: TestClient, ids: list[str], wanted: dict[str, Any], count: int) -> None:
    assert len(page(client, **wanted)["insights"]) == count


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"limit": "0"}, "query.limit"),
        ({"limit": "1001"}, "query.limit"),
        ({"min_risk": "101"}, "query.min_risk"),
        ({"prediction_type": "rain"}, "query.prediction_type"),
        ({"source": "me"}, "query.source"),
        ({"since": "2026-05-01T12:00:00"}, "timezone"),
        ({"related_entity": ""}, "query.related_entity"),
        ({"cursor": "x" * 9000}, "query.cursor"),
    ],
)
def test_wrong_parameters_are_told_by_name(client: TestClient, parameters: dict[str, str], told: str) -> None:
    for path in ("/v1/insights", "/insights/recent"):
        answer = client.get(path, params=parameters)
        assert answer.status_code == 422
        assert told in answer.json()["error"]["what"]


@pytest.mark.parametrize("cursor", ["x", "W10", "%00", "é", "null"])
def test_a_cursor_that_is_none_is_no_first_page(client: TestClient, cursor: str) -> None:
    answer = client.get("/v1/insights", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert "next" in answer.json()["error"]["next_step"]


def test_one_says_whether_people_were_told(app: App, client: TestClient, ids: list[str]) -> None:
    for entity_id, state in zip(ids[:2], ("below", "due"), strict=True):
        told = client.get(f"/v1/insights/{quote(entity_id, safe='')}").json()
        assert told == client.get(f"/v1/insights/{entity_id}").json()
        assert told["entity_id"] == entity_id
        assert told["alert"]["state"] == state
        assert (told["alert"]["message"], told["alert"]["told_at"]) == ("", None)
    with app.state.alerts.desk() as desk:
        from bdp.flow.tell.notice import alert_of
        from bdp.model.action import MessageForm

        found = app.state.insights.get(ids[1])
        message = alert_of(found, START)
        desk.tell(MessageForm.ALERT, message, [ids[1]], START, START)
    app.state.alerts.tried(message.key, START + timedelta(seconds=2), told=True, again=None)
    told = client.get(f"/v1/insights/{ids[1]}").json()["alert"]
    assert told == {
        "state": "told",
        "detected_at": "2026-03-01T12:00:00.000001Z",
        "message": f"insight:{ids[1]}",
        "told_at": "2026-03-01T12:00:02.000001Z",
    }


@pytest.mark.parametrize("path", ["nope", "%00", "%ff", "x" * 3000, "..%2f..%2fetc", "a%2Fb/c"])
def test_no_such_insight(client: TestClient, path: str) -> None:
    answer = client.get(f"/v1/insights/{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_what_was_raised_and_told_is_measured(app: App, client: TestClient, ids: list[str]) -> None:
    told = client.get("/metrics").text
    assert 'bdp_insights_total{prediction_type="latency_spike",source="rules"}' in told
    for name in ("bdp_alerts_told_total", "bdp_alerts_suppressed_total", "bdp_alert_seconds", "bdp_digests_total"):
        assert f"# TYPE {name}" in told


def test_what_the_other_source_says_stands_beside(app: App, client: TestClient) -> None:
    one = asked("leaf0/port3", 50)
    app.state.insights.add_all([one.insight] if one.insight else [], START)
    app.state.inquiries.add_all([one], START, START + timedelta(seconds=60))
    app.state.inquiries.close_all({one.inquiry_id: advice(one, 72)}, START)
    (row,) = page(client, "/insights/recent")["insights"]
    assert (row["source"], row["risk_score"], row["model_used"]) == ("ai", 72, "m-1")
    assert (row["beside"]["source"], row["beside"]["risk_score"]) == ("rules", 50)


def test_models_and_rules_are_compared_by_what_was_kept(app: App, client: TestClient) -> None:
    one = asked("leaf0/port3", 50)
    app.state.insights.add_all([one.insight] if one.insight else [], START)
    app.state.inquiries.add_all([one], START, START + timedelta(seconds=60))
    app.state.inquiries.close_all({one.inquiry_id: advice(one, 72)}, START)
    told = page(client, "/v1/comparisons/insights", **{"from": "2026-03-01T00:00:00Z"})
    assert told["sources"] == {"ai": 1, "rules": 0, "cached": 0}
    assert (told["comparison"]["first"], told["comparison"]["second"]) == ("rules", "model")
    total = told["comparison"]["total"]
    assert (total["inputs"], total["same_type"], total["risk_mean"]) == (1, 0, 22.0)
    assert told["fallback_percent"] == 0.0
    wrong = client.get(
        "/v1/comparisons/insights", params={"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}
    )
    assert wrong.status_code == 400
    assert client.get("/v1/comparisons/insights").status_code in (400, 422)
