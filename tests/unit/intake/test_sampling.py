from __future__ import annotations

import json
import random
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from bdp.ids import Ids
from bdp.intake import sampling
from bdp.intake.event import EventRecord
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.records import decode
from bdp.intake.sampling import Plan, Sampler, SamplingPolicy
from bdp.model.batch import Drop, DropReason, Priority, RecordKind
from tests.unit.intake.reading import NOW, rows


def event(**fields: Any) -> EventRecord:
    return EventRecord(ts=datetime(2026, 3, 1, tzinfo=UTC), **({"service": "shop"} | fields))


def sampler(k: int, seed: int = 1, **services: int) -> Sampler:
    made = Sampler(random.Random(seed))
    made.follow(Plan(k, services))
    return made


def test_out_of_the_box_nothing_is_let_go() -> None:
    policy = SamplingPolicy()
    assert (policy.base_rate, policy.adaptive, Plan.of(policy, 0).keeps_all) == (1.0, False, True)
    events = [event() for _ in range(1000)]
    assert Sampler(random.Random(1)).keep(events) == (events, 0)


@pytest.mark.parametrize(
    "abnormal", [{"level": "WARN"}, {"level": "ERROR"}, {"level": "FATAL"}, {"error_code": "E1"}, {"status": 500}]
)
def test_what_is_abnormal_always_stays_and_weighs_one(abnormal: dict[str, Any]) -> None:
    kept, gone = sampler(10_000).keep([event(**abnormal) for _ in range(500)])
    assert (len(kept), gone, {found.weight for found in kept}) == (500, 0, {1.0})


def test_one_of_each_block_stays_and_weighs_the_block() -> None:
    with_debug = [event(level="DEBUG" if number % 3 else "INFO", status=404) for number in range(1000)]
    kept, gone = sampler(100).keep(with_debug)
    assert (len(kept), gone, sum(found.weight for found in kept)) == (10, 990, 1000)


def test_what_the_sender_weighted_is_multiplied() -> None:
    kept, _ = sampler(10).keep([event(weight=2.5) for _ in range(10)])
    assert [found.weight for found in kept] == [25.0]


def test_the_heaviest_events_stay_so_that_no_weight_passes_what_the_edge_takes() -> None:
    kept, gone = sampler(10_000).keep([event(weight=1e9) for _ in range(50)])
    assert (len(kept), gone, kept[0].weight) == (50, 0, 1e9)


def test_services_may_differ_and_be_exempt() -> None:
    policy = SamplingPolicy(base_rate=0.01, services={"cart": 0.1, "shop": 0.5}, exempt=frozenset({"login", "shop"}))
    made = Sampler(random.Random(1))
    made.follow(Plan.of(policy, 0))
    counts = {name: len(made.keep([event(service=name) for _ in range(1000)])[0]) for name in ("a", "cart", "login")}
    assert counts == {"a": 10, "cart": 100, "login": 1000}
    assert made.keep([event()])[1] == 0


def test_a_request_of_one_event_counts_on_in_the_block() -> None:
    made = sampler(50)
    kept = [found for _ in range(5000) for found in made.keep([event()])[0]]
    assert sum(found.weight for found in kept) == 5000


def test_a_rate_that_swings_goes_on_with_its_blocks() -> None:
    made, total = sampler(100), 0.0
    for number in range(400):
        made.follow(Plan(100 if number % 2 else 1000))
        total += sum(found.weight for found in made.keep([event() for _ in range(30)])[0])
    assert abs(total - 12_000) < 1100


def test_many_routes_share_blocks_and_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST_STRATA", 50)
    made = sampler(10)
    crowd = [event(service=f"s{number % 5}", route=f"/item/{number}") for number in range(20_000)]
    steady = [event(service="steady") for _ in range(1000)]
    kept, _ = made.keep(steady[:1] + crowd + steady[1:])
    assert len(made._blocks) <= 101
    for name in ("s0", "s4"):  # 4,000 events each, nearly all of routes seen once
        estimate = sum(found.weight for found in kept if found.service == name)
        assert abs(estimate - 4000) <= 10 * (50 + 1)
    assert sum(found.weight for found in kept if found.service == "steady") == 1000
    strangers = [event(service=f"new{number}") for number in range(10_000)]
    assert abs(sum(found.weight for found in made.keep(strangers)[0]) - 10_000) <= 10 * 102
    assert len(made._blocks) <= 101


def test_threads_share_the_blocks() -> None:
    made, kept = sampler(100), []

    def send() -> None:
        for _ in range(200):
            kept.extend(made.keep([event() for _ in range(17)])[0])

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert abs(sum(found.weight for found in kept) - 4 * 200 * 17) < 100


@pytest.mark.parametrize(
    ("level", "rate"), [(0, 0.01), (1, 0.001), (2, 0.001)], ids=["idle", "one step", "not below the floor"]
)
def test_load_lowers_the_rate_to_the_floor(level: int, rate: float) -> None:
    policy = SamplingPolicy(base_rate=0.01)
    assert policy.rate(level) == pytest.approx(rate)
    assert policy.lowest_level == 1


def test_a_base_rate_below_the_floor_is_not_raised_by_load() -> None:
    policy = SamplingPolicy(base_rate=0.0005)
    assert (policy.rate(3), policy.lowest_level) == (0.0005, 0)
    assert SamplingPolicy(base_rate=0.0005, services={"shop": 1.0}).lowest_level == 3


@pytest.mark.parametrize(
    "nonsense",
    [
        {"base_rate": 0},
        {"base_rate": 1.5},
        {"base_rate": float("nan")},
        {"low": 0.9},
        {"services": {"a": 2}},
        {"services": {"": 0.1}},
        {"exempt": ["x" * 201]},
        {"bsae_rate": 0.1},
    ],
)
def test_nonsense_is_refused(nonsense: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SamplingPolicy.model_validate(nonsense)


BODY = "\n".join(json.dumps({"ts": "2026-03-01T10:00:00Z", "service": "shop", "n": n}) for n in range(1000))


def test_a_body_becomes_a_batch_that_says_what_was_let_go() -> None:
    body = BODY + "\n{broken\n" + '{"level":"ERROR","service":"shop"}'
    made = sampler(100)
    batch = decode(
        RecordKind.EVENTS, body.encode(), source="http", batch_id="b", now=NOW, ids=Ids.seeded(1),
        settings=IntakeSettings(), sampler=made,
    )  # fmt: skip
    assert batch.drops == (Drop(reason=DropReason.SAMPLED, priority=Priority.NORMAL, count=990),)
    assert (batch.count, len(batch.refused), batch.accepted) == (11, 1, 1002)
    found = rows(batch)
    assert sum(row["weight"] for row in found) == 1001
    assert all(row["event_id"] for row in found)
    assert batch.refused[0].index == 1000


def test_a_parcel_is_sampled_alike() -> None:
    parcel = Parcel(RecordKind.EVENTS, Edge(NOW, IntakeSettings()), "otlp")
    for _ in range(300):
        parcel.event(event(), lambda: b"")
    batch = parcel.batch("b", Ids.seeded(1), sampler(100))
    assert (batch.count, batch.accepted, [drop.count for drop in batch.drops]) == (3, 300, [297])


def test_a_request_of_which_nothing_stays_is_a_batch_still() -> None:
    parcel = Parcel(RecordKind.EVENTS, Edge(NOW, IntakeSettings()), "otlp")
    parcel.event(event(), lambda: b"")
    batch = parcel.batch("b", Ids.seeded(1), sampler(10_000))
    assert (batch.count, batch.payload, batch.accepted) == (0, b"", 1)
