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

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

from bdp.clock import Clock
from bdp.errors import BadRequest
from bdp.flow.history import History, Stretch
from bdp.flow.job import Job, JobState
from bdp.flow.replay import Pace
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyProgress
from bdp.model.batch import RecordKind
from bdp.model.event import EventSignal
from bdp.model.incident import Incident
from bdp.ports import Incidents, Store

LEAD_HOURS = 24.0
_TAIL = timedelta(days=1)
_STILL_LIVE = timedelta(minutes=30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Finding = Anomaly | AnomalyEnd | AnomalyProgress


class Detector(Protocol):
    """What a review needs of a detector of events."""

    def observe(self, signals: Sequence[EventSignal]) -> Sequence[Anomaly | AnomalyEnd]: ...
    def finish(self) -> Sequence[Anomaly | AnomalyEnd]: ...


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
    state: JobState = JobState.RUNNING
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
        page: most events in one answer of the store, if that is fewer than is good.
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
        self._history = History(store, page)
        self._job: Job[Review] = Job("review", "Another range is being reviewed.")

    @property
    def latest(self) -> Review | None:
        """The review that runs, or the last one that did."""
        return self._job.latest

    def start(self, span: Span) -> Review:
        """Begin to review a range.

        Raises:
            BadRequest: the range is empty or longer than the store can be asked for.
            NotPossible: another review runs.
        """
        if span.start >= span.end:
            raise BadRequest("The range ends before it begins.", "Give --from before --to.")
        review = Review(span=span)
        self._job.start(review, self.run)
        return review

    def stop(self) -> None:
        """End the review that runs after its present page. What it raised so far stays; run it again for the rest."""
        self._job.stop()

    def wait(self) -> None:
        """Return when the review is over."""
        self._job.wait()

    def close(self) -> None:
        """Stop, and wait for the thread."""
        self._job.close()

    def run(self, review: Review) -> None:
        """Review a range in this thread.

        Raises:
            BdpError: the store or the incidents could not be used; run it again.
        """
        watch = _Watch(review, self._detector(), self._tell)
        pace = Pace(review.span.rate, self._clock, self._job.pause)
        for hour, count in self._hours(review):
            if hour >= review.span.end and not watch.open:
                break
            for signals in self._history.signals(_stretch(review.span), hour, count):
                if self._job.stopping:
                    review.state = JobState.STOPPED
                    return
                pace.take(len(signals))
                watch.see(signals)
        else:
            self._close(watch, review)
        review.state = JobState.DONE

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

    def _hours(self, review: Review) -> list[tuple[datetime, int]]:
        """Return the hours that hold abnormal events, and count these."""
        hours = self._history.hours(RecordKind.EVENTS, _stretch(review.span))
        review.total = sum(count for hour, count in hours if hour < review.span.end)
        return hours


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


def _stretch(span: Span) -> Stretch:
    lead = max(_EPOCH, span.start - timedelta(hours=span.lead_hours))
    return Stretch(lead, span.end + _TAIL, span.service)
