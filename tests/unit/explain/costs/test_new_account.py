"""Incidents of accounts that are new, explained."""

from __future__ import annotations

from typing import Any

from bdp.model.analysis import Analysis, Check, Verdict
from bdp.model.cost import CostLine
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.costs.bill import change, explain, fill, incident, since, usual

NEW: dict[str, Any] = {"account": "333", "sub_account_name": "lab", "region_id": "ap-south-1"}


def begun(days: int = 3) -> list[CostLine]:
    return [
        *since(8000, days=days, sku_meter="BoxUsage:p5.48xlarge", **NEW),
        *since(200, days=days, service_name="AmazonS3", sku_meter="Storage", **NEW),
    ]


def told(store: ClickHouseStore, days: int = 3) -> Analysis:
    found = explain(store, incident(service="All services", account="lab", days=days, cost=8200.0))
    assert [claim.text for claim in found.claims if claim.check is not Check.SUPPORTED] == []
    return found


def test_a_new_account_is_the_cause_and_not_its_new_region(store: ClickHouseStore) -> None:
    fill(store, [*usual(500), *since(500, days=3), *begun()])
    found = told(store)
    assert (found.verdict, found.mechanism) == (Verdict.LIKELY, "cost-new-account")
    said = [claim.text for claim in found.claims]
    assert said[0] == (
        "`All services of lab` cost 8,200.00 USD by day from 2026-11-03 to 2026-11-05, usually 0.00 USD: "
        "8,200.00 USD more."
    )
    assert "service `AmazonEC2`: 8,000.00 USD, usually 0.00 USD; 98 % of the rise, with no cost before." in said
    query = found.actions[0].parameters["query"]
    assert {(row["sku_meter"], row["cost"]) for row in store.query(query)} == {
        ("BoxUsage:p5.48xlarge", 8000), ("Storage", 200),
    }  # fmt: skip


def test_what_another_account_cost_less_by_speaks_against_it(store: ClickHouseStore) -> None:
    fill(store, [*usual(8500), *since(500, days=3), *begun()])
    assert told(store).mechanism == "cost-moved"


def test_on_a_day_that_is_not_over_nothing_seems_to_have_moved(store: ClickHouseStore) -> None:
    fill(store, [*usual(8500), *since(90), *begun(1)])
    about = incident(service="All services", account="lab", cost=8200.0)
    assert explain(store, about, later=0.2).mechanism == "cost-new-account"
    assert explain(store, about, later=1).mechanism == "cost-moved"


def test_a_change_that_names_it_is_told(store: ClickHouseStore) -> None:
    opened = change(20, "open account lab for training on p5.48xlarge in ap-south-1", ref="LAND-7")
    fill(store, [*usual(500), *since(500, days=3), *begun()], [opened])
    found = told(store)
    assert found.mechanism == "cost-new-account"
    assert any("LAND-7" in claim.text for claim in found.claims)
