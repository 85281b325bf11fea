"""Sentences that few incidents bring about hold against their evidence in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bdp.explain.bilingual import Bilingual, Count, lasting, together
from bdp.explain.grounding import check
from bdp.explain.sentences import kind_of, say
from bdp.model.analysis import Check, Claim
from bdp.model.evidence import Evidence, EvidenceKind

AT = datetime(2026, 3, 4, tzinfo=UTC)
ROW = {"client_ip": "203.0.113.7", "events": 286, "share": 0.55, "share_with_address": 0.75, "users": 3}
CHANGE = {
    "ref": "a1",
    "service": "cart",
    "change_summary": "x",
    "time": "2026-03-04T00:00:00Z",
    "seconds_before": 600.0,
}
SERIES = {"metric": "depth", "entity": "leaf", "labels": "port=2, vl=0", "unit": "", "moved": False, "points": 6}
LABELLED = say("series_labelled", metric="`depth`", entity="`leaf`", labels="`port=2, vl=0`")
SENTENCES: list[tuple[Bilingual, dict[str, Any]]] = [
    (
        say(
            "alone_of_addressed", address="`203.0.113.7`", events="286", total="522", share="55 %", part="75 %",
            addressed="380",
        ),
        {"field": "client_ip", "top": [ROW], "events_with_address": 380, "abnormal_events": 522},
    ),
    (
        say("aftermath", who="`203.0.113.7`", happened=Bilingual(" got in", "에서 로그인 성공"), events=Count(2)),
        {"field": "client_ip", "successes": 2, "after": [{"client_ip": "203.0.113.7", "successes": 2}]},
    ),
    (
        say("no_aftermath", absent=Bilingual("None is seen to get in", "로그인 성공 없음"), failures=5),
        {"field": "client_ip", "successes": 0, "after": [], "least_failures": 5},
    ),
    (say("no_changes", minutes=120), {"changes": 0, "looked_back_minutes": 120}),
    (
        say("maintenance_began", ref="`a1`", service="`cart`", time=lasting(600)),
        CHANGE | {"change_kind": "maintenance"},
    ),
    (
        say("took_effect_of", kind=kind_of("config"), ref="`a1`", service="`cart`", time=lasting(600)),
        CHANGE | {"change_kind": "config"},
    ),
    (
        say("alters", setting="`pool.max`", old="`20`", new="`2`"),
        {"tested_change": "a1", "settings": [{"setting": "pool.max", "old": "20", "new": "2"}]},
    ),
    (
        say("work_fell", metric="`depth`", level="12", usual="100"),
        SERIES | {"counter": False, "level": 12, "usual": 100, "highest": 50, "lowest": 10},
    ),
    (
        say("was_between", series=LABELLED, low=say("a_second", value="10"), high=say("a_second", value="50")),
        SERIES | {"counter": True, "highest": 50, "lowest": 10, "level": 12, "rise": 650},
    ),
    (say("retried", spans=Count(12)), {"pattern": "retried", "spans": 12}),
    (
        say("same_again", events="30", total=Count(36), service="`cart`", key="offset", value="`4711`"),
        {"service": "cart", "events": 30, "abnormal_events": 36, "key": "offset", "which": "4711"},
    ),
    (say("external", who="`api.x.example`"), {"pattern": "external", "peer": "api.x.example"}),
    (
        say("reads", least=say("at_least"), events=Count(30), total="36", share="83 %", template="`a <*>`", when=""),
        {"template": "a <*>", "events": 30, "abnormal_events": 36, "share": 0.8333, "templates": 2},
    ),
    (
        say("surge", events=Count(300), length=lasting(300), before="12"),
        {"service": "x", "abnormal_events": 300, "abnormal_events_before": 12, "stretch_seconds": 300},
    ),
    (say("none_fails_with_it"), {"hit_services": [], "services": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "value"), SENTENCES, ids=[said.en[:40] for said, _ in SENTENCES])
def test_both_languages_hold(said: Bilingual, value: dict[str, Any]) -> None:
    fact = Evidence(
        id="E1", kind=EvidenceKind.COUNT, value=value, text="x", source="events", start_time=AT, end_time=AT
    )
    whole = together([said]) if said.en.endswith(".") else said + Bilingual.alike(".")
    claims, _ = check([Claim(text=text, evidence=("E1",)) for text in (whole.en, whole.ko)], [fact])
    assert [(claim.text, claim.reason) for claim in claims if claim.check is not Check.SUPPORTED] == []
