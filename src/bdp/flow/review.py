"""A time range of the store shown to detection again, with the present settings.

The events are in the store already and stay as they are: a fresh detector looks at the abnormal ones in the order of
their time, and what it raises within the range goes to the incidents. An anomaly's id follows from its key and its
seconds, so reviewing a range twice raises nothing twice.

The detector begins to read some hours before the range (`lead_hours`), so that it knows what is usual and does not cut
a burst that had begun; what it finds there is not told. Behind the range it reads on until what the range raised is
over, at most a day.

Memory: one page of events, and the detector's own bounds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import structlog

from bdp.clock import Clock
from bdp.errors import BadRequest, NotPossible
from bdp.flow.pipeline import Detector
from bdp.flow.replay import Pace
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyProgress
from bdp.model.event import ABNORMAL_SQL, EventSignal, Level
from bdp.model.incident import Incident
from bdp.ports import Incidents, Row, Store
from bdp.sql import equals, literal

log = structlog.get_logger(__name__)

LEAD_HOURS = 24.0
_TAIL = timedelta(days=1)
_STILL_LIVE = timedelta(minutes=30)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_HOURS = 900
_COLUMNS = "ts, service, route, level, error_code, status, message, trace_id, weight, cityHash64(event_id) AS place"
Finding = Anomaly | AnomalyEnd | AnomalyProgress


class ReviewState(StrEnum):
    """How far a review has come."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Span(msgspec.Struct, kw_only=True, frozen=True):
    """What to review.

    Attributes:
        start: first instant, aware UTC.
        end: first instant behind it.
        service: only this one; empty for all.
        rate: most abnormal events a second; 0 for no bound.
        dry_run: count what would be raised; incidents stay as they are.
    """

    start: datetime
    end: datetime
    service: str = ""
    lead_hours: float = LEAD_HOURS
    rate: float = 0
    dry_run: bool = False


class Review(msgspec.Struct, kw_only=True):
    """What a review has found so far.

    Attributes:
        total: abnormal events to look at, with those before the range.
        read: of these looked at.
        at: the time it has come to.
        anomalies: raised within the range.
        opened: incidents that are new by it.
        reason: why it failed.
    """

    span: Span
    state: ReviewState = ReviewState.RUNNING
    total: int = 0
    read: int = 0
    at: datetime | None = None
    anomalies: int = 0
    opened: int = 0
    reason: str = ""


