"""What becomes normal, and what does not."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from bdp.detect.burst.detector import BurstDetector, BurstSettings
from bdp.model.anomaly import Anomaly, AnomalyEnd
from tests.unit.detect.burst.signals import MONDAY, error, normal, raised

HOUR = 12
DAY = 24 * HOUR
WEEK = 7 * DAY
Found = list[tuple[int, Anomaly | AnomalyEnd]]


def run(rate: Callable[[int], float], slots: int, seed: int = 1) -> Found:
    """Play slots of 5 minutes with noisy counts around `rate(slot)`, after a day of others' history."""
    chance = random.Random(seed)
    detector = BurstDetector(BurstSettings())
    detector.observe([normal(-86_400)])
    found: Found = []
    for slot in range(slots):
        level = rate(slot)
        count = max(0, round(chance.gauss(level, level**0.5))) if level else 0
        moments = sorted(chance.uniform(0, 300) for _ in range(count))
        found += [(slot, one) for one in detector.observe([error(300 * slot + moment) for moment in moments])]
    return found


def steady(level: float, slot: int) -> float:
    return level


def pages(found: Found) -> list[int]:
    return [slot for slot, one in found if isinstance(one, Anomaly)]


def ends(found: Found) -> list[int]:
    return [slot for slot, one in found if isinstance(one, AnomalyEnd)]


def test_level_shift_becomes_normal_within_about_a_day() -> None:
    found = run(lambda slot: 120, 2 * DAY)
    assert pages(found) == [0]
    assert 6 * HOUR < ends(found)[0] < 26 * HOUR


def test_burst_of_an_hour_does_not_hide_a_smaller_one() -> None:
    found = run(
        lambda slot: 200 if DAY <= slot < DAY + HOUR else 40 if DAY + 4 * HOUR <= slot < DAY + 5 * HOUR else 1, 400
    )
    assert pages(found) == [DAY, DAY + 4 * HOUR]


def test_steady_noise_does_not_page() -> None:
    for level in (3, 30):
        found = run(partial(steady, level), 4 * DAY, seed=level)
        assert [slot for slot in pages(found) if slot > 2 * DAY] == []


def test_what_happened_in_the_same_hour_of_two_weeks_does_not_page_in_the_third() -> None:
    def monday_nine(slot: int) -> float:
        return 100 if 9 * HOUR <= slot % WEEK < 10 * HOUR else 0.2

    found = run(monday_nine, 2 * WEEK + 11 * HOUR)
    assert pages(found) == [9 * HOUR, WEEK + 9 * HOUR]


def test_what_happened_once_still_pages_and_so_does_another_hour() -> None:
    def twice(slot: int) -> float:
        weekly = 9 * HOUR <= slot % WEEK < 10 * HOUR
        once = WEEK + 30 * HOUR <= slot < WEEK + 31 * HOUR or 2 * WEEK + 30 * HOUR <= slot < 2 * WEEK + 31 * HOUR
        return 100 if weekly or once else 0.2

    found = run(twice, 2 * WEEK + 32 * HOUR)
    assert 2 * WEEK + 30 * HOUR in pages(found)
    assert 2 * WEEK + 9 * HOUR not in pages(found)


def test_short_burst_at_the_very_start_is_not_learned() -> None:
    detector = BurstDetector(BurstSettings())
    for slot in range(5):
        detector.observe([error(300 * slot + i) for i in range(200)])
    for slot in range(5, 40):
        detector.observe([error(300 * slot)])
    assert len(raised(detector.observe([error(300 * 40 + i) for i in range(20)]))) == 1


def test_a_gap_of_months_costs_no_time_and_keeps_working() -> None:
    detector = BurstDetector(BurstSettings())
    detector.observe([error(-300 * DAY * 300 + i) for i in range(5)])
    found = raised(detector.observe([error(i) for i in range(30)]))
    assert [one.detected_at.date() for one in found] == [MONDAY.date()]
    assert found[0].expected is not None
    assert found[0].expected < 0.01
