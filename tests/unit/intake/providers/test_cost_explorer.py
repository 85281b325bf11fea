"""Cost Explorer as a provider: what it is asked, what its refusals mean, and moto's server beside our own."""

from __future__ import annotations

import json
import logging
import socket
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from pydantic import ValidationError

from bdp.clock import ManualClock
from bdp.errors import BadRequest, BadSetting, BdpError, NotAllowed, NotPossible, Retry
from bdp.intake.providers.cost_explorer import CostExplorer, CostExplorerSettings
from bdp.intake.refusal import RefusedRecord
from tests.integration.aws_loopback import allow
from tests.integration.cost_explorer_server import CostExplorerServer, anomaly

START, END = date(2026, 2, 1), date(2026, 3, 1)
NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[CostExplorerServer]:
    allow(monkeypatch)
    with CostExplorerServer() as server:
        server.charge(START, "AWS Lambda", 10.0)
        yield server


def provider(url: str, **given: Any) -> CostExplorer:
    return CostExplorer(CostExplorerSettings(**{"endpoint_url": url, "retries": 0, **given}), ManualClock(NOW))


@pytest.mark.parametrize(
    ("status", "code", "expected", "told"),
    [
        (400, "ThrottlingException", Retry, "asks for fewer requests.*Raise every_hours"),
        (400, "LimitExceededException", Retry, "asks for fewer requests"),
        (429, "Odd", Retry, "asks for fewer requests"),
        (400, "AccessDeniedException", NotAllowed, "does not allow ce:GetCostAndUsage.*Allow ce:GetCostAndUsage"),
        (400, "ExpiredTokenException", NotAllowed, "have expired.*aws sso login"),
        (400, "UnrecognizedClientException", NotAllowed, "does not know the credentials"),
        (403, "InvalidSignatureException", NotAllowed, "does not know the credentials"),
        (400, "DataUnavailableException", NotPossible, "has no data.*after a day"),
        (400, "RequestChangedException", Retry, "lost its place"),
        (400, "ValidationException", BadRequest, "refuses the question: .*no, not now"),
        (500, "InternalFailure", Retry, "failed"),
        (501, "InternalFailure", BadRequest, "does not know ce:GetCostAndUsage"),
    ],
)
def test_a_refusal_says_what_a_caller_may_do(
    aws: CostExplorerServer, status: int, code: str, expected: type[BdpError], told: str
) -> None:
    aws.refusals = [("", status, code, "no, not now")]
    with pytest.raises(expected, match=told):
        list(provider(aws.url).lines(START, END))
    assert len(aws.asked) == 1


