"""What a reader gets for an incident of costs: what it is made of, a cause where the bill carries one, what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bdp.model.analysis import ActionType, Analysis, Check, Verdict
from bdp.model.change import ChangeKind
from bdp.model.evidence import EvidenceKind
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.costs.bill import DAY, change, explain, fill, incident, line, since, usual

GPU: dict[str, Any] = {"resource_id": "i-0abc", "sku_meter": "BoxUsage:p4d.24xlarge", "tags": {"service": "train"}}
LOGS: dict[str, Any] = {"service_name": "AmazonCloudWatch", "sku_meter": "APN2-DataProcessing-Bytes"}
DEPLOY = change(20, "start training on p4d.24xlarge", service="train", ref="train@7", kind=ChangeKind.DEPLOY)


def told(store: ClickHouseStore, **about: Any) -> Analysis:
    analysis = explain(store, incident(**about))
    assert [(claim.text, claim.reason) for claim in analysis.claims if claim.check is not Check.SUPPORTED] == []
    assert not any("delete" in action.description.lower() for action in analysis.actions)
    return analysis


def said(analysis: Analysis) -> str:
    return " ".join(claim.text for claim in analysis.claims)


def test_something_new_by_a_deploy_is_confirmed_and_can_be_taken_back(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(100), *since(240, **GPU)], [DEPLOY])
    analysis = told(store)
    assert (analysis.verdict, analysis.mechanism) == (Verdict.CONFIRMED, "cost-new-resource")
    assert analysis.culprit_change == "train@7"
    assert analysis.claims[0].text == (
        "`AmazonEC2 of hanok-prod` cost 340.00 USD on 2026-11-03, usually 100.00 USD: 240.00 USD more, "
        "3.4 times as much."
    )
    assert "resource `i-0abc`: 240.00 USD, usually 0.00 USD; 100 % of the rise, with no cost before." in said(analysis)
    back = next(action for action in analysis.actions if action.type is ActionType.WEBHOOK)
    assert back.parameters == {"operation": "rollback", "service": "train", "from_ref": "train@7"}


def test_something_new_that_nobody_announced_is_likely_and_asks_who_started_it(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(100), *since(240, **GPU)])
    analysis = told(store)
    assert (analysis.verdict, analysis.mechanism, analysis.culprit_change) == (
        Verdict.LIKELY,
        "cost-new-resource",
        None,
    )
    assert [action.type for action in analysis.actions] == [ActionType.INVESTIGATE, ActionType.NOTIFY]
    query = analysis.actions[0].parameters["query"]
    rows = store.query(query)
    assert (rows[0]["resource_id"], rows[0]["cost"]) == ("i-0abc", 240)


def test_many_small_new_machines_count_together(store: ClickHouseStore) -> None:
    swarm = [one for i in range(30) for one in since(8, resource_id=f"i-{i:03}")]
    fill(store, [*usual(100, resource_id="i-old"), *since(100, resource_id="i-old"), *swarm])
    analysis = told(store)
    assert "30 new resources: 240.00 USD together; 100 % of the rise." in said(analysis)


def test_machines_that_are_new_each_day_say_nothing(store: ClickHouseStore) -> None:
    spot = [
        line(DAY - timedelta(days=back), 10, resource_id=f"i-{back}-{i}") for back in range(1, 43) for i in range(10)
    ]
    today = [line(DAY, 20, resource_id=f"i-0-{i}") for i in range(10)]
    fill(store, [*spot, *today])
    analysis = told(store)
    assert analysis.mechanism != "cost-new-resource"


def test_a_debug_level_is_to_blame_for_a_bill_of_logs(store: ClickHouseStore) -> None:
    feed = [
        change(5, "checkout: set log level to debug", service="checkout", ref="CFG-9"),
        change(30, "new button on the front page", service="web", ref="web@3", kind=ChangeKind.DEPLOY),
    ]
    fill(store, [*usual(20, **LOGS), *since(80, **LOGS)], feed)
    analysis = told(store, service="AmazonCloudWatch")
    assert (analysis.verdict, analysis.mechanism) == (Verdict.CONFIRMED, "cost-logging")
    assert analysis.culprit_change == "CFG-9"
    assert "web@3" not in said(analysis)


def test_a_change_after_the_days_or_long_before_them_is_not_blamed(store: ClickHouseStore) -> None:
    feed = [change(-30, "set log level to debug", ref="LATE"), change(100, "set log level to debug", ref="EARLY")]
    fill(store, [*usual(20, **LOGS), *since(80, **LOGS)], feed)
    analysis = told(store, service="AmazonCloudWatch")
    assert (analysis.verdict, analysis.culprit_change) == (Verdict.LIKELY, None)


def test_two_changes_that_are_as_well_connected_blame_neither(store: ClickHouseStore) -> None:
    feed = [change(5, "set log level to debug", ref="A"), change(9, "set log level to debug", ref="B")]
    fill(store, [*usual(20, **LOGS), *since(80, **LOGS)], feed)
    analysis = told(store, service="AmazonCloudWatch")
    assert (analysis.verdict, analysis.culprit_change) == (Verdict.LIKELY, None)


def test_a_purchase_is_no_spike_of_use(store: ClickHouseStore) -> None:
    fee: dict[str, Any] = {"charge_category": "Purchase", "sku_meter": "RI:m5.large", "effective_cost": 0.0}
    fill(store, [*usual(100), *since(100), *since(9000, **fee)])
    analysis = told(store)
    assert (analysis.verdict, analysis.mechanism) == (Verdict.CONFIRMED, "cost-purchase")
    assert "effective cost 100.00 USD, usually 100.00 USD" in said(analysis)


def test_an_ended_commitment_is_told_from_more_use(store: ClickHouseStore) -> None:
    fill(store, [*usual(40, effective_cost=100.0), *since(140, effective_cost=140.0)])
    analysis = told(store)
    assert (analysis.verdict, analysis.mechanism) == (Verdict.LIKELY, "cost-commitment-ended")


def test_a_credit_that_ended_is_told(store: ClickHouseStore) -> None:
    credit: dict[str, Any] = {"charge_category": "Credit", "sku_meter": "Credit"}
    fill(store, [*usual(100), *usual(-60, **credit), *since(100)])
    analysis = told(store)
    assert (analysis.verdict, analysis.mechanism) == (Verdict.LIKELY, "cost-credit-ended")


def test_a_new_region_is_told_to_security(store: ClickHouseStore) -> None:
    away: dict[str, Any] = {
        "resource_id": "i-0abc",
        "sku_meter": "AFS1-BoxUsage:p4d.24xlarge",
        "region_id": "af-south-1",
    }
    fill(store, [*usual(100), *since(100), *since(240, **away)])
    analysis = told(store)
    assert (analysis.verdict, analysis.mechanism) == (Verdict.LIKELY, "cost-new-region")
    assert "security" in analysis.actions[1].description


def test_what_moved_from_another_account_is_seen(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(180), *usual(90, account="222"), *since(10, account="222")])
    analysis = told(store)
    assert analysis.mechanism == "cost-moved"
    assert "account `hanok-dev` fell by 80.00 USD to 10.00 USD, usually 90.00 USD; 100 % of the rise." in said(analysis)
    assert "`AmazonEC2` over all accounts: 190.00 USD, usually 190.00 USD." in said(analysis)


def test_a_bill_that_tells_no_parts_has_no_known_cause(store: ClickHouseStore) -> None:
    fill(store, [*usual(100, sku_meter=""), *since(240, sku_meter="")], [change(5, "new button")])
    analysis = told(store)
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "no part of the bill and no change stands out" in analysis.root_cause
    assert "None of 1 changes since 3 days before is connected with it." in said(analysis)
    assert analysis.confidence.replan


def test_a_day_like_others_is_no_rise(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(101.9)])
    analysis = told(store)
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "what it cost is within the spread of the days before" in analysis.root_cause


def test_a_weekday_is_held_against_its_own(store: ClickHouseStore) -> None:
    """Weekdays cost 100 and weekends 10: a Tuesday of 104 is as usual, though far above the median of all days."""
    weekly = usual(100, wave=lambda day: 1.0 if day.weekday() == 1 else 0.1)
    fill(store, [*weekly, *since(160)])
    analysis = told(store)
    assert "usually 100.00 USD" in analysis.claims[0].text


def test_without_a_cost_it_says_so(store: ClickHouseStore) -> None:
    analysis = told(store)
    assert analysis.verdict is Verdict.INCONCLUSIVE
    assert "the store has no cost of it for that time" in analysis.root_cause


def test_few_days_before_tell_nothing_usual(store: ClickHouseStore) -> None:
    fill(store, [*usual(100, days=3), *since(500)])
    analysis = told(store)
    assert "fewer than 5 days before" in analysis.root_cause


def test_an_account_is_found_by_its_id_where_it_has_no_name(store: ClickHouseStore) -> None:
    fill(store, [*usual(100, account="333"), *since(300, account="333")])
    assert "`AmazonEC2 of 333` cost 300.00 USD" in told(store, account="333").claims[0].text


def test_a_day_that_is_not_whole_yet_is_said_to_be(store: ClickHouseStore) -> None:
    backs = [(back, hour) for back in range(30, -1, -1) for hour in range(24 if back else 9)]
    hours = [line(DAY - timedelta(days=back), 5 if back else 20, hour=hour) for back, hour in backs]
    fill(store, hours)
    assert "2026-11-03 is not complete yet: 9 cost lines, usually 24." in said(told(store))


def test_another_currency_and_missing_days_are_said(store: ClickHouseStore) -> None:
    kept = [one for one in usual(100) if one.charge_period_start.day not in {20, 21}]
    fill(store, [*kept, *since(300), *usual(5, billing_currency="EUR", sub_account_name="hanok-prod")])
    texts = [evidence.text for evidence in told(store).evidence]
    assert any("`EUR`, `USD`" in text for text in texts)
    assert any("2 of the days have no cost line, the first is 2026-10-20" in text for text in texts)


def test_each_piece_of_evidence_has_a_query_that_runs(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(100), *since(240, **GPU)], [DEPLOY])
    analysis = told(store)
    assert [one for one in analysis.evidence if not store.query(one.query)] == []
    assert {one.kind for one in analysis.evidence} == {EvidenceKind.COST, EvidenceKind.CHANGE}


def test_a_tried_action_is_not_proposed_again(store: ClickHouseStore) -> None:
    fill(store, [*usual(100), *since(100), *since(240, **GPU)], [DEPLOY])
    first = told(store).actions
    again = explain(store, incident(), tried=[one.key for one in first], attempt=2)
    assert not {one.key for one in first} & {one.key for one in again.actions}


@pytest.mark.parametrize("name", ["Amazon`EC2\n", "'; DROP TABLE costs; --", "한글 서비스", "x" * 3000, "100 USD"])
def test_hostile_names_stay_names(store: ClickHouseStore, name: str) -> None:
    fill(store, [*usual(100, service_name=name), *since(300, service_name=name, resource_id=name)])
    analysis = explain(store, incident(service=name))
    assert analysis.mechanism == "cost-new-resource"
    assert analysis.root_cause.isprintable()
    assert not any(claim.struck for claim in analysis.claims)
