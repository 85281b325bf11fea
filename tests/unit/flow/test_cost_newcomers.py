"""Accounts that begin under a payer whose bill was there before."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from bdp.clock import ManualClock
from bdp.detect.cost.settings import CostSettings
from bdp.detect.dedup import DedupSettings, Judgement, judge
from bdp.flow.cost_watch import CostWatch
from bdp.flow.costs import CostQuery, Costs
from bdp.model.anomaly import Severity
from bdp.model.cost import CostLine
from bdp.model.cost_result import CostReport, CostResult
from bdp.model.incident import Incident
from bdp.store.clickhouse import ClickHouseStore
from bdp.store.state import open_state
from tests.unit.flow.bills import FIRST, even, line, lines, put

BEGUN = 50
NEW: dict[str, Any] = {"sub_account_id": "9", "sub_account_name": "sandbox"}
SERVICES = {"AmazonEC2": 6000.0, "Amazon S3": 2000.0, "AWS Lambda": 900.0, "Amazon SQS": 100.0}


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def old(days: int = 80, **more: Any) -> list[CostLine]:
    return lines(even(20_000, days), **more)


def newcomer(begun: int = BEGUN, days: int = 3, times: float = 1.0, **more: Any) -> list[CostLine]:
    fields = NEW | more
    charged = (lines([cost * times] * days, begun, service_name=name, **fields) for name, cost in SERVICES.items())
    return list(chain.from_iterable(charged))


def costs(store: ClickHouseStore, **settings: Any) -> Costs:
    return Costs(store, CostSettings(**settings), ManualClock(line(500, 0).charge_period_start))


def report(store: ClickHouseStore, query: CostQuery | None = None, **settings: Any) -> CostReport:
    return costs(store, **settings).report(query)


def only(found: CostReport) -> CostResult:
    (one,) = found.anomalies
    return one


@pytest.mark.parametrize("days", [1, 3, 12])
def test_a_new_account_is_told_once_and_whole_from_its_first_day(store: ClickHouseStore, days: int) -> None:
    put(store, [*old(BEGUN + days), *newcomer(days=days)])
    one = only(report(store))
    assert (one.key.account_name, one.service_name) == ("sandbox", "All services")
    assert (one.spike_start_date, one.spike_duration_days) == (day(BEGUN), days)
    assert one.current_cost == pytest.approx(9000)
    assert one.impact == pytest.approx(9000 * days)
    assert one.severity is Severity.CRITICAL
    assert "new" in one.note
    assert "새 계정" in one.note_ko
    assert (one.historical_average, one.change_percent) == (0, None)
    assert not [note for note in report(store).notes if note.kind == "young"]
    told = {driver.name: driver.cost for driver in one.drivers if driver.dimension == "service"}
    assert told == pytest.approx({"AmazonEC2": 6000, "Amazon S3": 2000, "AWS Lambda": 900})


def test_asked_for_alone_it_is_told_alike(store: ClickHouseStore) -> None:
    put(store, [*old(), *newcomer(days=30)])
    whole, alone = only(report(store)), only(report(store, CostQuery(account="9")))
    assert alone.model_copy(update={"drivers": ()}) == whole.model_copy(update={"drivers": ()})
    assert report(store, CostQuery(account="9", service="AmazonEC2")).anomalies == ()


def test_what_comes_later_is_told_of_its_services(store: ClickHouseStore) -> None:
    later = [CostLine(**{**fields(one), "billed_cost": 30_000.0}) if is_late(one) else one for one in newcomer(days=30)]
    put(store, [*old(), *later])
    found = {one.service_name: one for one in report(store).anomalies}
    assert found.keys() == {"All services", "AmazonEC2"}
    assert found["AmazonEC2"].spike_start_date == day(BEGUN + 25)
    assert found["All services"].spike_start_date == day(BEGUN)


def fields(one: CostLine) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def is_late(one: CostLine) -> bool:
    return one.service_name == "AmazonEC2" and one.charge_period_start == line(BEGUN + 25, 0).charge_period_start


@pytest.mark.parametrize(
    "more",
    [
        {"begun": BEGUN, "billing_account_id": "another"},  # nobody knows whether its bill was there before
        {"begun": BEGUN, "billing_account_id": ""},
        {"begun": 4},  # the payer's bill had hardly begun
        {"begun": BEGUN, "times": 1e-5},  # cents
    ],
    ids=["another payer", "no payer", "the bill is young", "below the least impact"],
)
def test_what_is_not_known_to_be_new_or_costs_nothing_is_not_told(store: ClickHouseStore, more: dict[str, Any]) -> None:
    put(store, [*old(), *newcomer(days=5, **more)])
    assert report(store).anomalies == ()


def test_a_change_of_currency_makes_no_new_account(store: ClickHouseStore) -> None:
    put(store, [*old(), *lines(even(5000, 60), billing_currency="KRW", sub_account_id="2")])
    put(store, [*newcomer(0, 50), *newcomer(50, 10, 1300, billing_currency="KRW")])
    assert not [one for one in report(store).anomalies if one.service_name == "All services"]


def test_an_account_that_moves_to_another_payer_is_not_new(store: ClickHouseStore) -> None:
    moved = [*newcomer(0, BEGUN, billing_account_id="first"), *newcomer(BEGUN, 10, billing_account_id="0")]
    put(store, [*old(60), *moved])
    assert report(store).anomalies == ()


def test_on_a_day_that_is_not_over_nothing_seems_to_have_moved_there(store: ClickHouseStore) -> None:
    asked = Costs(store, CostSettings(), ManualClock(line(BEGUN, 0).charge_period_start + timedelta(hours=3)))
    put(store, [*old(BEGUN), line(BEGUN, 400.0), *newcomer(days=1, times=0.1)])
    one = only(asked.report())
    assert one.service_name == "All services"
    assert one.current_cost == pytest.approx(900)
    assert not [driver for driver in one.drivers if driver.share < 0]


def test_what_is_left_of_a_day_does_not_shrink_what_was_told(store: ClickHouseStore) -> None:
    asked = Costs(store, CostSettings(), ManualClock(line(BEGUN + 3, 0).charge_period_start + timedelta(hours=3)))
    put(store, [*old(BEGUN + 3), *newcomer(days=3)])
    before = only(asked.report())
    put(store, [line(BEGUN + 3, 400.0), *newcomer(BEGUN + 3, 1, 0.02)])
    after = only(asked.report())
    assert (after.day, after.current_cost, after.severity) == (before.day, before.current_cost, before.severity)
    assert after.drivers == before.drivers


def test_it_becomes_one_incident_that_ends_when_it_costs_nothing_more(store: ClickHouseStore) -> None:
    state = open_state("sqlite://", lambda known, one: judge(known, one, DedupSettings()) is Judgement.REPEAT)
    clock = ManualClock(datetime.combine(day(BEGUN), datetime.min.time(), line(0, 0).charge_period_start.tzinfo))
    quiet: list[str] = []
    opened: list[Incident] = []
    watch = CostWatch(Costs(store, CostSettings(), clock), state.incidents, opened.append, quiet.append)
    put(store, [*old(BEGUN + 1), *newcomer(days=1)])
    for number in range(1, 4):
        clock.advance(timedelta(days=1))
        watch.poll(at_once=True)
        put(store, [*lines(even(20_000, 1), BEGUN + number), *newcomer(BEGUN + number, 1, 1.0 if number < 3 else 1e-6)])
    clock.advance(timedelta(days=1))
    watch.poll(at_once=True)
    (one,) = opened
    assert (one.subject.service, one.subject.account) == ("All services", "sandbox")
    assert quiet == [one.incident_id]
    assert state.incidents.get(one.incident_id).end_time is not None
    state.close()
