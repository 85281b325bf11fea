"""The day that a briefing is about, as people name it."""

from __future__ import annotations

from datetime import UTC, datetime

from bdp.errors import BadRequest
from bdp.ports import Store


def start_of(day: str, store: Store, now: datetime) -> datetime:
    """Return the midnight at which a day begins, UTC.

    Args:
        day: `YYYY-MM-DD`; empty for the latest day with events, without any for today.

    Raises:
        BadRequest: it is no day.
    """
    return _midnight(day) if day else _latest(store, now)


def _latest(store: Store, now: datetime) -> datetime:
    newest = store.query("SELECT max(ts) AS newest, count() AS n FROM events")[0]
    at: datetime = newest["newest"] if newest["n"] else now
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _midnight(day: str) -> datetime:
    try:
        start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
        if not 1970 <= start.year < 2200:
            raise ValueError("outside what the store's times can hold")
        return start
    except ValueError:
        raise BadRequest(f"{day!r} is not a day.", "Write it as YYYY-MM-DD.") from None
