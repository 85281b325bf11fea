"""Whether a cost is back near its usual level. No cost is no answer: it may not have been delivered yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from statistics import median

from bdp.explain.costs.bill import keys_of
from bdp.explain.costs.delivery import delivered
from bdp.explain.costs.usual import LEAST_DAYS, Usual, midnight, usual, whose
from bdp.model.anomaly import Subject
from bdp.ports import Store


def is_settled(
    store: Store, subject: Subject, days: tuple[date, date], since: datetime, now: datetime, share: float
) -> bool:
    """Return whether the newest whole day after an instant costs no more than usual.

    Args:
        days: first and last day of the rise.
        since: the day that it lies in is not looked at.
        share: of the rise that may be left.
    """
    first, last = days
    after = max(since.astimezone(UTC).date(), last) + timedelta(days=1)
    until = now.astimezone(UTC).date() - timedelta(days=1)
    if until < after:
        return False
    keys, _ = keys_of(store, subject, first, last)
    if not keys:
        return False
    where = whose(keys[0])
    whole = usual(store, where, first, until, "billed_cost")
    delivery = delivered(store, where, midnight(min(whole.before, default=first)).date(), until)
    known = [day for day in whole.days if day >= after and not delivery.is_partial(day, whole.before)]
    return bool(known) and len(whole.before) >= LEAST_DAYS and _is_back(whole, known[-1], last, share)


def _is_back(whole: Usual, day: date, last: date, share: float) -> bool:
    """Return whether at most a share of the rise is left, or a day costs no more than days before did."""
    before = whole.like(day) or list(whole.held)
    level = median(before)
    rise = max((whole.costs[one] for one in whole.days if one <= last), default=level) - level
    dear = sorted(before)[-2:][0]
    return whole.costs[day] <= max(dear, level + share * max(0.0, rise))
