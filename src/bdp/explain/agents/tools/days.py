"""Which days of costs are meant: whole days of UTC, as bills have them, up to the newest that is over and billed.

A day that is not over has part of its cost; it is told by itself and never held against whole ones.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bdp.explain.agents.bench import Bench, Span, aware
from bdp.explain.agents.tools.scope import Times
from bdp.sql import literal

DAY: Final = timedelta(days=1)


def billed_days(bench: Bench, given: Times) -> Span:
    """Return the days that are meant; one that is not over only where nothing else is.

    Where nothing names a time, they are the newest that were billed.
    """
    span = given.span(bench)
    today = midnight(bench.now)
    if bench.usual and given.start is None and given.end is None:
        days = max(1, round((span.end - span.start) / DAY))
        newest = newest_charge(bench, today) or newest_charge(bench)
        end = midnight(newest) + DAY if newest is not None else span.end
        return Span(end - days * DAY, end)
    if span.end - span.start < DAY:
        return Span(midnight(span.start), midnight(span.end - timedelta(microseconds=1)) + DAY)
    # Whole days, so that the span before has as many: a week up to now is the seven days before today.
    start, end = midnight(span.start), midnight(span.end)
    newest = newest_charge(bench, end)
    if newest is not None and start <= newest:
        end = min(end, midnight(newest) + DAY)
    return Span(start, end)


def oldest_charge(bench: Bench) -> datetime | None:
    """Return the beginning of the oldest charge; None where there is none."""
    row = bench.query("SELECT min(charge_period_start) AS oldest, count() AS found FROM charges")[0]
    return aware(row["oldest"]) if row["found"] else None


def is_over(bench: Bench, span: Span) -> bool:
    """Return whether all days of a span are over."""
    return span.end <= midnight(bench.now)


def newest_charge(bench: Bench, before: datetime | None = None) -> datetime | None:
    """Return the beginning of the newest charge that is not ahead, or before an instant; None where there is none."""
    until = f"< {literal(before)}" if before is not None else f"<= {literal(bench.now)}"
    row = bench.query(
        f"SELECT max(charge_period_start) AS newest, count() AS found FROM charges WHERE charge_period_start {until}"  # noqa: S608
    )[0]
    return aware(row["newest"]) if row["found"] else None


def midnight(at: datetime) -> datetime:
    """Return the beginning of the day of an instant."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
