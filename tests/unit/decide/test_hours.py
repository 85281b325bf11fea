"""Hours by the clock on the wall, over midnight and over the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from bdp.decide.hours import Hours, length, seconds_of


def hours(**given: object) -> Hours:
    return Hours.model_validate(given)


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("2026-11-20T08:59:59+09:00", False),
        ("2026-11-20T09:00:00+09:00", True),
        ("2026-11-20T17:59:59+09:00", True),
        ("2026-11-20T18:00:00+09:00", False),
        ("2026-11-20T00:00:00+00:00", True),  # nine in Seoul
        ("2026-11-21T12:00:00+09:00", False),  # a Saturday
    ],
)
def test_hours_of_working_days(at: str, holds: bool) -> None:
    office = hours(days="mon-fri", **{"from": "09:00", "to": "18:00", "zone": "Asia/Seoul"})
    assert office.hold(datetime.fromisoformat(at)) == holds
    assert str(office) == "mon-fri 09:00-18:00 Asia/Seoul"


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("2026-11-20T21:59+00:00", False),
        ("2026-11-20T22:00+00:00", True),  # Friday night
        ("2026-11-21T05:59+00:00", True),  # … which goes on into Saturday
        ("2026-11-21T06:00+00:00", False),
        ("2026-11-21T22:30+00:00", False),  # Saturday night is another one
        ("2026-11-20T01:00+00:00", False),  # Thursday night as well
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(at: str, holds: bool) -> None:
    assert hours(days=["fri"], **{"from": "22:00", "to": "06:00"}).hold(datetime.fromisoformat(at)) == holds


def minutes_held(found: Hours, day: datetime) -> int:
    """Return how many minutes of the 48 hours from `day` on are in it."""
    return sum(found.hold(day + timedelta(minutes=minute)) for minute in range(48 * 60))


def test_when_clocks_change_the_wall_clock_counts() -> None:
    early = {"from": "02:00", "to": "03:00", "zone": "Europe/Berlin", "days": ["sun"]}
    day_before = datetime(2026, 3, 28, tzinfo=UTC)  # two o'clock is skipped on the 29th
    assert minutes_held(hours(**early), day_before) == 0
    day_before = datetime(2026, 10, 24, tzinfo=UTC)  # it comes twice on the 25th
    assert minutes_held(hours(**early), day_before) == 120
    night = {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin", "days": ["sat"]}
    assert minutes_held(hours(**night), datetime(2026, 3, 28, tzinfo=UTC)) == 7 * 60
    assert minutes_held(hours(**night), datetime(2026, 10, 24, tzinfo=UTC)) == 9 * 60
    office = {"from": "09:00", "to": "10:00", "zone": "America/New_York"}
    assert hours(**office).hold(datetime(2026, 7, 1, 13, tzinfo=UTC))
    assert hours(**office).hold(datetime(2026, 12, 1, 14, tzinfo=UTC))
    assert not hours(**office).hold(datetime(2026, 12, 1, 13, tzinfo=UTC))


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "9:00"},
        {"from": "24:00"},
        {"to": "24:01"},
        {"to": "25:00"},
        {"to": 1080},
        {"days": "someday"},
        {"days": []},
        {"zone": "Nowhere"},
        {"zone": "../../etc/passwd"},
        {"zone": "America"},
        {"zone": ""},
    ],
)
def test_what_is_no_time_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        hours(**wrong)


def test_days_may_be_a_span_over_the_weekend() -> None:
    assert [day.value for day in hours(days="sat-mon").days] == ["sat", "sun", "mon"]
    assert str(hours(days=["sat-mon", "wed"])) == "mon,wed,sat,sun 00:00-24:00 UTC"


def test_lengths_are_read_and_written() -> None:
    assert [seconds_of(text) for text in ("90s", "15m", "2h", "7d")] == [90, 900, 7200, 604_800]
    assert [length(seconds) for seconds in (90, 900, 7200, 604_800)] == ["90s", "15m", "2h", "7d"]
    for wrong in ("0s", "2", 2, "-1h", "1.5h", "2 h", "9999999s"):
        with pytest.raises(ValueError, match="length of time"):
            seconds_of(wrong)
