"""Charges summed in memory are what the store would make of them; chDB is real."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from bdp.detect.cost.charges import Charges
from bdp.detect.cost.daily import DailyCosts
from bdp.flow.cost_totals import totals
from bdp.flow.daily_costs import CostQuery, bounds, daily_costs
from bdp.model.batch import RecordKind
from bdp.model.cost import CostLine
from bdp.model.cost_result import CostKey
from bdp.store.clickhouse import open_store

FIRST = date(2026, 9, 1)
ACCOUNTS = {"111": "prod", "222": "dev", "": ""}


def line(day: int, service: str, cost: float, **more: Any) -> CostLine:
    start = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(days=day)
    account = more.pop("account", "111")
    fields: dict[str, Any] = {
        "provider_name": "AWS", "billing_account_id": "000", "sub_account_id": account,
        "sub_account_name": ACCOUNTS[account], "effective_cost": cost * 1.1, "statement": "one",
    }  # fmt: skip
    return CostLine(
        charge_period_start=start,
        charge_period_end=start + timedelta(days=1),
        service_name=service,
        billed_cost=cost,
        **(fields | more),
    )


def bill(seed: int) -> list[CostLine]:
    """Forty days of three accounts and two currencies, with gaps, taxes, credits and refunds."""
    chance = random.Random(seed)
    lines = [line(0, "Tax", 3.0, account="222"), line(0, "Storage", 1.0)]
    for day in range(1, 40):
        for account in ACCOUNTS:
            if chance.random() < 0.2:
                continue
            for service in ("Compute", "Storage", "Tax", "Support"):
                for _ in range(chance.choice((0, 1, 1, 2))):
                    lines.append(
                        line(
                            day,
                            service,
                            round(chance.uniform(-1, 50), 4),
                            account=account,
                            billing_currency=chance.choice(("USD", "USD", "USD", "KRW")),
                            charge_category=chance.choice(("Usage", "Usage", "Usage", "Credit", "Tax", "Purchase")),
                        )
                    )
    return lines


def gathered(lines: Iterable[CostLine], **how: Any) -> Charges:
    charges = Charges(**how)
    for one in lines:
        charges.add(one)
    return charges


def by_key(daily: DailyCosts) -> dict[CostKey, list[float]]:
    return {key: costs.tolist() for key, costs in zip(daily.keys, daily.costs, strict=True)}


@pytest.mark.parametrize("cost", ["billed", "effective"])
@pytest.mark.parametrize(
    "query",
    [CostQuery(), CostQuery(account="prod"), CostQuery(account="000"), CostQuery(account="222", service="Compute")],
    ids=["all", "by name", "by payer", "service of account"],
)
def test_the_store_would_say_the_same(query: CostQuery, cost: Any) -> None:
    lines = bill(7)
    store = open_store()
    store.insert(RecordKind.COSTS, msgspec.json.Encoder().encode_lines(lines), "bill")
    found = bounds(store, query)
    assert found is not None
    theirs = daily_costs(store, query, *found, f"{cost}_cost")
    charges = gathered(lines, account=query.account, service=query.service, cost=cost)
    ours = charges.daily()
    assert ours is not None
    assert ours.calendar == theirs.calendar
    expected = by_key(theirs)
    assert by_key(ours).keys() == expected.keys()
    for key, costs in by_key(ours).items():
        np.testing.assert_allclose(costs, expected[key], rtol=0, atol=1e-9)
    assert np.isnan(ours.costs).any()
    assert (ours.costs == 0).any()
    for one, other in zip(charges.totals(*found), totals(store, query, *found), strict=True):
        assert (one.currency, one.lines) == (other.currency, other.lines)
        assert one.by_category == pytest.approx(other.by_category)
        assert (one.billed_cost, one.effective_cost) == pytest.approx((other.billed_cost, other.effective_cost))


@pytest.mark.parametrize("lines", [[], [line(0, "Tax", 5.0)], [line(0, "Compute", 5.0, charge_category="Credit")]])
def test_without_costs_to_judge_there_are_none(lines: list[CostLine]) -> None:
    assert gathered(lines).daily() is None


def test_a_name_that_comes_late_is_the_account_s() -> None:
    late = gathered([line(0, "Compute", 1.0, sub_account_name=""), line(1, "Compute", 2.0)], account="prod").daily()
    assert late is not None
    assert by_key(late) == {
        CostKey(
            provider_name="AWS", billing_account_id="000", account_id="111", account_name="prod", service_name="Compute"
        ): [1.0, 2.0]
    }