class Reviewer:
    """Reviews one range at a time in a thread of its own.

    Args:
        detector: makes a fresh detector.
        page: most events in one answer of the store.
    """

    def __init__(
        self,
        store: Store,
        incidents: Incidents,
        detector: Callable[[], Detector],
        clock: Clock,
        *,
        on_incident: Callable[[Incident], None] = lambda incident: None,
        on_quiet: Callable[[str], None] = lambda incident_id: None,
        page: int = 10_000,
    ) -> None:
        self._store = store
        self._incidents = incidents
        self._detector = detector
        self._clock = clock
        self._on_incident = on_incident
        self._on_quiet = on_quiet
        self._page = page
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.latest: Review | None = None
        """The review that runs, or the last one that did."""

    def start(self, span: Span) -> Review:
        """Begin to review a range.

        Raises:
            BadRequest: the range is empty or longer than the store can be asked for.
            NotPossible: another review runs.
        """
        if span.start >= span.end:
            raise BadRequest("The range ends before it begins.", "Give --from before --to.")
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                raise NotPossible("Another range is being reviewed.", "Wait for it, or stop it.")
            self.latest = review = Review(span=span)
            self._stop.clear()
            self._thread = threading.Thread(target=self._guarded, args=(review,), name="review")
            self._thread.start()
        return review

    def stop(self) -> None:
        """End the review that runs after its present page. What it raised so far stays; run it again for the rest."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def run(self, review: Review) -> None:
        """Review a range in this thread.

        Raises:
            BdpError: the store or the incidents could not be used; run it again.
        """
        watch = _Watch(review, self._detector(), self._tell)
        pace = Pace(review.span.rate, self._clock, self._stop.wait)
        hours = self._hours(review)
        for hour in hours:
            if hour >= review.span.end and not watch.open:
                break
            for signals in self._signals(review.span, hour):
                if self._stop.is_set():
                    review.state = ReviewState.STOPPED
                    return
                pace.take(len(signals))
                watch.see(signals)
        else:
            self._close(watch, review)
        review.state = ReviewState.DONE

    def _guarded(self, review: Review) -> None:
        try:
            self.run(review)
        except Exception as error:
            review.state, review.reason = ReviewState.FAILED, str(error) or type(error).__name__
            log.warning("review.failed", reason=review.reason, exc_info=True)

    def _tell(self, finding: Finding, review: Review) -> None:
        if review.span.dry_run:
            return
        if isinstance(finding, Anomaly):
            incident, opened = self._incidents.record(finding, self._clock.now())
            review.opened += opened
            if opened:
                self._on_incident(incident)
        elif isinstance(finding, AnomalyEnd) and (quiet := self._incidents.end(finding)):
            self._on_quiet(quiet)

    def _close(self, watch: _Watch, review: Review) -> None:
        """Everything was read. What is still open is over, unless the store's newest events are of just now."""
        newest = self._store.query("SELECT max(ts) AS newest, count() AS n FROM events")[0]
        behind = review.span.end + _TAIL
        if newest["n"] and min(newest["newest"].astimezone(UTC), behind) < self._clock.now() - _STILL_LIVE:
            watch.finish()

    def _hours(self, review: Review) -> list[datetime]:
        """Return the hours that hold abnormal events, and count these."""
        span = review.span
        terms = _terms(span, _lead(span), span.end + _TAIL)
        hours: list[datetime] = []
        while True:
            rows = self._store.query(
                f"SELECT toStartOfHour(ts) AS hour, count() AS n FROM events WHERE {terms}"  # noqa: S608 escaped
                f" GROUP BY hour ORDER BY hour LIMIT {_MOST_HOURS:d}"
            )
            hours += [row["hour"].astimezone(UTC) for row in rows]
            review.total += sum(row["n"] for row in rows if row["hour"].astimezone(UTC) < span.end)
            if len(rows) < _MOST_HOURS:
                return hours
            terms = _terms(span, hours[-1] + _HOUR, span.end + _TAIL)

    def _signals(self, span: Span, hour: datetime) -> Iterator[list[EventSignal]]:
        """Yield an hour's abnormal events in the order of their time, a page at a time."""
        first = max(hour, _lead(span))
        terms = _terms(span, first, min(hour + _HOUR, span.end + _TAIL))
        behind = ""
        while True:
            rows = self._store.query(
                f"SELECT {_COLUMNS} FROM events WHERE {terms}{behind}"  # noqa: S608 escaped
                f" ORDER BY ts, place LIMIT {self._page:d}"
            )
            if rows:
                yield [_signal(row) for row in rows]
            if len(rows) < self._page:
                return
            behind = f" AND (ts, cityHash64(event_id)) > ({literal(rows[-1]['ts'])}, {rows[-1]['place']:d})"


class _Watch:
    """One detector on one range: what it raises inside is told, with the ends of that."""

    def __init__(self, review: Review, detector: Detector, tell: Callable[[Finding, Review], None]) -> None:
        self._review = review
        self._detector = detector
        self._tell = tell
        self.open: set[str] = set()

    def see(self, signals: Sequence[EventSignal]) -> None:
        """Show a page."""
        self._found(self._detector.observe(signals))
        self._review.at = signals[-1].ts
        self._review.read += sum(signal.ts < self._review.span.end for signal in signals)

    def finish(self) -> None:
        """The events are over: close what is open."""
        self._found(self._detector.finish())

    def _found(self, findings: Sequence[Anomaly | AnomalyEnd]) -> None:
        span = self._review.span
        for finding in findings:
            if isinstance(finding, AnomalyEnd):
                if finding.anomaly_id in self.open:
                    self.open.discard(finding.anomaly_id)
                    self._tell(finding, self._review)
            elif span.start <= finding.detected_at < span.end:
                self.open.add(finding.anomaly_id)
                self._review.anomalies += 1
                self._tell(finding, self._review)


def _lead(span: Span) -> datetime:
    return max(_EPOCH, span.start - timedelta(hours=span.lead_hours))


def _terms(span: Span, first: datetime, end: datetime) -> str:
    terms = f"ts >= {literal(first)} AND ts < {literal(end)} AND {ABNORMAL_SQL}"
    return f"{terms} AND {equals('service', span.service)}" if span.service else terms


def _signal(row: Row) -> EventSignal:
    fields: dict[str, Any] = {name: row[name] for name in EventSignal.__struct_fields__}
    return EventSignal(**{**fields, "ts": fields["ts"].astimezone(UTC), "level": Level(fields["level"])})
