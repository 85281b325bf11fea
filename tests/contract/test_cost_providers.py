"""What everybody who tells costs must do: the same days cost the same, and nothing beyond them is told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from bdp.clock import ManualClock
from bdp.intake.providers.cost_explorer import CostExplorer, CostExplorerSettings
from bdp.intake.providers.generated import GeneratedCosts, GeneratedSettings, Planted
from bdp.model.cost import CostLine
from bdp.ports import CostProvider
from tests.integration.aws_loopback import allow
from tests.integration.cost_explorer_server import CostExplorerServer, anomaly

TODAY = date(2026, 3, 1)
DAY = timedelta(days=1)
FIRST = TODAY - 30 * DAY


def cost_explorer(server: CostExplorerServer) -> CostProvider:
    for number in range(30):
        for account, factor in (("111111111111", 1.0), ("222222222222", 0.25)):
            for service, cost in (("AWS Lambda", 7.5), ("Amazon S3", 30.0), ("AWS Credits", -1.25)):
                server.charge(FIRST + number * DAY, service, cost * factor + number / 100, account)
    server.anomalies = [anomaly(1), anomaly(2)]
    settings = CostExplorerSettings(endpoint_url=server.url)
    return CostExplorer(settings, ManualClock(datetime(2026, 3, 1, 6, tzinfo=UTC)))


def generated() -> CostProvider:
    planted = Planted(start=TODAY - 9 * DAY, end=TODAY - 7 * DAY, service="AWS Lambda")
    return GeneratedCosts(GeneratedSettings(seed=3, last_day=TODAY - DAY, days=30, planted=(planted,)))


@pytest.fixture(params=["cost_explorer", "generated"])
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[CostProvider]:
    if request.param == "generated":
        yield generated()
        return
    allow(monkeypatch)
    with CostExplorerServer() as server:
        yield cost_explorer(server)


def said(lines: Sequence[CostLine]) -> list[CostLine]:
    """Lines without when they were said."""
    return [msgspec.structs.replace(line, statement="", stated_at=None) for line in lines]


def test_days_are_told_from_the_first_up_to_the_last(provider: CostProvider) -> None:
    lines = list(provider.lines(TODAY - 5 * DAY, TODAY - 2 * DAY))
    assert {line.charge_period_start.date() for line in lines} == {TODAY - number * DAY for number in (5, 4, 3)}
    for line in lines:
        assert line.charge_period_end - line.charge_period_start == DAY
        assert line.charge_period_start == datetime.combine(line.charge_period_start.date(), datetime.min.time(), UTC)


def test_a_part_of_the_days_costs_what_it_does_in_the_whole(provider: CostProvider) -> None:
    whole = said(list(provider.lines(FIRST, TODAY)))
    part = said(list(provider.lines(TODAY - 10 * DAY, TODAY - 3 * DAY)))
    assert part == [line for line in whole if TODAY - 10 * DAY <= line.charge_period_start.date() < TODAY - 3 * DAY]
    assert len(part) < len(whole)


def test_what_is_told_twice_counts_once(provider: CostProvider) -> None:
    """Either it is a statement, with a name and a time, or no two lines differ in nothing but their costs."""
    lines = list(provider.lines(FIRST, TODAY))
    if lines[0].statement:
        assert {(line.statement, line.stated_at) for line in lines} == {(lines[0].statement, lines[0].stated_at)}
        assert lines[0].stated_at is not None
        return
    bare = [msgspec.structs.replace(line, billed_cost=0, effective_cost=0) for line in lines]
    assert len({msgspec.json.encode(line) for line in bare}) == len(lines)


def test_lines_say_whose_costs_they_are(provider: CostProvider) -> None:
    lines = list(provider.lines(FIRST, TODAY))
    assert all(line.provider_name and line.service_name and line.sub_account_id for line in lines)
    assert all(line.sub_account_name for line in lines)
    assert {line.billing_currency for line in lines} == {"USD"}
    assert all(math.isfinite(line.billed_cost) and math.isfinite(line.effective_cost) for line in lines)
    assert min(line.billed_cost for line in lines) < 0 < max(line.billed_cost for line in lines)
    assert any(line.billed_cost != line.effective_cost for line in lines)


@pytest.mark.parametrize("days", [0, -3])
def test_no_days_cost_nothing(provider: CostProvider, days: int) -> None:
    end = TODAY + days * DAY
    assert list(provider.lines(TODAY, end)) == []
    assert provider.anomalies(TODAY, end) == ()
    assert provider.forecast(TODAY, end) is None
    assert provider.problem


def test_days_without_costs_have_no_lines(provider: CostProvider) -> None:
    assert list(provider.lines(date(2019, 1, 1), date(2019, 2, 1))) == []


def test_a_forecast_has_each_day_with_its_interval(provider: CostProvider) -> None:
    forecast = provider.forecast(TODAY, TODAY + 10 * DAY)
    assert forecast is not None
    assert provider.problem == ""
    assert [day.day for day in forecast.days] == [TODAY + number * DAY for number in range(10)]
    assert (forecast.start, forecast.end) == (TODAY, TODAY + 9 * DAY)
    assert all(day.low < day.cost < day.high for day in forecast.days)
    assert forecast.total == pytest.approx(sum(day.cost for day in forecast.days), abs=0.01)
    assert (forecast.currency, bool(forecast.provider)) == ("USD", True)


def test_anomalies_have_a_service_and_their_money(provider: CostProvider) -> None:
    found = provider.anomalies(FIRST, TODAY)
    assert found
    assert len({one.anomaly_id for one in found}) == len(found)
    for one in found:
        assert (one.service_name, one.currency) == ("AWS Lambda", "USD")
        assert one.impact > 0
        assert one.end is not None
        assert FIRST <= one.start <= one.end < TODAY
        assert one.root_causes
