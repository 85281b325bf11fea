"""What a rise is said to be made of, and which changes are said to be connected with it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bdp.explain.costs.attribution import changes, drivers
from bdp.model.cost_result import Driver
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.costs.bill import DAY, PROD, change, fill, since, usual

GPU: dict[str, Any] = {
    "resource_id": "i-0abc",
    "sku_meter": "BoxUsage:p4d.24xlarge",
    "tags": {"service": "train"},
}


def by_name(found: tuple[Driver, ...]) -> dict[str, Driver]:
    return {one.name: one for one in found}


def test_a_new_resource_makes_up_the_rise(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(100), *since(240, **GPU)])
    found = by_name(drivers(store, PROD, DAY, DAY, "billed_cost"))
    for name in ("i-0abc", "BoxUsage:p4d.24xlarge", "service=train"):
        assert (found[name].cost, found[name].usual, found[name].is_new) == (240, 0, True)
        assert found[name].share == pytest.approx(1, abs=0.02)
    assert "BoxUsage:m5.large" not in found


def test_what_fell_elsewhere_has_a_negative_share(store: ClickHouseStore) -> None:
    dev: dict[str, Any] = {"account": "222"}
    other: dict[str, Any] = {"service_name": "AmazonECS"}
    fill(
        store,
        [*usual(100), *since(180), *usual(90, **dev), *since(10, **dev), *usual(50, **other), *since(50, **other)],
    )
    found = by_name(drivers(store, PROD, DAY, DAY, "billed_cost"))
    assert found["hanok-dev"].dimension == "account"
    assert found["hanok-dev"].share == pytest.approx(-1, abs=0.05)
    assert "hanok-prod" not in found
    assert "AmazonECS" not in found, "it did not move"


def test_parts_are_held_against_their_weekday(store: ClickHouseStore) -> None:
    """A batch that runs on Tuesdays only is nothing new on a Tuesday."""
    batch: dict[str, Any] = {"sku_meter": "SpotUsage"}
    tuesdays = usual(300, wave=lambda day: float(day.weekday() == DAY.weekday()), **batch)
    fill(store, [*usual(100), *since(160), *tuesdays, *since(300, **batch)])
    found = by_name(drivers(store, PROD, DAY, DAY, "billed_cost"))
    assert "SpotUsage" not in found
    assert found["BoxUsage:m5.large"].change == pytest.approx(60, abs=3)


def test_costs_of_several_days_are_by_day(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(150, days=3)])
    (region,) = [
        one for one in drivers(store, PROD, DAY, DAY + timedelta(days=2), "billed_cost") if one.dimension == "region"
    ]
    assert [region.cost, region.usual] == pytest.approx([150, 100], abs=2)
    assert region.share == pytest.approx(1)


def test_only_lines_that_hold_count(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(900, resource_id="i-gone", stated_at=datetime(2026, 11, 4, tzinfo=UTC))])
    restated = since(150, resource_id="i-now", statement="newer", stated_at=datetime(2026, 11, 5, tzinfo=UTC))
    fill(store, restated)
    found = by_name(drivers(store, PROD, DAY, DAY, "billed_cost"))
    assert "i-gone" not in found
    assert found["i-now"].cost == 150


def test_names_are_text_and_nothing_else(store: ClickHouseStore) -> None:
    evil = "i-1'); DROP TABLE costs --\\"
    fill(store, [*usual(100), *since(100), *since(90, resource_id=evil, tags={"resource": "x", "a'b": "c=d"})])
    found = by_name(drivers(store, PROD, DAY, DAY, "billed_cost"))
    assert found[evil].dimension == "resource"
    assert found["resource=x"].dimension == "tag", "a tag may be named like a column"
    assert found["a'b=c=d"].dimension == "tag"


def test_without_costs_there_is_nothing_to_say(store: ClickHouseStore) -> None:
    assert drivers(store, PROD, DAY, DAY, "billed_cost") == ()
    fill(store, usual(100))
    assert drivers(store, PROD, DAY, DAY, "billed_cost") == ()


def test_a_column_is_one_of_money(store: ClickHouseStore) -> None:
    with pytest.raises(ValueError, match="no column of costs"):
        drivers(store, PROD, DAY, DAY, "tags")


LEVEL = "--- a/app.yaml\n+++ b/app.yaml\n@@ -1 +1 @@\n-log_level: {old}\n+log_level: {new}\n"


@pytest.mark.parametrize(
    ("summary", "diff", "billed", "tied"),
    [
        ("set log level to debug", "", "AmazonCloudWatch", True),
        ("", LEVEL.format(old="info", new="debug"), "AmazonCloudWatch", True),
        ("", LEVEL.format(old="debug", new="info"), "AmazonCloudWatch", False),
        ("set log level to debug", "", "AmazonRDS", False),
        ("", "--- a/x.yaml\n+++ b/x.yaml\n@@ -1 +1 @@\n-max_size: 4\n+max_size: 40\n", "AmazonEC2", True),
        ("", "--- a/x.yaml\n+++ b/x.yaml\n@@ -1 +1 @@\n-max_size: 40\n+max_size: 4\n", "AmazonEC2", False),
        ("move web to ec2", "", "AmazonEC2", True),
        ("new button on the front page", "", "AmazonEC2", False),
    ],
)
def test_a_change_is_connected_by_what_it_does(
    store: ClickHouseStore, summary: str, diff: str, billed: str, *, tied: bool
) -> None:
    fill(store, usual(100, service_name=billed), [change(5, summary, diff=diff)])
    key = PROD.model_copy(update={"service_name": billed})
    found = changes(store, key, DAY, DAY)
    assert [one.ref for one in found] == (["CFG-1"] if tied else [])
    assert all(one.why and one.why_ko for one in found)


def test_the_best_connected_change_comes_first(store: ClickHouseStore) -> None:
    feed = [
        change(2, "restart ec2 agents", ref="LATE"),
        change(30, "start training", service="train", ref="TAG"),
        change(200, "start p4d.24xlarge", service="train", ref="OLD"),
    ]
    fill(store, [*usual(100), *since(100), *since(240, **GPU)], feed)
    found = changes(store, PROD, DAY, DAY, drivers(store, PROD, DAY, DAY, "billed_cost"))
    assert [one.ref for one in found] == ["TAG", "LATE"]
    assert "`service=train`" in found[0].why


def test_bounds_of_dates(store: ClickHouseStore) -> None:
    assert drivers(store, PROD, date(1970, 3, 1), date(1970, 3, 1), "billed_cost") == ()
