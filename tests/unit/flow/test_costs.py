"""Reports of what the store holds, against sums made by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from bdp.clock import ManualClock
from bdp.detect.cost.settings import Budget, CostSettings
from bdp.flow.costs import CostQuery, Costs
from bdp.flow.daily_costs import daily_costs
from bdp.model.anomaly import Severity
from bdp.model.cost import CostLine
from bdp.model.cost_result import CostReport, Standing
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.flow.bills import FIRST, even, line, lines, put

LAB: dict[str, Any] = {"sub_account_id": "2", "sub_account_name": "lab"}
WON: dict[str, Any] = {"billing_currency": "KRW"}


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def said(number: int, hours: float = 0) -> datetime:
    """When a statement about a day was made, a day later by default."""
    return line(number, 0).charge_period_end + timedelta(hours=hours)


def costs(store: ClickHouseStore, **settings: Any) -> Costs:
    return Costs(store, CostSettings(**settings), ManualClock(line(500, 0).charge_period_start))


def report(store: ClickHouseStore, query: CostQuery | None = None, **settings: Any) -> CostReport:
    return costs(store, **settings).report(query)


def by_day(store: ClickHouseStore, days: int, query: CostQuery | None = None) -> dict[tuple[str, str, str], list[Any]]:
    """Daily costs by account, service and currency; None where nothing is known."""
    found = daily_costs(store, query or CostQuery(), FIRST, day(days - 1), "billed_cost")
    return {
        (key.account_id, key.service_name, key.currency): [None if np.isnan(cost) else cost for cost in row]
        for key, row in zip(found.keys, found.costs.round(6).tolist(), strict=True)
    }


def test_daily_costs_are_the_sums_of_the_lines(store: ClickHouseStore) -> None:
    chance = np.random.default_rng(7)
    charges: list[CostLine] = []
    sums: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0] * 50)
    for number in range(3000):
        place, account = int(chance.integers(50)), str(chance.integers(1, 4))
        service, cost = f"service {chance.integers(6)}", round(float(chance.normal(5, 4)), 4)
        more = {"sub_account_id": account, "service_name": service, "resource_id": f"r{number}"}
        charges.append(line(place, cost, statement=f"bill of {place}" if account == "1" else "", **more))
        sums[account, service, "USD"][place] += cost
    put(store, charges)
    found = by_day(store, 50)
    assert found.keys() == sums.keys()
    for key, row in found.items():
        assert row == pytest.approx(sums[key], abs=1e-4), key


def test_a_newer_statement_takes_the_place_of_a_day(store: ClickHouseStore) -> None:
    first = [*lines([10.0] * 5, statement="v1"), *lines([1.0] * 5, statement="v1", service_name="AWS Lambda")]
    put(store, first)
    put(store, lines([30.0], 2, statement="v2", stated_at=said(2, hours=9)))
    found = by_day(store, 5)
    assert found["1", "Amazon S3", "USD"] == [10, 10, 30, 10, 10]
    assert found["1", "AWS Lambda", "USD"] == [1, 1, 0, 1, 1]


def test_a_newer_line_takes_the_place_of_the_one_like_it(store: ClickHouseStore) -> None:
    put(store, lines([10.0] * 4))
    put(store, lines([5.0] * 4, region_id="eu-west-1"))
    put(store, lines([12.0], 1, stated_at=said(1, hours=9)))
    assert by_day(store, 4)["1", "Amazon S3", "USD"] == [15, 17, 15, 15]


def test_lines_and_statements_of_one_account(store: ClickHouseStore) -> None:
    put(store, lines([10.0] * 6))
    put(store, lines([20.0] * 3, statement="bill", stated_at=said(5)))
    put(store, lines([3.0], 2, resource_id="late", stated_at=said(6)))
    put(store, lines([7.0] * 6, **LAB))
    found = by_day(store, 6)
    assert found["1", "Amazon S3", "USD"] == [20, 20, 23, 10, 10, 10]
    assert found["2", "Amazon S3", "USD"] == [7] * 6


def test_a_replaced_day_is_noted(store: ClickHouseStore) -> None:
    put(store, lines(even(100, 30), statement="v1"))
    put(store, lines([104.0], 20, statement="v2", stated_at=said(20, hours=9)))
    found = report(store)
    (note,) = [note for note in found.notes if note.kind == "restated"]
    assert str(day(20)) in note.text
    assert str(day(20)) in note.text_ko
    assert found.totals[0].lines == 30


def test_a_day_without_any_charge_of_an_account_is_unknown(store: ClickHouseStore) -> None:
    put(
        store, [*lines([10.0] * 3), *lines([10.0] * 3, 5), *lines([1.0] * 8, **LAB), *lines([2.0], 6, service_name="x")]
    )
    found = by_day(store, 8)
    assert found["1", "Amazon S3", "USD"] == [10, 10, 10, None, None, 10, 10, 10]
    assert found["1", "x", "USD"] == [0, 0, 0, None, None, 0, 2, 0]
    (note,) = [note for note in report(store).notes if note.kind == "gaps"]
    assert str(day(3)) in note.text


def test_two_currencies_are_judged_apart_and_noted(store: ClickHouseStore) -> None:
    won = even(100_000, 60, seed=2)
    won[50] = 900_000.0
    put(store, [*lines(even(100, 60)), *lines(won, **WON)])
    found = report(store)
    (one,) = found.anomalies
    assert (one.key.currency, one.day) == ("KRW", day(50))
    assert "KRW" in one.analysis
    assert {total.currency for total in found.totals} == {"USD", "KRW"}
    assert sum(total.billed_cost for total in found.totals if total.currency == "USD") == pytest.approx(6000, rel=0.02)
    (note,) = [note for note in found.notes if note.kind == "currency"]
    assert "Amazon S3" in note.text
    assert "Amazon S3" in note.text_ko


def test_taxes_and_credits_are_in_the_totals_and_not_judged(store: ClickHouseStore) -> None:
    usual = even(100, 60)
    put(store, lines(usual))
    put(store, [line(50, 4000.0, charge_category="Tax"), line(52, -2500.0, charge_category="Credit")])
    put(store, [line(54, 900.0, service_name="Tax")])
    found = report(store)
    assert found.anomalies == ()
    (total,) = found.totals
    assert total.by_category["Tax"] == pytest.approx(4000)
    assert total.by_category["Credit"] == pytest.approx(-2500)
    assert total.billed_cost == pytest.approx(sum(usual) + 4000 - 2500 + 900)
    assert total.lines == 63
    assert {one.key.service_name for one in found.services} == {"Amazon S3"}
    assert found.services[0].cost == pytest.approx(sum(usual))


def test_a_rise_that_a_fall_offsets_is_found_and_both_are_named(store: ClickHouseStore) -> None:
    prod, lab = even(500, 60), even(500, 60, seed=2)
    for place in range(55, 60):
        prod[place], lab[place] = 930.0, 70.0
    put(store, [*lines(prod), *lines(lab, **LAB)])
    found = report(store)
    (one,) = found.anomalies
    assert (one.key.account_id, one.spike_start_date, one.spike_duration_days) == ("1", day(55), 5)
    told = {driver.name: driver for driver in one.drivers if driver.dimension == "account"}
    moved = [driver for driver in told.values() if driver.change < 0]
    assert any("lab" in driver.name or driver.name == "2" for driver in moved), one.drivers


def test_a_report_adds_up(store: ClickHouseStore) -> None:
    put(
        store,
        [
            *lines(even(100, 40)),
            *lines(even(40, 40, seed=2), **LAB),
            *lines([9.0] * 3, 37, sub_account_id="3", billing_account_id=""),
        ],
    )
    found = report(store)
    assert (found.start, found.end, len(found.days)) == (FIRST, day(39), 40)
    assert found.service_count == len(found.services) == 3
    assert sum(one.cost for one in found.services) == pytest.approx(found.totals[0].billed_cost)
    assert [one.cost for one in found.services] == sorted((one.cost for one in found.services), reverse=True)
    assert {one.key.account_id: one.standing for one in found.services} == {
        "1": Standing.JUDGED, "2": Standing.JUDGED, "3": Standing.TOO_YOUNG,
    }  # fmt: skip
    judged, young = found.standings[Standing.JUDGED], found.standings[Standing.TOO_YOUNG]
    assert (judged, young) == (found.judged, 2 * 7 + 3)
    assert judged + young == 40 + 40 + 3
    assert sum(found.methods.values()) == pytest.approx(1)
    assert any(note.kind == "young" and "3" in note.text for note in found.notes)


def test_the_effective_cost_is_judged_where_it_is_wished(store: ClickHouseStore) -> None:
    paid_ahead = [line(place, 0.0 if place != 50 else 3000.0, effective_cost=100.0) for place in range(60)]
    put(store, paid_ahead)
    assert [one.day for one in report(store).anomalies] == [day(50)]
    assert report(store, cost="effective").anomalies == ()


@pytest.mark.parametrize(
    ("query", "accounts", "services", "currencies"),
    [
        (CostQuery(account="2"), {"2"}, {"Amazon S3"}, {"USD"}),
        (CostQuery(account="lab"), {"2"}, {"Amazon S3"}, {"USD"}),
        (CostQuery(account="0"), {"1", "2"}, {"Amazon S3", 'it\'s a \\ "service"'}, {"USD", "KRW"}),
        (CostQuery(service='it\'s a \\ "service"'), {"1"}, {'it\'s a \\ "service"'}, {"USD"}),
        (CostQuery(currency="KRW"), {"1"}, {"Amazon S3"}, {"KRW"}),
        (CostQuery(account="1", service="Amazon S3", currency="USD"), {"1"}, {"Amazon S3"}, {"USD"}),
    ],
)
def test_a_report_of_some_costs(
    store: ClickHouseStore, query: CostQuery, accounts: set[str], services: set[str], currencies: set[str]
) -> None:
    odd = lines([3.0] * 20, service_name='it\'s a \\ "service"')
    put(store, [*lines([10.0] * 20), *lines([20.0] * 20, **LAB), *lines([9000.0] * 20, **WON), *odd])
    found = report(store, query)
    assert {one.key.account_id for one in found.services} == accounts
    assert {one.key.service_name for one in found.services} == services
    assert {one.key.currency for one in found.services} == {one.currency for one in found.totals} == currencies
    assert sum(one.cost for one in found.services) == pytest.approx(sum(one.billed_cost for one in found.totals))


@pytest.mark.parametrize("query", [CostQuery(account="nobody"), CostQuery(start=day(70)), CostQuery(end=day(-1))])
def test_a_report_of_no_costs(store: ClickHouseStore, query: CostQuery) -> None:
    put(store, lines([10.0] * 60))
    found = report(store, query)
    assert (found.start, found.services, found.totals, found.anomalies) == (None, (), (), ())
    assert costs(store).forecast(CostQuery(account="nobody")).forecasts == ()


def test_a_report_of_some_days_knows_what_was_before_them(store: ClickHouseStore) -> None:
    usual = even(100, 80)
    usual[30], usual[70] = 700.0, 800.0
    put(store, lines(usual))
    found = report(store, CostQuery(start=day(60), end=day(75)))
    assert (found.start, found.end, len(found.days)) == (day(60), day(75), 16)
    assert [one.day for one in found.anomalies] == [day(70)]
    assert found.judged == 16
    assert found.totals[0].billed_cost == pytest.approx(sum(usual[60:76]))
    (whole,) = [one for one in report(store).anomalies if one.day == day(70)]
    assert found.anomalies[0].impact == pytest.approx(whole.impact, rel=0.05)


def test_more_than_a_year(store: ClickHouseStore) -> None:
    usual = even(100, 430)
    usual[100], usual[425] = 900.0, 1200.0
    put(store, lines(usual))
    done: list[tuple[int, int]] = []
    found = costs(store).report(progress=lambda place, of: done.append((place, of)))
    assert len(found.days) == 430
    assert [one.day for one in found.anomalies] == [day(425), day(100)]
    assert found.totals[0].billed_cost == pytest.approx(sum(usual))
    assert done == [(place, 430) for place in range(1, 431)]


def test_what_is_in_the_shadow_is_counted(store: ClickHouseStore) -> None:
    dear = [cost * (2 if day(place).day >= 29 else 1) for place, cost in enumerate(even(100, 130))]
    put(store, lines(dear))
    live, shadow = report(store), report(store, pattern_mode="shadow")
    assert len(shadow.anomalies) > len(live.anomalies)
    counts = {one.name: one for one in (*live.shadow, *shadow.shadow)}
    assert counts["without patterns"].shadow_only > 0
    assert counts["patterns"].live_only > 0
    assert counts["patterns"].money_live_only > 0
    assert counts["patterns"].examples
    for one in shadow.anomalies:
        assert one.confidence_score == one.raw_confidence_score
        assert [context.applied for context in one.pattern_contexts] == [False] * 4
    assert any(context.adjustment < 0 for one in shadow.anomalies for context in one.pattern_contexts)


def test_a_forecast(store: ClickHouseStore) -> None:
    put(store, [*lines(even(100, 90)), *lines(even(20, 90, seed=2), **LAB, service_name="AmazonEC2")])
    budgets = [{"name": "lab", "amount": 100.0, "account": "lab"}]
    found = costs(store, budgets=budgets).forecast(days=10)
    assert [one.service_name for one in found.forecasts] == ["", "Amazon S3", "AmazonEC2"]
    assert found.forecasts[0].total == pytest.approx(1200, rel=0.05)
    assert [one.day for one in found.forecasts[0].days] == [day(90 + place) for place in range(10)]
    assert [one.name for one in found.budgets] == ["lab"]
    assert found.budgets[0].probability == 1.0
    only = costs(store).forecast(CostQuery(account="lab"), days=5)
    assert [one.total for one in only.forecasts] == pytest.approx([100, 100], rel=0.05)


def test_a_report_forecasts_the_same(store: ClickHouseStore) -> None:
    put(store, lines(even(100, 90)))
    whole = report(store, forecast_days=14).forecasts[0]
    assert costs(store, forecast_days=14).forecast().forecasts[0].total == pytest.approx(whole.total, rel=0.02)


def test_why_nothing_fits_is_told(store: ClickHouseStore) -> None:
    def note(**asked: Any) -> tuple[str, str]:
        (found,) = report(store, CostQuery(**asked)).notes
        assert found.text_ko
        return found.kind, found.text

    assert report(store, CostQuery(account="x")).notes == ()
    put(store, [*lines([10.0] * 4), *lines([1.0] * 4, **LAB, **WON), *lines([1.0], 900, service_name="reserved")])
    put(store, lines([-3.0], 2, service_name="gift", charge_category="Credit"))
    assert note(account="prodd")[0] == "unknown"
    assert "lab" in note(account="labb")[1]
    assert note(start=day(20), end=day(30), account="lab") == (
        "other_days", f"No costs are of these days: those that fit go from {FIRST} to {day(3)}.",
    )  # fmt: skip
    assert note(service="reserved")[0] == "ahead"
    assert note(account="lab", currency="USD")[0] == note(service="gift")[0] == "together"
    assert [one.kind for one in report(store, CostQuery(account="?", service="!")).notes] == ["unknown"] * 2


def test_a_budget_that_no_costs_belong_to_is_told(store: ClickHouseStore) -> None:
    put(store, lines(even(100, 40)))
    given = [{"name": "all", "amount": 5000}, {"name": "lost", "amount": 1, "account": "nobody"}]
    found = report(store, budgets=given)
    (note,) = [note for note in found.notes if note.kind == "budget"]
    assert "lost (nobody, USD)" in note.text
    assert "all" not in [name.split(" ")[0] for name in note.text.split(": ")[1].split(", ")]
    assert [one.name for one in found.budgets] == ["all"]
    assert not [note for note in report(store, CostQuery(account="1"), budgets=given).notes if note.kind == "budget"]


def test_of_a_part_no_budgets_are_told(store: ClickHouseStore) -> None:
    put(store, [*lines(even(100, 40)), *lines(even(10, 40), service_name="AWS Lambda")])
    given = [{"name": "all", "amount": 2000}]
    assert [one.name for one in report(store, budgets=given).budgets] == ["all"]
    part = CostQuery(service="AWS Lambda")
    assert report(store, part, budgets=given).budgets == ()
    assert costs(store, budgets=given).forecast(part).budgets == ()


def test_a_service_is_judged_by_the_days_of_its_account(store: ClickHouseStore) -> None:
    put(store, [*lines(even(100, 60)), *lines([900.0] * 5, 50, service_name="Bedrock")])
    whole = [one for one in report(store).anomalies if one.service_name == "Bedrock"]
    alone = report(store, CostQuery(service="Bedrock")).anomalies
    assert [(one.day, one.impact) for one in alone] == [(one.day, one.impact) for one in whole]
    assert len(alone) == 1


def test_days_that_have_not_come_are_noted(store: ClickHouseStore) -> None:
    put(store, [*lines([10.0] * 4), *lines([500.0], 900)])
    (note,) = [note for note in report(store).notes if note.kind == "ahead"]
    assert str(day(900)) in note.text
    assert not [note for note in report(store, CostQuery(end=day(2))).notes if note.kind == "ahead"]


def test_a_service_that_ended_long_ago(store: ClickHouseStore) -> None:
    put(store, [*lines(even(100, 300)), *lines(even(50, 40), service_name="gone")])
    found = costs(store).forecast(CostQuery(service="gone"))
    assert sum(one.total for one in found.forecasts) == 0
    assert report(store, CostQuery(service="gone")).anomalies == ()


def test_a_part_is_as_grave_alone_as_it_is_within_the_whole(store: ClickHouseStore) -> None:
    rising = even(300, 60)
    rising[58] = 420.0
    put(store, [*lines(rising), *lines(even(20_000, 60, seed=2), **LAB), *lines(even(9, 60), **WON)])
    for query in (CostQuery(), CostQuery(account="1"), CostQuery(account="1", service="Amazon S3", currency="USD")):
        assert [one.severity for one in report(store, query).anomalies] == [Severity.MEDIUM], query


def test_a_day_that_is_not_over_ends_nothing_and_is_forecast(store: ClickHouseStore) -> None:
    usual = even(100, 60)
    put(store, lines([*usual[:56], 300.0, 310.0, 305.0, 290.0]))
    put(store, lines(even(40, 60, seed=2), **LAB))
    settings = CostSettings(budgets=(Budget(name="all", amount=1e5),))
    asked = Costs(store, settings, ManualClock(line(60, 0).charge_period_start + timedelta(hours=5)))
    known, ahead = asked.report(), asked.forecast()
    put(store, [line(60, 12.0), line(60, 400.0, **LAB)])
    found = asked.report()
    assert {(one.key.account_id, one.spike_start_date, one.spike_duration_days) for one in found.anomalies} == {
        ("1", day(56), 4), ("2", day(60), 1),
    }  # fmt: skip
    assert (found.forecasts, found.budgets, found.shadow) == (known.forecasts, known.budgets, known.shadow)
    assert asked.forecast().forecasts == ahead.forecasts
    assert ahead.forecasts[0].days[0].day == day(60)
    assert found.judged == known.judged + 1
    assert [note.kind for note in found.notes] == ["open_day"]
    assert found.totals[0].billed_cost == pytest.approx(known.totals[0].billed_cost + 412)
