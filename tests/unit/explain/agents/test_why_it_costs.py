"""Why something costs more is answered with the parts of its bill that rose."""

from __future__ import annotations

from datetime import timedelta

from bdp.model.analysis import Check
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.agents.scene import asking, filled
from tests.unit.explain.costs.bill import fill, line
from tests.unit.explain.scene import ONSET

DAY = ONSET.date()


def asked(store: ClickHouseStore, question: str) -> str:
    claims = asking(store).ask(question).claims
    assert [claim for claim in claims if claim.check is not Check.SUPPORTED] == []
    return " ".join(claim.text for claim in claims)


def test_why_one_service_costs_more_is_told_by_its_parts(store: ClickHouseStore) -> None:
    filled(store)
    quiet = [line(DAY - timedelta(days=back), 100 + back % 3) for back in range(40)]
    gpu = line(DAY, 240, resource_id="i-0abc", sku_meter="BoxUsage:p4d.24xlarge")
    fill(store, [*quiet, gpu])
    told = asked(store, "Why did AmazonEC2 cost more today?")
    assert "by day, usage type `BoxUsage:p4d.24xlarge` 240.00 USD, usually 0.00 USD" in told
    assert "리소스 `i-0abc` 240.00 USD, 평소 0.00 USD" in asked(store, "AmazonEC2 비용이 오늘 왜 늘었나요?")


def test_a_day_like_others_has_no_parts_that_rose(store: ClickHouseStore) -> None:
    filled(store)
    fill(store, [line(DAY - timedelta(days=back), 100 + back % 3) for back in range(40)])
    assert "usually" not in asked(store, "Why did AmazonEC2 cost more today?")
