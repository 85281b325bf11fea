"""What was planted in the day, and what a good analyst should make of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from bdp.model.batch import RecordKind


@dataclass(frozen=True)
class Planted:
    """One planted fault.

    Attributes:
        service: where it starts; a fabric stream or a billed service for the fabric and the bill.
        start, end: times of the day, UTC; `end` midnight means the day's end.
        answer: what a good analyst says.
        kinds: the records that show it.
        error_codes: codes that its events carry in `service`.
        culprit: `ref` of the change to blame, or None where no change is.
    """

    name: str
    service: str
    start: time
    end: time
    answer: str
    kinds: tuple[RecordKind, ...]
    error_codes: tuple[str, ...] = ()
    culprit: str | None = None

    def window(self, day: date) -> tuple[datetime, datetime]:
        """Return start and end on `day`, aware, end exclusive."""
        end = time(23, 59, 59, 999_999) if self.end == time(0) else self.end
        return datetime.combine(day, self.start, UTC), datetime.combine(day, end, UTC)


_EVENTS, _METRICS, _COSTS, _CHANGES = RecordKind

PLANTED = (
    Planted(
        "broken deploy",
        "checkout",
        time(5, 2),
        time(5, 35),
        "checkout 4.19.0 fails to price orders (KeyError 'loyalty_tier') and only its hosts do; the rollback ended it.",
        (_EVENTS, _CHANGES),
        ("KeyError",),
        "checkout@4.19.0",
    ),
    Planted(
        "connection pool exhausted",
        "inventory",
        time(11, 43, 30),
        time(12, 16),
        "inventory lacks database connections since its pool was cut from 40 to 6; checkout and shop fail behind it.",
        (_EVENTS, _CHANGES),
        ("DB_POOL_TIMEOUT",),
        "CFG-2291",
    ),
    Planted(
        "payment provider time-outs",
        "payment",
        time(12, 9),
        time(12, 33),
        "The payment provider stopped answering; payment fails first, checkout and shop follow; no change is to blame.",
        (_EVENTS,),
        ("PROVIDER_TIMEOUT", "PROVIDER_BAD_GATEWAY"),
    ),
    Planted(
        "login attack",
        "auth",
        time(19, 20),
        time(19, 37),
        "Six addresses tried some 900 accounts with one client program; one login succeeded and must be locked.",
        (_EVENTS,),
        ("INVALID_CREDENTIALS", "USER_NOT_FOUND"),
    ),
    Planted(
        "fabric congestion",
        "ib-02",
        time(8, 0),
        time(8, 25),
        "ib-02 is saturated: utilisation over 90 %, P99 latency several times its baseline, bandwidth near the limit.",
        (_METRICS,),
    ),
    Planted(
        "link flap",
        "ib-05",
        time(15, 10),
        time(15, 18),
        "ib-05 lost its link three times in eight minutes: bandwidth fell to zero and queue pairs failed.",
        (_METRICS,),
    ),
    Planted(
        "cost spike",
        "AmazonCloudWatch",
        time(0),
        time(0),
        "Log ingestion of CloudWatch costs over three times its usual: search has logged at DEBUG since 00:12.",
        (_COSTS, _EVENTS, _CHANGES),
        culprit="CFG-2284",
    ),
)
