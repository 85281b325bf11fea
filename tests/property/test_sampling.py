"""Sampling loses no abnormal event, is unbiased, and counts each stratum to within one block."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from bdp.intake.event import EventRecord
from bdp.intake.sampling import Plan, Sampler
from bdp.model.event import EventSignal, Level

TS = datetime(2026, 3, 1, tzinfo=UTC)
EVENTS = st.builds(
    EventRecord,
    ts=st.just(TS),
    tenant=st.sampled_from(["", "acme"]),
    service=st.sampled_from(["shop", "cart"]),
    route=st.sampled_from(["", "/a", "/b"]),
    level=st.sampled_from(["DEBUG", "INFO", "INFO", "INFO", "WARN", "ERROR", "FATAL"]),
    error_code=st.sampled_from(["", "", "", "", "E1"]),
    status=st.sampled_from([0, 200, 404, 499, 500, 65535]),
)


def is_abnormal(event: EventRecord) -> bool:
    return EventSignal(ts=TS, level=Level(event.level), error_code=event.error_code, status=event.status).abnormal


def stratum(event: EventRecord) -> tuple[str, str, str]:
    return event.tenant, event.service, event.route


@given(st.lists(st.tuples(st.integers(1, 30), st.lists(EVENTS, max_size=80)), max_size=12), st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_any_traffic_in_any_requests_at_any_rates(requests: list[tuple[int, list[EventRecord]]], seed: int) -> None:
    sampler = Sampler(random.Random(seed))
    truth: Counter[tuple[str, str, str]] = Counter()
    estimate: Counter[tuple[str, str, str]] = Counter()
    for k, events in requests:
        sampler.follow(Plan(k))
        for event in events:
            event.weight = 1.0
        kept, gone = sampler.keep(events)
        assert len(kept) + gone == len(events)
        places = [next(at for at, event in enumerate(events) if event is found) for found in kept]
        assert places == sorted(places)
        assert [event for event in events if is_abnormal(event)] == [event for event in kept if is_abnormal(event)]
        assert all(found.weight == (1 if is_abnormal(found) else k) for found in kept)
        truth.update(stratum(event) for event in events)
        for found in kept:
            estimate[stratum(found)] += int(found.weight)
    allowed = sum({k for k, _ in requests if k > 1})
    for name in truth:
        assert abs(estimate[name] - truth[name]) < allowed or estimate[name] == truth[name]


def weights(seed: int, plan: list[int]) -> list[float]:
    """The weight that each of a run of events of one stratum ends with, under its k; 0 if it was let go."""
    sampler, found = Sampler(random.Random(seed)), []
    for k in plan:
        sampler.follow(Plan(k))
        kept, _ = sampler.keep([EventRecord(ts=TS, service="shop")])
        found.append(kept[0].weight if kept else 0.0)
    return found


def test_the_expected_weight_of_each_event_is_one_wherever_the_rate_changes() -> None:
    plan = [5] * 7 + [3] * 4 + [5] * 4 + [2] * 3 + [1] + [3] * 2
    runs = 20_000
    totals = [0.0] * len(plan)
    for seed in range(runs):
        for at, weight in enumerate(weights(seed, plan)):
            totals[at] += weight
    for at, (total, k) in enumerate(zip(totals, plan, strict=True)):
        # The standard error of the mean of a weight that is k with chance 1/k, else 0.
        assert abs(total / runs - 1) <= 4.5 * math.sqrt((k - 1) / runs), (at, k, total / runs)


def test_traffic_in_step_with_the_blocks_is_not_misread() -> None:
    k, blocks = 100, 4000
    sampler = Sampler(random.Random(7))
    events = [EventRecord(ts=TS, duration_ms=900.0 if at % k == 0 else 5.0) for at in range(k * blocks)]
    sampler.follow(Plan(k))
    kept, _ = sampler.keep(events)
    slow = sum(event.weight for event in kept if event.duration_ms == 900.0)
    # Each block shows its slow event with chance 1/k: k times a binomial count.
    assert abs(slow - blocks) <= 4.5 * k * math.sqrt(blocks / k)
    assert sum(event.weight for event in kept) == k * blocks
