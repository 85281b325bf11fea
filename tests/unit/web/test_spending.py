"""Money over HTTP: budgets, costs, and what people decide."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.model.spending import NANO, Bill, Demand, Reason

_numbers = count()


def spend(app: App, dollars: float, *, days_ago: int = 0, settled: bool = True) -> Reason | None:
    call, nano = f"c{next(_numbers)}", round(dollars * NANO)
    at = app.clock.now() - timedelta(days=days_ago)
    demand = Demand(
        call_id=call, at=at, agent="insights", provider="gemini", model="m", tokens=10, nano_usd=nano
    )  # fmt: skip
    grant = app.state.spending.reserve(demand, app.settings.llm.budget.bounds())
    if grant.reason is None and settled:
        bill = Bill(call_id=call, ended_at=at, outcome="ok", seconds=1, tokens_in=8, tokens_out=2, nano_usd=nano)
        app.state.spending.settle(bill)
    return grant.reason


def test_a_fresh_home_has_spent_nothing(client: TestClient) -> None:
    told = client.get("/v1/spending").json()
    assert (told["models"], told["costs"], told["stopped_since"], told["at_limit"]) == ([], [], None, "degrade")
    assert [(one["name"], one["limit_usd"], one["spent_usd"]) for one in told["budgets"]] == [
        ("hour", None, 0),
        ("day", 10, 0),
        ("month", 200, 0),
    ]


def test_costs_and_budgets_are_told(client: TestClient, app: App) -> None:
    spend(app, 1.5)
    spend(app, 0.25, settled=False)
    spend(app, 3, days_ago=2)
    told = client.get("/v1/spending", params={"days": 3}).json()
    day = next(one for one in told["budgets"] if one["name"] == "day")
    assert (day["spent_usd"], day["reserved_usd"], day["refused"]) == (1.5, 0.25, False)
    assert [(line["usd"], line["requests"], line["tokens_in"]) for line in told["costs"]] == [(3, 1, 8), (1.5, 1, 8)]
    assert len(client.get("/v1/spending", params={"days": 2}).json()["costs"]) == 1


def test_a_person_allows_more(client: TestClient, app: App) -> None:
    assert spend(app, 11) is Reason.DAY_BUDGET
    assert client.get("/v1/spending").json()["budgets"][1]["refused"] is False  # the request is too large, that is all
    spend(app, 9)
    assert spend(app, 2) is Reason.DAY_BUDGET
    assert client.get("/v1/spending").json()["budgets"][1]["refused"] is True
    told = client.post("/v1/spending/allow", json={"name": "day", "usd": 5, "by": "Kim"}).json()
    assert (told["budgets"][1]["limit_usd"], told["budgets"][1]["refused"]) == (15, False)
    assert spend(app, 2) is None
    (entry,) = app.state.audit.list(object="spending")
    assert (entry.actor, entry.action, entry.detail["usd"]) == ("Kim", "spending.allow", 5)


def test_a_person_stops_and_resumes(client: TestClient, app: App) -> None:
    told = client.post("/v1/spending/stop", json={"by": "Kim"}).json()
    assert told["stopped_by"] == "Kim"
    assert told["stopped_since"]
    assert spend(app, 0) is Reason.STOPPED
    told = client.post("/v1/spending/resume", json={"by": "Lee"}).json()
    assert (told["stopped_since"], told["stopped_by"]) == (None, "")
    assert spend(app, 0) is None
    entries = app.state.audit.list(object="spending")
    assert [(entry.actor, entry.action) for entry in entries] == [("Lee", "spending.resume"), ("Kim", "spending.stop")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "day", "usd": 0, "by": "Kim"}, 422),
        ({"name": "day", "usd": -1, "by": "Kim"}, 422),
        ({"name": "day", "usd": "NaN", "by": "Kim"}, 422),
        ({"name": "day", "usd": 1e9, "by": "Kim"}, 422),
        ({"name": "week", "usd": 1, "by": "Kim"}, 422),
        ({"name": "day", "usd": 1, "by": ""}, 422),
        ({"name": "day", "usd": 1, "by": "Kim", "incident_id": "x"}, 400),
        ({"name": "incident", "usd": 1, "by": "Kim"}, 400),
        ({"name": "incident", "usd": 1, "by": "Kim", "incident_id": "x"}, 404),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(
    client: TestClient, app: App, body: dict[str, object], status: int
) -> None:
    answer = client.post("/v1/spending/allow", json=body)
    assert answer.status_code == status, answer.text
    assert app.state.audit.list(object="spending") == []


@pytest.mark.parametrize("path", ["allow", "stop", "resume"])
def test_nobody_decides_without_the_token(client: TestClient, path: str) -> None:
    body = {"name": "day", "usd": 1, "by": "Kim"}
    answer = client.post(f"/v1/spending/{path}", json=body, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
