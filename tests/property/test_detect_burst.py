"""The detector against a naive count, in any order and any cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bdp.detect.burst.detector import BurstDetector, BurstSettings
from bdp.model.anomaly import Anomaly, AnomalyEnd
from bdp.model.event import EventSignal
from tests.unit.detect.burst.signals import at, ended, error, raised

WINDOW, LATENESS, QUIET, THRESHOLD = 30, 12, 25, 4
SETTINGS = BurstSettings(
    threshold=THRESHOLD, window_seconds=WINDOW, allowed_lateness=LATENESS, quiet_seconds=QUIET, max_keys=50
)
Found = list[Anomaly | AnomalyEnd]

# Under twelve slots, so that the fixed threshold holds all along.
moments = st.lists(st.tuples(st.integers(0, 320), st.sampled_from("ab")), min_size=1, max_size=120)
cuts = st.lists(st.integers(0, 120), max_size=12)
delays = st.lists(st.integers(0, LATENESS), min_size=120, max_size=120)


def naive(seconds: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return (peak, total, last event) of each stretch, by counting anew for every second."""
    stretches: list[tuple[int, int, int]] = []
    open_since, loud, peak = -1, 0, 0
    for now in range(min(seconds), max(seconds) + 1):
        if open_since >= 0 and now - 1 - loud >= QUIET:
            stretches.append(summary(seconds, open_since, now - 1, peak))
            open_since = -1
        count = sum(1 for s in seconds if now - WINDOW < s <= now)
        if open_since < 0 and count > THRESHOLD:
            open_since, peak = now, 0
        if open_since >= 0 and count > THRESHOLD / 2:
            loud, peak = now, max(peak, count)
    if open_since >= 0:
        stretches.append(summary(seconds, open_since, min(max(seconds), loud + QUIET), peak))
    return stretches


def summary(seconds: Sequence[int], opened: int, closed: int, peak: int) -> tuple[int, int, int]:
    inside = [s for s in seconds if opened - WINDOW < s <= closed]
    return peak, len(inside), max(inside)


def signals_of(items: Sequence[tuple[int, str]]) -> list[EventSignal]:
    return [error(second, service) for second, service in items]


def chop(signals: list[EventSignal], at_indices: Sequence[int]) -> list[list[EventSignal]]:
    bounds = sorted({0, len(signals), *(i for i in at_indices if i < len(signals))})
    return [signals[a:b] for a, b in pairwise(bounds)]


def run(batches: Sequence[list[EventSignal]], detector: BurstDetector | None = None) -> Found:
    detector = detector or BurstDetector(SETTINGS)
    return [one for batch in batches for one in detector.observe(batch)] + detector.finish()


def stretches(found: Found, service: str) -> list[tuple[int, int, int]]:
    ids = {one.anomaly_id for one in raised(found) if one.subject.service == service}
    ends = [one for one in ended(found) if one.anomaly_id in ids]
    assert len(ends) == len(ids)
    return [(round(one.peak), round(one.total), int((one.end_time - at(0)).total_seconds())) for one in ends]


def assert_as_counted(found: Found, items: Sequence[tuple[int, str]]) -> None:
    for service in {service for _, service in items}:
        assert stretches(found, service) == naive([second for second, its in items if its == service])


@settings(deadline=None, max_examples=150)
@given(moments, cuts)
def test_in_order_in_any_cut(items: list[tuple[int, str]], indices: list[int]) -> None:
    items = sorted(items)
    assert_as_counted(run(chop(signals_of(items), indices)), items)


@settings(deadline=None, max_examples=150)
@given(moments, cuts, delays)
def test_late_within_bounds_in_any_cut(items: list[tuple[int, str]], indices: list[int], late: list[int]) -> None:
    arrival = sorted(range(len(items)), key=lambda i: items[i][0] + late[i])
    items = [items[i] for i in arrival]
    assert_as_counted(run(chop(signals_of(items), indices)), items)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 320), min_size=1, max_size=120, unique=True), cuts)
def test_every_cut_of_an_ordered_stream_gives_the_very_same_anomalies(seconds: list[int], indices: list[int]) -> None:
    signals = [error(second) for second in sorted(seconds)]
    one_by_one = run([[signal] for signal in signals])
    assert run(chop(signals, indices)) == one_by_one


@settings(deadline=None, max_examples=100)
@given(moments, cuts, delays, st.integers(0, 500))
def test_restored_at_any_boundary_it_goes_on_identically(
    items: list[tuple[int, str]], indices: list[int], late: list[int], wall: int
) -> None:
    arrival = sorted(range(len(items)), key=lambda i: items[i][0] + late[i])
    batches = chop(signals_of([items[i] for i in arrival]), indices)
    detector = BurstDetector(SETTINGS)
    rows: dict[str, bytes] = {}
    restored: list[tuple[BurstDetector, Found]] = []
    for batch in batches:
        found: Found = [*detector.observe(batch), *detector.advance(at(wall))]
        for other, its in restored:
            its += [*other.observe(batch), *other.advance(at(wall))]
        assert all(its[-len(found) :] == found for _, its in restored if found)
        keep(rows, detector.changed_rows())
        restored.append((BurstDetector(SETTINGS), []))
        restored[-1][0].restore(rows)
    end = detector.finish()
    for other, _ in restored:
        assert other.finish() == end


def keep(rows: dict[str, bytes], changed: Mapping[str, bytes | None]) -> None:
    for name, row in changed.items():
        if row is None:
            rows.pop(name)
        else:
            rows[name] = row
