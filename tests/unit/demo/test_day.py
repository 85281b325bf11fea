"""The demo's day is the same for the same seed, in order, big enough to be interesting and small enough to be quick."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from bdp.demo import PLANTED, Planted, company_day
from bdp.demo.day import CHUNK, SLICE_MINUTES
from bdp.model.batch import RecordKind
from bdp.model.change import Change
from bdp.model.cost import CostLine
from bdp.model.event import Event
from bdp.model.metric import MetricPoint

DAY = date(2026, 11, 20)
THRESHOLD = 10
WINDOW = timedelta(minutes=5)
Chunks = list[tuple[RecordKind, list[dict[str, object]]]]
TIME = {RecordKind.COSTS: "charge_period_start"}
TYPES = {
    RecordKind.EVENTS: Event,
    RecordKind.METRICS: MetricPoint,
    RecordKind.COSTS: CostLine,
    RecordKind.CHANGES: Change,
}
STRICT_FIELDS = {kind: set(noun.__struct_fields__) for kind, noun in TYPES.items()}


@pytest.fixture(scope="module")
def chunks() -> Chunks:
    return list(company_day(7, DAY))


@pytest.fixture(scope="module")
def events(chunks: Chunks) -> list[Event]:
    return [msgspec.convert(row, Event) for kind, rows in chunks if kind is RecordKind.EVENTS for row in rows]


def fingerprint(chunks: Chunks) -> str:
    return hashlib.sha256(msgspec.json.encode(chunks)).hexdigest()


def most_in_window(times: list[datetime]) -> int:
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most


def by_key(events: list[Event]) -> dict[tuple[str, str, str], list[datetime]]:
    keys: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for event in events:
        if event.level in {"WARN", "ERROR", "FATAL"} or event.error_code or event.status >= 500:
            keys[event.service, event.route, event.error_code].append(event.ts)
    return keys


def test_same_seed_same_bytes_and_another_seed_or_day_differs(chunks: Chunks) -> None:
    assert fingerprint(list(company_day(7, DAY))) == fingerprint(chunks)
    assert fingerprint(list(company_day(8, DAY))) != fingerprint(chunks)
    assert fingerprint(list(company_day(7, DAY + timedelta(days=1)))) != fingerprint(chunks)


def test_sizes(chunks: Chunks) -> None:
    counts: Counter[RecordKind] = Counter()
    for kind, rows in chunks:
        assert 1 <= len(rows) <= CHUNK
        counts[kind] += len(rows)

    assert 60_000 <= counts[RecordKind.EVENTS] <= 90_000
    assert counts[RecordKind.METRICS] == 6 * 5 * 1440
    assert counts[RecordKind.COSTS] >= 30 * 8
    assert counts[RecordKind.CHANGES] >= 15


def test_every_record_is_canonical(chunks: Chunks) -> None:
    for kind, rows in chunks:
        for row in rows:
            assert row.keys() <= STRICT_FIELDS[kind]
            msgspec.convert(row, TYPES[kind])


def test_event_ids_are_distinct_and_sort_by_time(events: list[Event]) -> None:
    assert len({event.event_id for event in events}) == len(events)
    assert [event.event_id[:10] for event in events] == sorted(event.event_id[:10] for event in events)


def test_time_order(chunks: Chunks) -> None:
    latest: dict[RecordKind, str] = defaultdict(str)
    slices = []
    for kind, rows in chunks:
        times = [str(row[TIME.get(kind, "ts")]) for row in rows]
        assert all(text.endswith("Z") for text in times)
        assert [latest[kind], *times] == sorted([latest[kind], *times])
        latest[kind] = times[-1]
        if kind is not RecordKind.COSTS:
            assert times[0].startswith(str(DAY))
            slices.append((int(times[0][11:13]) * 60 + int(times[0][14:16])) // SLICE_MINUTES)
    assert slices == sorted(slices)
    assert chunks[0][0] is RecordKind.COSTS


@pytest.mark.parametrize("seed", [1, 2026])
def test_planted_faults_cross_the_threshold_inside_their_windows_only(seed: int) -> None:
    rows = [row for kind, rows in company_day(seed, DAY) if kind is RecordKind.EVENTS for row in rows]
    events = msgspec.convert(rows, list[Event])
    for planted in PLANTED:
        if planted.error_codes:
            check_window(planted, events)


def check_window(planted: Planted, events: list[Event]) -> None:
    start, end = planted.window(DAY)
    its_own = [e for e in events if e.service == planted.service and e.error_code in planted.error_codes]
    main = by_key(its_own)
    inside = {key: [at for at in times if start <= at < end + timedelta(seconds=30)] for key, times in main.items()}
    outside = {
        key: [at for at in times if not start <= at < end + timedelta(seconds=30)] for key, times in main.items()
    }

    assert max(most_in_window(times) for times in inside.values()) > THRESHOLD, planted.name
    assert all(most_in_window(times) < THRESHOLD for times in outside.values()), planted.name


def test_nothing_else_crosses_the_threshold(events: list[Event]) -> None:
    crossing = {key for key, times in by_key(events).items() if most_in_window(times) > THRESHOLD}
    codes = {code for planted in PLANTED for code in planted.error_codes}
    handed_on = {"DEPENDENCY_FAILED", "CHECKOUT_FAILED", "STOCK_UNAVAILABLE"}
    assert {code for _, _, code in crossing} <= codes | handed_on


def test_the_noisy_service_errs_steadily_and_stays_below(events: list[Event]) -> None:
    times = by_key(events)["mailer", "/send", "SMTP_451"]
    assert len(times) == 1440
    assert most_in_window(times) < THRESHOLD
    by_hour = Counter(at.hour for at in times)
    assert max(by_hour.values()) - min(by_hour.values()) <= 2


def test_callees_fail_before_their_callers(events: list[Event]) -> None:
    spans = {event.span_id: event for event in events if event.span_id and event.level != "DEBUG"}
    pairs = [(spans[event.parent_id], event) for event in spans.values() if event.parent_id in spans]
    assert len(pairs) > 20_000
    assert all(caller.ts > callee.ts and caller.trace_id == callee.trace_id for caller, callee in pairs)
    failed = [(caller, callee) for caller, callee in pairs if callee.level == "ERROR" and callee.status >= 500]
    assert failed
    assert all(caller.level == "ERROR" for caller, _ in failed)


def test_the_broken_version_alone_fails(events: list[Event]) -> None:
    orders = [event for event in events if event.service == "checkout"]
    assert {e.attributes["service.version"] for e in orders if e.error_code == "KeyError"} == {"4.19.0"}
    assert any(e.status == 200 for e in orders if e.attributes["service.version"] == "4.19.0")


def test_the_attack_has_few_addresses_many_users_and_one_success(events: list[Event]) -> None:
    start, end = next(p for p in PLANTED if p.name == "login attack").window(DAY)
    tries = [
        e for e in events if e.service == "auth" and e.attributes.get("user_agent.original") == "python-requests/2.31.0"
    ]
    assert all(start <= e.ts < end for e in tries)
    assert len({e.client_ip for e in tries}) == 6
    assert len({e.user_id for e in tries}) > 800
    assert sum(e.status == 200 for e in tries) == 1


def test_each_culprit_is_recorded_minutes_before_its_fault_among_innocent_changes(chunks: Chunks) -> None:
    changes = {row["ref"]: msgspec.convert(row, Change) for kind, rows in chunks if kind == "changes" for row in rows}
    culprits = {p.culprit: p.window(DAY)[0] for p in PLANTED if p.culprit and p.error_codes}
    assert culprits
    for ref, start in culprits.items():
        assert timedelta(0) < start - changes[str(ref)].ts <= timedelta(minutes=15)
    assert len(changes) > 3 * len(culprits)


def test_the_fabric_shows_what_is_planted(chunks: Chunks) -> None:
    points = [msgspec.convert(row, MetricPoint) for kind, rows in chunks if kind == "metrics" for row in rows]
    for planted in PLANTED:
        if planted.kinds != (RecordKind.METRICS,):
            continue
        start, end = planted.window(DAY)
        inside = [p for p in points if p.entity == planted.service and start <= p.ts < end]
        before = [p for p in points if p.entity == planted.service and start - timedelta(minutes=15) <= p.ts < start]
        latency = [max(p.value for p in part if p.name == "latency_p99") for part in (before, inside)]
        assert latency[1] > 2 * latency[0]
        assert all(41 <= p.value <= 69 for p in before if p.name == "utilization")


def test_the_bill_has_30_days_and_one_spike_on_the_last(chunks: Chunks) -> None:
    lines = [msgspec.convert(row, CostLine) for kind, rows in chunks if kind == "costs" for row in rows]
    daily: dict[str, dict[datetime, float]] = defaultdict(lambda: defaultdict(float))
    for line in lines:
        daily[line.service_name][line.charge_period_start] += line.billed_cost
    today = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    assert {len(days) for days in daily.values()} == {30}
    ratio = {name: days[today] / (sum(days.values()) - days[today]) * 29 for name, days in daily.items()}
    assert [name for name, value in ratio.items() if value > 1.5] == ["AmazonCloudWatch"]


def test_making_the_day_costs_little_beside_encoding_it() -> None:
    started = time.process_time()
    made = list(company_day(3, DAY))
    making = time.process_time() - started
    encoded = [msgspec.json.encode(made) for _ in range(3)]
    encoding = (time.process_time() - started - making) / len(encoded)
    assert making < 40 * encoding, f"making took {making:.2f} CPU-s, encoding {encoding:.3f}"
