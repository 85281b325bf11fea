"""Counts in evidence are right: each is counted again here, in plain Python."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from bdp.explain.settings import ExplainSettings
from bdp.model.analysis import Analysis
from bdp.model.event import Event, Level
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.store.clickhouse import ClickHouseStore
from tests.unit.explain.scene import event, explain, fill, incident, normal

USERS = ["ann", "bob", "cid", "dee", "eve", "flo"]


def noise(seed: int) -> list[Event]:
    """Abnormal events in five forms, with normal ones of before and beside."""
    chance = random.Random(seed)
    forms: list[Callable[[], str]] = [
        lambda: f"timeout after {chance.randint(1, 9999)} ms calling bank-{chance.randint(1, 3)}",
        lambda: f"user {chance.choice(USERS)} not charged",
        lambda: f"card {chance.getrandbits(48):x} declined by issuer {chance.choice('ABC')}",
        lambda: f"retry\t{chance.randint(1, 5)}\u00a0of 5 \n for order {chance.random():.6f}",
        lambda: "plain trouble",
    ]
    found = [
        event(
            chance.uniform(0, 290),
            chance.choice(forms)(),
            user_id=chance.choice(USERS),
            client_ip=f"10.0.0.{int(chance.paretovariate(1)) % 50}",
            attributes={"bank": chance.choice(["north", "north", "north", "south"])},
        )
        for _ in range(chance.randint(50, 400))
    ]
    usual = normal(chance.randint(30, 200), attributes={"bank": "south"})
    earlier = [event(-chance.uniform(31, 300), "timeout") for _ in range(chance.randint(0, 9))]
    return [*found, *usual, *earlier]


def values(analysis: Analysis, kind: EvidenceKind, key: str) -> list[Evidence]:
    return [evidence for evidence in analysis.evidence if evidence.kind is kind and key in evidence.value]


def matches(template: str, message: str) -> bool:
    wanted, said = template.split(), message.split()
    parts = ["[^ ]*".join(re.escape(part) for part in word.split("<*>")) for word in wanted]
    return len(wanted) == len(said) and all(re.fullmatch(a, b) for a, b in zip(parts, said, strict=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_counts_are_those_of_the_events(store: ClickHouseStore, seed: int) -> None:
    events = noise(seed)
    fill(store, events)
    analysis = explain(store, incident(minutes=300 / 60))
    abnormal = [e for e in events if e.level is Level.ERROR]
    inside = [e for e in abnormal if (e.ts - incident().start_time).total_seconds() >= -30]
    count = analysis.evidence[0].value
    assert count["abnormal_events"] == len(inside)
    assert count["abnormal_events_before"] == len(abnormal) - len(inside)
    templates = values(analysis, EvidenceKind.TEMPLATE, "template")
    assert templates
    for found in templates:
        assert not found.value["lower_bound"]
        assert found.value["events"] == sum(matches(found.value["template"], e.message) for e in inside), found.text
    top = values(analysis, EvidenceKind.ATTRIBUTE, "top")[0].value["top"]
    for row in top:
        mine = [e for e in inside if e.client_ip == row["client_ip"]]
        assert (row["events"], row["users"]) == (len(mine), len({e.user_id for e in mine}))
    spread = values(analysis, EvidenceKind.ATTRIBUTE, "users")[0].value
    assert (spread["addresses"], spread["users"]) == (
        len({e.client_ip for e in inside}),
        len({e.user_id for e in inside}),
    )
    bank = [e.value for e in values(analysis, EvidenceKind.ATTRIBUTE, "value") if e.value["field"] == "attributes.bank"]
    assert bank[0]["value"] == "north"
    assert bank[0]["events"] == sum(e.attributes["bank"] == "north" for e in inside)
    assert (bank[0]["baseline_matching"], bank[0]["baseline_events"]) == (0, sum(e.level is Level.INFO for e in events))


def test_a_crowded_baseline_is_shortened_and_still_exact(store: ClickHouseStore) -> None:
    usual = [event(-3000 + i, "done", level=Level.INFO, attributes={"bank": "ns"[i % 2]}) for i in range(2400)]
    fill(store, [*usual, *(event(i, "x", attributes={"bank": "w"}) for i in range(40))])
    found = values(explain(store, settings=ExplainSettings(baseline_events=1000)), EvidenceKind.ATTRIBUTE, "lift")
    assert found == []
    bank = values(explain(store, settings=ExplainSettings(baseline_events=1000)), EvidenceKind.ATTRIBUTE, "value")[0]
    used = (bank.value["baseline_matching"], bank.value["baseline_events"])
    span = 3600 * 1000 / 2400
    assert used == (0, sum(-30 - span <= (e.ts - incident().start_time).total_seconds() < -30 for e in usual))


def test_sampled_events_count_with_their_weight(store: ClickHouseStore) -> None:
    fill(store, [event(i, "broken pipe", weight=2.5) for i in range(10)])
    assert explain(store).evidence[0].value["abnormal_events"] == 25


def test_samples_are_cut_and_at_most_three(store: ClickHouseStore) -> None:
    fill(store, [event(i, f"word{chr(97 + i % 26)} " + "é" * 500) for i in range(52)])
    for evidence in explain(store).evidence:
        assert len(evidence.samples) <= 3
        assert all(len(sample) <= 200 for sample in evidence.samples)


def test_a_subject_without_a_route_means_events_without_one_if_there_are_any(store: ClickHouseStore) -> None:
    fill(store, [*(event(i, "x") for i in range(7)), *(event(i, "x", route="/pay") for i in range(11))])
    assert explain(store).evidence[0].value["abnormal_events"] == 7
    assert explain(store, incident(route="/pay")).evidence[0].value["abnormal_events"] == 11


def test_a_subject_without_a_route_means_any_route_otherwise(store: ClickHouseStore) -> None:
    fill(store, [event(i, "x", route="/pay") for i in range(11)])
    assert explain(store).evidence[0].value["abnormal_events"] == 11
