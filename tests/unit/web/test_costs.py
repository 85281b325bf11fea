"""Costs over HTTP: what was sent comes back as totals, and what cannot be asked is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.model.cost_result import CostKey, CostReport, CostResult
from bdp.web.api import create_api
from bdp.web.costs import CostAnomaly
from tests.unit.cli.cost_reports import result

START = datetime(2026, 3, 1, tzinfo=UTC)


def line(day: int, cost: float, **more: Any) -> dict[str, Any]:
    at = START + timedelta(days=day)
    return {
        "ChargePeriodStart": at.isoformat(),
        "ChargePeriodEnd": (at + timedelta(days=1)).isoformat(),
        "ServiceName": "Amazon S3",
        "SubAccountId": "1",
        "SubAccountName": "prod",
        "BilledCost": cost,
    } | more


def send(app: App, client: TestClient, lines: list[dict[str, Any]]) -> None:
    receipt = client.post("/v1/costs", content=json.dumps(lines)).json()
    assert receipt["accepted"] == len(lines)
    app.pipeline.drain()


@pytest.fixture
def spiked(app: App, client: TestClient) -> TestClient:
    """A month of even costs in two accounts, ten times as much on the last day of one."""
    even = [line(day, 100.0 + day % 3) for day in range(40)]
    other = [line(day, 5.0, ServiceName="AWS Lambda", SubAccountId="2", SubAccountName="lab") for day in range(41)]
    send(app, client, [*even, line(40, 1000.0), *other])
    return client


def test_before_any_cost(client: TestClient) -> None:
    told = client.get("/v1/costs/report").json()
    assert (told["start"], told["services"], told["anomalies"], told["totals"]) == (None, [], [], [])
    assert client.get("/v1/costs/anomalies").json() == {"anomalies": [], "count": 0}
    assert client.get("/v1/costs/forecast").json()["forecasts"] == []
    assert client.get("/v1/costs/providers").json() == {"providers": []}


def test_a_report_is_the_noun_that_its_schema_says(spiked: TestClient) -> None:
    told = spiked.get("/v1/costs/report").json()
    assert CostReport.model_validate(told).model_dump(mode="json") == told


@pytest.mark.parametrize(
    "query",
    [
        "start=2026-05-02&end=2026-05-01",
        "start=yesterday",
        "start=2026-13-01",
        f"account={'x' * 5000}",
        "currency=UUUUUU",
    ],
)
@pytest.mark.parametrize("route", ["report", "anomalies"])
def test_what_cannot_be_asked(client: TestClient, route: str, query: str) -> None:
    answer = client.get(f"/v1/costs/{route}?{query}")
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["next_step"]


@pytest.mark.parametrize("query", ["days=-1", "days=366", "days=many"])
def test_no_such_forecast(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/costs/forecast?{query}").status_code == 422


def test_anomalies_are_flat_in_the_schema(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()["components"]["schemas"]["CostAnomaly"]["properties"]
    assert set(schema) == (set(CostKey.model_fields) | set(CostResult.model_fields)) - {"key"}
    assert schema["account_id"]["type"] == "string"


def test_an_anomaly_is_told_as_scripts_read_it() -> None:
    for found in (result(), result(change_percent=None, spike_start_date=None, severity=None)):
        assert CostAnomaly.model_validate(found.flat()).model_dump(mode="json") == found.flat()


@pytest.mark.parametrize("route", ["report", "forecast", "anomalies", "providers"])
def test_they_take_the_token(app: App, route: str) -> None:
    assert TestClient(create_api(app, "secret")).get(f"/v1/costs/{route}").status_code == 401


def test_charges_that_differ_in_what_is_not_kept_add_up_and_a_correction_does_not(app: App, client: TestClient) -> None:
    send(app, client, [line(0, 5.0, ChargeDescription="first tier", ListCost=5)])
    send(app, client, [line(0, 6.0, ChargeDescription="second tier", ListCost=6)])
    send(app, client, [line(0, 7.0, ChargeDescription="second tier", ListCost=7)])
    (total,) = client.get("/v1/costs/report").json()["totals"]
    assert (total["billed_cost"], total["lines"]) == (12.0, 2)


def test_what_is_no_sum_of_money_is_refused(client: TestClient) -> None:
    receipt = client.post("/v1/costs", content=json.dumps([line(0, 1e300), line(0, 5.0)])).json()
    assert (receipt["accepted"], receipt["refused"]) == (1, 1)
