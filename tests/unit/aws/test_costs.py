"""The function for costs: what it is asked with and answers, what AWS's refusals become; Cost Explorer is real HTTP."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bdp.aws.costs import CostQuestion, costs, handler
from bdp.aws.environment import cost_settings
from bdp.clock import SystemClock
from bdp.detect.cost.settings import Budget, CostSettings
from bdp.errors import BadSetting
from bdp.settings import load
from tests.integration.aws_loopback import allow
from tests.integration.cost_explorer_server import CostExplorerServer

PROD, DEV = "111111111111", "222222222222"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[CostExplorerServer]:
    """Two accounts, seventy days; yesterday Lambda of the first costs five times as much."""
    allow(monkeypatch)
    monkeypatch.delenv("BDP_DATA", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    today = datetime.now(UTC).date()
    with CostExplorerServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COST_EXPLORER", server.url)
        for back in range(1, 71):
            for account in (PROD, DEV):
                server.charge(today - timedelta(days=back), "AWS Lambda", 20.0 + back % 3, account)
                server.charge(today - timedelta(days=back), "Amazon S3", 50.0 + back % 2, account)
                server.charge(today - timedelta(days=back), "Tax", 7.0, account)
        server.charge(today - timedelta(days=1), "AWS Lambda", 105.0, PROD)
        yield server


def told(answer: dict[str, Any], status: int = 200) -> dict[str, Any]:
    assert answer["statusCode"] == status, answer["body"]
    body: dict[str, Any] = json.loads(answer["body"])
    return body


def refused(answer: dict[str, Any], status: int) -> dict[str, str]:
    error: dict[str, str] = told(answer, status)["error"]
    return error


def test_a_spike_is_told_with_its_money_and_in_both_languages(aws: CostExplorerServer) -> None:
    found = told(handler({"days": 60}))
    [spike] = found["anomalies"]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert (spike["service_name"], spike["account_id"], spike["account_name"]) == ("AWS Lambda", PROD, "prod")
    assert (spike["day"], spike["current_cost"]) == (str(yesterday), 105.0)
    assert 80 < spike["impact"] < 86
    assert "AWS Lambda" in spike["analysis"]
    assert any("가" <= letter <= "힣" for letter in spike["analysis_ko"])
    assert (found["end"], found["series"], found["standings"]["too_young"]) == (str(yesterday), 4, 28)
    [asked] = aws.questions("GetCostAndUsage")
    start, end = yesterday - timedelta(days=59), yesterday + timedelta(days=1)
    assert asked["TimePeriod"] == {"Start": str(start), "End": str(end)}


def test_the_totals_have_taxes_and_the_forecast_has_not(aws: CostExplorerServer) -> None:
    found = told(handler({"days": 70, "account": "dev"}))
    [total] = found["totals"]
    judged = sum(cost for (_, account, service), (cost, _) in aws.costs.items() if account == DEV and service != "Tax")
    assert total["billed_cost"] == pytest.approx(judged + 70 * 7.0)
    assert total["lines"] == 210
    whole = found["forecasts"][0]
    assert whole["total"] == pytest.approx(30 * judged / 70, rel=0.05)
    assert whole["low"] < whole["total"] < whole["high"]


@pytest.mark.parametrize(
    ("question", "anomalies", "series"),
    [
        ({"account": "prod"}, 1, 2),
        ({"account": PROD, "service": "AWS Lambda"}, 1, 1),
        ({"account": DEV}, 0, 2),
        ({"service": "Amazon S3"}, 0, 2),
    ],
)
def test_account_and_service_choose(
    aws: CostExplorerServer, question: dict[str, str], anomalies: int, series: int
) -> None:
    found = told(handler(question))
    assert (len(found["anomalies"]), found["series"]) == (anomalies, series)


def test_a_part_is_held_against_the_whole(aws: CostExplorerServer) -> None:
    """A budget is for the whole, and half as much again of a part is not grave where that is little of the bill."""
    today = datetime.now(UTC).date()
    for back in range(1, 71):
        aws.charge(today - timedelta(days=back), "AmazonEC2", 50_000.0 + back % 5, DEV)
        aws.charge(today - timedelta(days=back), "AmazonEC2", 1_000.0 + back % 5 if back > 1 else 1_450.0, PROD)
    settings = CostSettings(budgets=(Budget(name="all", amount=1e6),))
    whole, part = (
        costs(CostQuestion.model_validate(asked), settings, SystemClock()) for asked in ({}, {"account": PROD})
    )
    severities = [{one["service_name"]: one["severity"] for one in told["anomalies"]} for told in (whole, part)]
    assert severities[0] == severities[1]
    assert severities[0]["AmazonEC2"] == "medium"
    assert [len(told["budgets"]) for told in (whole, part)] == [1, 0]


@pytest.mark.parametrize("question", [{"account": "nobody"}, {"service": "tax"}, {"service": "Tax"}])
def test_what_costs_nothing_is_answered_as_such(aws: CostExplorerServer, question: dict[str, str]) -> None:
    found = told(handler(question))
    assert (found["start"], found["anomalies"], found["lines"]) == (None, [], 420)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"days": 7}, "days: .*greater than or equal to 8"),
        ({"days": 396}, "days: .*less than or equal to 395"),
        ({"days": "many"}, "days: .*valid integer"),
        ({"days": None}, "days"),
        ({"service": 5}, "service: .*valid string"),
        ({"account": "a" * 301}, "account: .*at most 300"),
        ({"day": 30}, "day: Extra inputs.*There are: days, account, service"),
        ({"\ud800": 1}, "valid string"),
        ({"requestContext": {}, "body": '{"\\ud800": 1}'}, "valid string"),
        (None, "the input"),
        ([], "the input"),
        ({"requestContext": {}, "body": "{"}, "body is no JSON"),
        ({"requestContext": {}, "body": "[" * 100_000}, "body is no JSON"),
        ({"requestContext": {}, "body": "\ud800"}, "body is no JSON"),
        ({"requestContext": {}, "body": "!", "isBase64Encoded": True}, "body is no JSON"),
        ({"requestContext": {}, "body": '{"days": 1}'}, "days"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_cannot_be_asked_is_refused(aws: CostExplorerServer, event: object, said: str) -> None:
    answer = handler(event)
    error = refused(answer, 400)
    assert error["code"] == "VALIDATION_ERROR"
    assert re.search(said, f"{error['what']} {error['next_step']}")
    answer["body"].encode()
    assert aws.asked == []


@pytest.mark.parametrize(
    "event",
    [
        {"requestContext": {}, "body": '{"days": 30}'},
        {"requestContext": {}, "body": base64.b64encode(b'{"days": 30}').decode(), "isBase64Encoded": True},
        {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {"days": 30}},
        {"days": 30},
    ],
    ids=["gateway", "gateway, coded", "schedule", "directly"],
)
def test_every_way_of_asking_is_understood(aws: CostExplorerServer, event: dict[str, Any]) -> None:
    assert told(handler(event))["lines"] == 30 * 6


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ThrottlingException", "UNAVAILABLE"),
        (400, "LimitExceededException", "UNAVAILABLE"),
        (500, "InternalFailure", "UNAVAILABLE"),
        (400, "AccessDeniedException", "NOT_ALLOWED"),
        (400, "DataUnavailableException", "CONFLICT"),
        (400, "ValidationException", "REFUSED"),
    ],
)
def test_what_aws_refuses_is_told_with_its_code(aws: CostExplorerServer, status: int, code: str, expected: str) -> None:
    aws.refusals = [("", status, code, "no, not now")] * 2
    error = refused(handler({}), 500)
    assert error["code"] == expected
    assert error["next_step"]


def test_throttled_once_it_asks_again(aws: CostExplorerServer) -> None:
    aws.refusals = [("", 400, "ThrottlingException", "Rate exceeded")]
    assert len(told(handler({}))["anomalies"]) == 1
    assert len(aws.asked) == 2


def test_an_answer_that_is_none_is_no_finding(aws: CostExplorerServer) -> None:
    aws.raw = b"{}"
    assert refused(handler({}), 500)["code"] == "REFUSED"


def test_a_bad_group_is_counted_and_its_neighbours_pass(aws: CostExplorerServer) -> None:
    day = datetime.now(UTC).date() - timedelta(days=9)
    aws.costs[day, DEV, "Odd"] = (float("nan"), 1.0)
    found = told(handler({}))
    assert (found["refused"], found["lines"]) == (1, 420)


def test_settings_of_the_environment_are_followed(aws: CostExplorerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDP_DETECTION_METHODS", "ratio, stddev")
    monkeypatch.setenv("BDP_COSTS__LEAST_IMPACT", "500")
    found = told(handler({}))
    assert found["methods"] == {"ratio": 0.5, "stddev": 0.5}
    assert (found["anomalies"], found["quiet"][0]["standing"]) == ([], "below_impact")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"BDP_DETECTION_METHODS": "ecod,ratio"},
        {"BDP_DETECTION_METHODS": '["stddev"]', "BDP_PATTERN_RECOGNITION": "false", "BDP_PATTERN_MODE": "shadow"},
        {"BDP_ENSEMBLE_WEIGHTS": '{"ecod": 0.5, "ratio": 0.5}', "BDP_COSTS__SENSITIVITY": "1.5"},
        {"BDP_PATTERN_MODE": "shadow", "BDP_COSTS__PATTERN_MODE": "active"},
        {"BDP_COSTS__BUDGETS": '[{"name": "all", "amount": 9000}]', "BDP_PATTERN_MODE": ""},
    ],
    ids=str,
)
def test_the_environment_is_read_as_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BDP_DATA", raising=False)
    assert cost_settings() == load(tmp_path).costs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BDP_PATTERN_MODE", "passive"),
        ("BDP_DETECTION_METHODS", "ekod"),
        ("BDP_ENSEMBLE_WEIGHTS", "ecod=1"),
        ("BDP_COSTS__TRESHOLD", "0.5"),
        ("BDP_COSTS__BUDGETS", "9000 a month"),
        ("BDP_DETECTION_METHOD", "ecod"),
        ("BDP_LLM__RATE", "1"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(
    aws: CostExplorerServer, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=name):
        cost_settings()
    assert refused(handler({}), 500)["code"] == "BAD_SETTING"
    assert aws.asked == []
