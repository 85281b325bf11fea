"""Look-ups: each is right, bounded, read-only, and says what code can hold against its evidence."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bdp.errors import BadRequest, BdpError
from bdp.explain.agents.bench import Bench, Span
from bdp.explain.agents.settings import AgentSettings
from bdp.explain.agents.tools import LOOKUPS, look, tools_of
from bdp.explain.grounding import check
from bdp.explain.insight.examples import Language
from bdp.explain.playbook import load_playbooks
from bdp.llm.toolbox import Call, Toolbox
from bdp.model.analysis import Check, Claim
from bdp.model.evidence import Evidence
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.agents.scene import NOW, filled, shop
from tests.unit.explain.scene import ONSET, change, event, fill, points

PLAYBOOKS = load_playbooks()
TEXTS = st.text(max_size=40) | st.sampled_from(["' OR 1=1 --", "\\'; DROP TABLE events", "{x:String}", "a\x00b", "`x`"])


def bench(store: ClickHouseStore, language: Language = "en", **changed: Any) -> Bench:
    span = Span(ONSET - timedelta(hours=1), NOW)
    return Bench(store, AgentSettings(**changed), span, NOW, PLAYBOOKS, language=language)


def holds(one: Evidence) -> bool:
    claims, _ = check([Claim(text=one.text, evidence=(one.id,))], [one])
    return claims[0].check is Check.SUPPORTED


@pytest.fixture
def store_of_shop(store: ClickHouseStore) -> ClickHouseStore:
    filled(store, [*shop(), event(3, "slow down", service="cart", trace_id="t03", level=shop()[0].level)])
    return store


def test_counts_by_time_are_in_order(store_of_shop: ClickHouseStore) -> None:
    one = look(bench(store_of_shop), "abnormal_events", {"by": "minute"})
    rows = one.value["rows"]
    assert [row["minute"] for row in rows] == sorted(row["minute"] for row in rows)
    assert sum(row["abnormal_events"] for row in rows) == one.value["abnormal_events"] == 70
    assert holds(one)


def test_single_messages_are_cut_and_found_by_a_text(store: ClickHouseStore) -> None:
    fill(store, [*shop(), event(500, "needle " + "x" * 5000)])
    rows = look(bench(store), "messages", {"contains": "NEEDLE"}).value["messages"]
    assert [len(row["message"]) for row in rows] == [200]


def test_a_trace_is_in_order_with_the_first_failing_service(store_of_shop: ClickHouseStore) -> None:
    one = look(bench(store_of_shop), "trace", {"trace_id": "t03"})
    assert sorted(step["service"] for step in one.value["steps"]) == ["cart", "payment"]
    assert one.value["first_failing_service"] == "payment"
    assert holds(one)
    assert "0 events" in look(bench(store_of_shop), "trace", {"trace_id": "none"}).text


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_metric_is_told_with_its_onset(store: ClickHouseStore, language: Language) -> None:
    series = points("queue_depth", [5, 6] * 60, [6, 6, 90, 95, 99], entity="broker-1")
    fill(store, points=[*series, *points("calm", [5, 6] * 60, [5, 6], entity="broker-1")])
    at = Bench(store, AgentSettings(), Span(ONSET, ONSET + timedelta(minutes=10)), NOW, language=language)
    one = look(at, "metric_series", {"entity": "broker-1", "metric": "queue"})
    assert [row["metric"] for row in one.value["rows"]] == ["queue_depth"]
    assert one.value["rows"][0]["onset_time"] == "2026-03-04T12:02:00.000Z"
    assert "12:02:00" in one.text
    assert holds(one)
    listed = look(at, "metric_names", {})
    assert listed.value["rows"][0]["metrics"] == ["calm", "queue_depth"]
    assert "0" in look(at, "metric_series", {"entity": "nobody"}).text


def test_changes_are_told_with_the_beginning_of_their_diffs(store: ClickHouseStore) -> None:
    one = change(60)
    one.diff, one.summary = "-pool = 50\n+pool = 5\n" + "x" * 5000, "smaller pool"
    fill(store, changes=[one])
    row = look(bench(store), "changes", {"with_diff": True}).value["rows"][0]
    assert row["diff"].startswith("-pool = 50 +pool = 5")
    assert len(row["diff"]) <= 600
    assert "diff" not in look(bench(store), "changes", {}).value["rows"][0]


def test_evidence_is_numbered_on_and_the_same_look_up_adds_none(store_of_shop: ClickHouseStore) -> None:
    at = bench(store_of_shop)
    first, again, other = (look(at, name, {}) for name in ("changes", "changes", "latency"))
    assert (first.id, again.id, other.id) == ("E1", "E1", "E2")
    at.found[0] = first.model_copy(update={"id": "E41"})
    assert look(at, "costs", {}).id == "E42"


def test_too_much_is_refused(store_of_shop: ClickHouseStore) -> None:
    at = bench(store_of_shop)
    for number in range(60):
        look(at, "trace", {"trace_id": f"x{number}"})
    with pytest.raises(BadRequest):
        look(at, "trace", {"trace_id": "one too many"})
    assert len(at.found) == 60


def test_a_span_is_never_longer_than_is_set(store_of_shop: ClickHouseStore) -> None:
    at = bench(store_of_shop, span_days=2)
    one = look(at, "abnormal_events", {"start": "1970-01-01", "end": "2026-03-04T13:00:00"})
    assert one.end_time - one.start_time == timedelta(days=2)
    with pytest.raises(BadRequest):
        look(at, "abnormal_events", {"start": "2026-03-05", "end": "2026-03-04"})
    for wrong in ("yesterday", "9999-12-31T23:59:59+14:00", "0001-01-01", 7):
        with pytest.raises(ValidationError):
            look(at, "abnormal_events", {"start": wrong})


def test_a_field_is_one_of_those_that_may_be_ranked(store_of_shop: ClickHouseStore) -> None:
    for wrong in ("message", "1); DROP TABLE events", "attributes.", "attributes.a'b"):
        with pytest.raises(ValidationError):
            look(bench(store_of_shop), "top_values", {"field": wrong})
    one = look(bench(store_of_shop), "top_values", {"field": "attributes.pool"})
    assert one.value["rows"] == [{"value": "main", "events": 40, "share": round(40 / 70, 4)}]


@pytest.mark.parametrize("name", sorted(LOOKUPS))
def test_none_takes_sql_or_unknown_arguments(store_of_shop: ClickHouseStore, name: str) -> None:
    assert LOOKUPS[name].form.model_config["extra"] == "forbid"
    found = Toolbox(tools_of(bench(store_of_shop), [name])).run(Call(name, {"sql": "SELECT 1"}))
    assert found.outcome == "arguments"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=TEXTS, name=st.sampled_from(["abnormal_events", "messages", "latency", "failed_logins", "changes", "trace"])
)
def test_hostile_arguments_find_nothing_and_break_nothing(store_of_shop: ClickHouseStore, text: str, name: str) -> None:
    key = "trace_id" if name == "trace" else "service"
    found = Toolbox(tools_of(bench(store_of_shop), [name])).run(Call(name, {key: text or "x"}))
    assert found.outcome == "ok", found.text
    assert json.loads(found.text)["id"] == "E1"
    assert store_of_shop.query("SELECT count() AS n FROM events")[0]["n"] > 0


def test_rows_are_bounded_whatever_is_asked_for(store: ClickHouseStore) -> None:
    fill(store, [event(i, f"m{i}", service=f"s{i}", client_ip=f"10.0.0.{i}", duration_ms=5.0) for i in range(50)])
    at = bench(store, rows=7)
    for name, key in (
        ("abnormal_events", "rows"),
        ("messages", "messages"),
        ("top_values", "rows"),
        ("latency", "rows"),
    ):
        assert len(look(at, name, {"limit": 20}).value[key]) == 7


def test_without_incidents_that_is_said(store: ClickHouseStore) -> None:
    wanted: dict[str, dict[str, Any]] = {"incidents": {}, "incident": {"incident_id": "x"}}
    for name, arguments in wanted.items():
        with pytest.raises(BdpError, match="no record of incidents"):
            look(bench(store), name, arguments)
