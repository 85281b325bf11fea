"""Times as logs write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS: Final = {name: number for number, name in enumerate(_NAMES, start=1)}


def latest_year(now: datetime, month: int, day: int, clock: str) -> datetime | None:
    """Return a time that was written without its year: the latest one not after tomorrow; None if it is no time.

    Args:
        clock: `HH:MM:SS`, with or without a fraction; UTC.
    """
    for year in range(now.year + 1, now.year - 9, -1):
        found = instant(year, month, day, clock)
        if found is not None and found <= now + timedelta(days=1):
            return found
    return None


def instant(year: int, month: int, day: int, clock: str, zone: str = "") -> datetime | None:
    """Return the UTC instant of the parts; None if they are no time. A leap second counts as the second before it."""
    try:
        second = min(int(clock[6:8]), 59)
        fraction = clock[9:15]
        micros = int(fraction.ljust(6, "0")) if fraction else 0
        local = datetime(year, month, day, int(clock[0:2]), int(clock[3:5]), second, micros, tzinfo=_zone(zone))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(zone: str) -> timezone:
    """Read `+0900`; empty is UTC."""
    if not zone:
        return UTC
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
    return timezone(-offset if zone[0] == "-" else offset)