def test_credentials_are_read_again_after_a_refusal(aws: CostExplorerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.refusals = [("", 400, "ExpiredTokenException", "The security token included in the request is expired")]
    asked = provider(aws.url)
    with pytest.raises(NotAllowed):
        list(asked.lines(START, END))
    allow(monkeypatch, "AKIARENEWED")
    assert len(list(asked.lines(START, END))) == 1


def test_a_call_that_failed_is_made_again_as_often_as_is_set(aws: CostExplorerServer) -> None:
    aws.refusals = [("", 500, "InternalFailure", "no")]
    assert len(list(provider(aws.url, retries=1).lines(START, END))) == 1
    assert len(aws.asked) == 2


def test_nobody_there_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(Retry, match="did not answer"):
            list(provider(url).lines(START, END))


@pytest.mark.parametrize(
    "raw",
    [b"<html>login</html>", b"", b"[]", b'{"ResultsByTime": "none"}', b'{"ResultsByTime": [{"Groups": [1]}]}',
     b'{"ResultsByTime": [{"TimePeriod": {"Start": "soon", "End": "later"}}]}', b"\x00\xff"],
)  # fmt: skip
def test_an_answer_that_is_none_is_an_error_of_ours(aws: CostExplorerServer, raw: bytes) -> None:
    aws.raw = raw
    with pytest.raises((Retry, BadRequest), match="Cost Explorer"):
        list(provider(aws.url).lines(START, END))


def test_pages_that_do_not_end_are_left(aws: CostExplorerServer) -> None:
    aws.raw = json.dumps({"ResultsByTime": [], "NextPageToken": "again"}).encode()
    with pytest.raises(Retry, match="does not end"):
        list(provider(aws.url).lines(START, END))
    assert len(aws.asked) == 2


def test_a_bad_group_is_refused_alone_where_somebody_is_told(aws: CostExplorerServer) -> None:
    aws.charge(START, "Amazon S3", float("inf"))
    refused: list[RefusedRecord] = []
    settings = CostExplorerSettings(endpoint_url=aws.url)
    asked = CostExplorer(settings, ManualClock(NOW), lambda error, raw: refused.append(error))
    assert [line.service_name for line in asked.lines(START, END)] == ["AWS Lambda"]
    assert len(refused) == 1
    with pytest.raises(RefusedRecord):
        list(provider(aws.url).lines(START, END))


def test_groups_are_as_set(aws: CostExplorerServer) -> None:
    [line] = provider(aws.url, group_by=("SERVICE", "REGION")).lines(START, END)
    assert (line.service_name, line.region_id, line.sub_account_id) == ("AWS Lambda", "none", "")
    for wrong in (("LINKED_ACCOUNT",), ("SERVICE", "SERVICE"), ("SERVICE", "REGION", "USAGE_TYPE"), ()):
        with pytest.raises(ValidationError):
            CostExplorerSettings(group_by=wrong)


@pytest.mark.parametrize("given", [{"endpoint_url": "nowhere"}, {"profile": "nobody"}, {"region": "no region"}])
def test_what_cannot_be_reached_as_it_is_set_is_a_bad_setting(given: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match="Correct its region, profile and endpoint_url"):
        list(CostExplorer(CostExplorerSettings(**given), ManualClock(NOW)).lines(START, END))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b'{"Total": {"Amount": "NaN", "Unit": "USD"}}', "Total: expected a finite number"),
        (b'{"Total": {"Amount": "1", "Unit": "USD"}}', "none of the days"),
        (b"{}", "Total: expected a finite number"),
    ],
)
def test_a_forecast_that_cannot_be_read_is_none_with_the_reason(aws: CostExplorerServer, raw: bytes, told: str) -> None:
    aws.raw = raw
    asked = provider(aws.url)
    assert asked.forecast(END, date(2026, 4, 1)) is None
    assert told in asked.problem


def test_a_forecast_reaches_no_further_than_aws_does(aws: CostExplorerServer) -> None:
    forecast = provider(aws.url).forecast(END, date(2027, 3, 1))
    assert forecast is not None
    assert (len(forecast.days), forecast.end) == (90, date(2026, 5, 29))


def test_anomalies_without_causes_or_end_are_told_all_the_same(aws: CostExplorerServer) -> None:
    bare = {name: anomaly(7)[name] for name in ("AnomalyId", "AnomalyStartDate", "DimensionValue", "Impact")}
    odd = anomaly(8, impact=3.0)
    odd["RootCauses"] = [{"Service": "S\x003\n" + "x" * 5000}] * 50
    aws.anomalies = [bare, odd]
    first, second = provider(aws.url).anomalies(START, END)
    assert (first.service_name, first.end, first.score, first.root_causes) == ("AWS Lambda", None, None, ())
    assert len(second.root_causes) == 10
    assert len(second.service_name) == 200
    assert second.service_name.isprintable()
    aws.anomalies = [{**anomaly(9), "Impact": {"TotalImpact": float("nan")}}]
    with pytest.raises(BadRequest, match="TotalImpact"):
        provider(aws.url).anomalies(START, END)


# ----------------------------------------------------------------------------------------- moto's server, as it is


@pytest.fixture
def moto() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_another_server_that_speaks_as_aws_is_understood(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch)
    groups = [
        {
            "Keys": ["123456789012", "AWS Lambda"],
            "Metrics": {
                "UnblendedCost": {"Amount": "0.0101516483", "Unit": "USD"},
                "AmortizedCost": {"Amount": "0.02", "Unit": "USD"},
            },
        }
    ]
    period = {"Start": "2026-02-01", "End": "2026-02-02"}
    names = [{"Value": "123456789012", "Attributes": {"description": "상점"}}]
    result = {
        "ResultsByTime": [{"TimePeriod": period, "Total": {}, "Groups": groups, "Estimated": False}],
        "DimensionValueAttributes": names,
    }
    request = urllib.request.Request(
        f"{moto}/moto-api/static/ce/cost-and-usage-results",
        json.dumps({"results": [result]}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
    asked = provider(moto)
    [line] = asked.lines(START, END)
    assert (line.sub_account_name, line.billed_cost, line.effective_cost) == ("상점", 0.0101516483, 0.02)
    with pytest.raises(Retry, match="GetCostForecast"):  # moto does not make any
        asked.forecast(END, date(2026, 4, 1))
