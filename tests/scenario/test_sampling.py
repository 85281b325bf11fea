"""A test stream into a store that keeps everything and into one that samples: what people ask of both is the same.

How exact a sampled store is, and from how many events on, see docs/guides/sampling.md:

- counts of a service and route: wrong by less than one block for each k that held, so within 2 % from 50 times the sum
  of those blocks on (5,000 events at 1 %);
- 95th percentile: a sample of n has a relative standard error of 2.11 s / sqrt(n) where durations are lognormal with
  shape s, so two of them are 2 % at n = 44,700 s². With unequal weights n is Kish's (sum w)² / sum w².
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bdp.ids import Ids
from bdp.intake.limits import IntakeSettings
from bdp.intake.records import decode
from bdp.intake.sampling import Plan, Sampler, SamplingPolicy
from bdp.model.batch import RecordKind
from bdp.ports import Store
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = 6
EVENTS = 640_000
REQUEST = 2_000
SHAPE = 0.2
P95_FLOOR = 44_700 * SHAPE**2
TOLERANCE = 0.02
# service, route -> share of the traffic, median duration in ms, share of errors
TRAFFIC = {
    ("gateway", "/"): (0.62, 12.0, 0.002),
    ("checkout", "/pay"): (0.15, 80.0, 0.010),
    ("checkout", "/cart"): (0.09, 30.0, 0.004),
    ("search", "/q"): (0.09, 150.0, 0.001),
    ("login", "/session"): (0.03, 45.0, 0.050),
    ("admin", "/report"): (0.0195, 900.0, 0.020),
    ("admin", "/rare"): (0.0005, 400.0, 0.0),
}
BURSTS = {("checkout", "/pay"): (0.30, 0.33), ("login", "/session"): (0.70, 0.76)}
"""Stretches of the stream in which two calls of five fail."""
Schedule = Callable[[float], float]


def stream() -> Iterator[bytes]:
    """Request bodies, in order of time."""
    chance, encode = random.Random(20261121), msgspec.json.Encoder().encode
    keys, shares = list(TRAFFIC), [share for share, _, _ in TRAFFIC.values()]
    for start in range(0, EVENTS, REQUEST):
        picked = chance.choices(keys, shares, k=REQUEST)
        yield b"\n".join(encode(event(chance, (start + at) / EVENTS, key)) for at, key in enumerate(picked))


def event(chance: random.Random, part: float, key: tuple[str, str]) -> dict[str, Any]:
    _, median, errors = TRAFFIC[key]
    since, until = BURSTS.get(key, (2, 2))
    failed = chance.random() < (0.4 if since <= part < until else errors)
    return {
        "ts": (START + timedelta(hours=HOURS * part)).isoformat(),
        "service": key[0],
        "route": key[1],
        "level": "ERROR" if failed else "INFO",
        "error_code": "E_UPSTREAM" if failed else "",
        "status": 502 if failed else 200,
        "duration_ms": round(median * chance.lognormvariate(0, SHAPE), 3),
    }


BY_ROUTE = """
    SELECT service, route, sum(weight) AS events, sumIf(weight, status >= 500) AS errors, errors / events AS error_rate,
        quantileExactWeighted(0.95)(duration_ms, toUInt64(weight)) AS p95,
        sum(weight) * sum(weight) / sum(weight * weight) AS worth, count() AS found
    FROM events GROUP BY service, route"""
BY_HOUR = """
    SELECT service, toStartOfInterval(ts, INTERVAL 30 MINUTE) AS stretch, sum(weight) / 1800 AS per_second,
        sum(weight) AS events FROM events GROUP BY service, stretch"""
PLANS: dict[str, Schedule] = {
    "1 %": lambda part: 0.01,
    "1 -> 0.01 -> 0.001 -> 1": lambda part: 1 if not 0.25 <= part < 0.75 else 0.001 if 0.5 <= part < 0.53 else 0.01,
}


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, Store]]:
    """The stream in one store whole, and in one store for each plan sampled."""
    names = ["whole", *PLANS]
    opened: dict[str, Store] = {name: open_store(StoreSettings(database=f"t{uuid.uuid4().hex}")) for name in names}
    samplers = {name: Sampler(random.Random(7)) for name in PLANS}
    waiting: dict[str, list[bytes]] = {name: [] for name in names}
    for number, body in enumerate(stream()):
        for name in names:
            sampler = samplers.get(name)
            if sampler:
                rate = PLANS[name](number * REQUEST / EVENTS)
                sampler.follow(Plan.of(SamplingPolicy(base_rate=rate), 0))
            batch = decode(
                RecordKind.EVENTS, body, source="http", batch_id=str(number), now=START + timedelta(days=1),
                ids=Ids.seeded(number), settings=IntakeSettings(), sampler=sampler,
            )  # fmt: skip
            assert batch.accepted == REQUEST
            waiting[name].append(batch.payload)
        if number % 20 == 19:
            for name in names:
                opened[name].insert(RecordKind.EVENTS, b"\n".join(filter(None, waiting[name])), f"{name} {number}")
                waiting[name].clear()
    assert not waiting["whole"]
    yield opened
    for store in opened.values():
        store.close()


def close_to(found: float, truth: float) -> bool:
    return abs(found - truth) <= TOLERANCE * truth


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("plan", "blocks"), [("1 %", 100), ("1 -> 0.01 -> 0.001 -> 1", 1100)])
def test_what_a_sampled_store_says_is_what_happened(stores: dict[str, Store], plan: str, blocks: int) -> None:
    whole = {(row["service"], row["route"]): row for row in stores["whole"].query(BY_ROUTE)}
    sampled = {(row["service"], row["route"]): row for row in stores[plan].query(BY_ROUTE)}
    assert sum(row["events"] - row["errors"] for row in whole.values()) >= 500_000
    held_counts, held_p95 = [], []
    for key, truth in whole.items():
        row = sampled[key]
        assert row["errors"] == truth["errors"]
        assert abs(row["events"] - truth["events"]) < blocks
        if truth["events"] >= 50 * blocks:
            held_counts.append(key)
            assert close_to(row["events"], truth["events"])
            assert close_to(row["error_rate"], truth["error_rate"])
        if row["worth"] >= P95_FLOOR:
            held_p95.append(key)
            assert close_to(row["p95"], truth["p95"]), (key, row["p95"], truth["p95"])
    assert len(held_counts) >= (6 if blocks == 100 else 4)
    assert ("gateway", "/") in held_p95
    kept = sum(row["found"] for row in sampled.values())
    assert kept < (0.03 if blocks == 100 else 0.55) * EVENTS


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("plan", "blocks"), [("1 %", 100), ("1 -> 0.01 -> 0.001 -> 1", 1100)])
def test_rates_over_time_are_right_in_each_stretch(stores: dict[str, Store], plan: str, blocks: int) -> None:
    routes = {service: sum(key[0] == service for key in TRAFFIC) for service, _ in TRAFFIC}
    sampled = {(row["service"], row["stretch"]): row for row in stores[plan].query(BY_HOUR)}
    held = 0
    for truth in stores["whole"].query(BY_HOUR):
        service = truth["service"]
        row = sampled[service, truth["stretch"]]
        # The open blocks at both ends of the stretch.
        allowed = 2 * blocks * routes[service]
        assert abs(row["events"] - truth["events"]) < allowed
        if truth["events"] >= 50 * allowed:
            held += 1
            assert close_to(row["per_second"], truth["per_second"])
    assert held >= 12 or blocks > 100  # half an hour of the slower plan has too few events for 2 %
