"""What other settings would have raised: a range of the store shown to fresh detectors, next to what was raised.

    store -> history (changes, metric points, abnormal events, hour by hour)
          -> a detector with the present settings  -+
          -> a detector with other settings        -+-> comparison
    incidents, insights of the range --------------+

Both detectors see the same records in the same order. They begin to read some time before the range, so that they know
what is usual; what they find there does not count. Nothing is written.

It differs from what was raised then where the live detectors knew more (their memory goes back further than the lead),
or saw records in another order, such as late ones, which come here at their place.

Memory: one page of records, the bounds of two detectors, and at most `finding.MOST` findings of each source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

import msgspec

from bdp.clock import Clock
from bdp.errors import BadRequest
from bdp.flow.comparison import Comparison, Differences, compared, differences, judgements
from bdp.flow.finding import Finding, Found, Gathering, stored
from bdp.flow.history import History, Stretch
from bdp.flow.job import Job, JobState
from bdp.flow.replay import Pace
from bdp.flow.review import LEAD_HOURS
from bdp.model.batch import RecordKind
from bdp.model.change import Change
from bdp.model.event import EventSignal
from bdp.model.metric import MetricPoint
from bdp.model.noun import Noun
from bdp.ports import Incidents, Insights, Store

METRIC_LEAD_HOURS: Final = 48.0
WAS: Final = "was"
PRESENT: Final = "present"
OTHER: Final = "other"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final = (RecordKind.CHANGES, RecordKind.METRICS, RecordKind.EVENTS)
"""In this order within an hour: a maintenance is known before the samples that it covers."""


class Detector(Protocol):
    """What a backtest needs of a detector; see `bdp.detect.watch`."""

    def observe(
        self, signals: Sequence[EventSignal] = (), points: Sequence[MetricPoint] = (), changes: Sequence[Change] = ()
    ) -> Sequence[Found]: ...
    def finish(self) -> Sequence[Found]: ...
    def changed_rows(self) -> dict[str, bytes | None]: ...


class Trial(msgspec.Struct, kw_only=True, frozen=True):
    """What to backtest.

    Attributes:
        start: first instant, aware UTC.
        end: first instant behind it.
        service: only this service's events and this entity's metrics; empty for all.
        lead_hours: of metrics and changes read before the range; of events it is `review.LEAD_HOURS`.
        rate: most records a second; 0 for no bound.
        most: differences to list.
    """

    start: datetime
    end: datetime
    service: str = ""
    lead_hours: float = METRIC_LEAD_HOURS
    rate: float = 0
    most: int = 20


class Answer(Noun):
    """What came of it.

    Attributes:
        found: pairs of sources: what was raised and the present settings; these and the other settings.
        agreement: the same pairs, as judgements of single inputs.
        timeless: sightings of incidents that have no time of their own, so they are in none of this.
    """

    found: tuple[Differences, ...]
    agreement: tuple[Comparison, ...]
    timeless: int


class Backtest(msgspec.Struct, kw_only=True):
    """How far a backtest has come.

    Attributes:
        total: records to read, with those before the range; 0 while that is not known.
        read: records read, by kind.
        at: the time it has come to.
        seconds: how long it has run.
        reason: why it failed.
    """

    trial: Trial
    state: JobState = JobState.RUNNING
    total: int = 0
    read: dict[RecordKind, int] = {}
    at: datetime | None = None
    seconds: float = 0.0
    reason: str = ""
    answer: Answer | None = None


class _Run(NamedTuple):
    name: str
    detector: Detector
    gathering: Gathering


class Backtester:
    """Backtests one range at a time in a thread of its own.

    Args:
        present: makes a fresh detector with the present settings.
        most: most rows in one answer of the store.
    """

    def __init__(
        self,
        store: Store,
        incidents: Incidents,
        insights: Insights,
        present: Callable[[], Detector],
        clock: Clock,
        most: int = 50_000,
    ) -> None:
        self._history = History(store, most)
        self._incidents = incidents
        self._insights = insights
        self._present = present
        self._clock = clock
        self._job: Job[Backtest] = Job("backtest", "Another backtest runs.")

    @property
    def latest(self) -> Backtest | None:
        """The backtest that runs, or the last one that did."""
        return self._job.latest

    def start(self, trial: Trial, other: Callable[[], Detector] | None = None) -> Backtest:
        """Begin a backtest.

        Args:
            other: makes a fresh detector with the settings to try; None: only the present ones are.

        Raises:
            BadRequest: the range is empty.
            NotPossible: another backtest runs.
        """
        if trial.start >= trial.end:
            raise BadRequest("The range ends before it begins.", "Give --from before --to.")
        backtest = Backtest(trial=trial)
        self._job.start(backtest, lambda started: self.run(started, other))
        return backtest

    def stop(self) -> None:
        """End the backtest that runs after its present page."""
        self._job.stop()

    def wait(self) -> None:
        """Return when the backtest is over."""
        self._job.wait()

    def close(self) -> None:
        """Stop, and wait for the thread."""
        self._job.close()

    def run(self, backtest: Backtest, other: Callable[[], Detector] | None = None) -> None:
        """Backtest a range in this thread.

        Raises:
            BdpError: the store could not be asked, or there is too much to compare.
        """
        trial, begun = backtest.trial, self._clock.monotonic()
        stretch = Stretch(trial.start, trial.end, trial.service)
        makers = {PRESENT: self._present} | ({OTHER: other} if other else {})
        runs = [_Run(name, make(), Gathering(f"{name} settings", stretch)) for name, make in makers.items()]
        pace = Pace(trial.rate, self._clock, self._job.pause)
        for page in self._pages(backtest, runs):
            if self._job.stopping:
                backtest.state = JobState.STOPPED
                return
            pace.take(page.records)
            for run in runs:
                run.gathering.add(page.shown_to(run.detector))
            backtest.read = {**backtest.read, page.kind: backtest.read.get(page.kind, 0) + page.records}
            backtest.at, backtest.seconds = page.at, self._clock.monotonic() - begun
        for run in runs:
            run.gathering.add(run.detector.finish())
        backtest.answer = self._answer(trial, stretch, {run.name: run.gathering.findings for run in runs})
        backtest.seconds = self._clock.monotonic() - begun
        backtest.state = JobState.DONE

    def _answer(self, trial: Trial, stretch: Stretch, runs: Mapping[str, Sequence[Finding]]) -> Answer:
        was, timeless = stored(self._incidents, self._insights, stretch)
        sources = [(WAS, was), *runs.items()]
        pairs = list(pairwise(sources))
        return Answer(
            found=tuple(differences(first, second, trial.most) for first, second in pairs),
            agreement=tuple(
                compared((first[0], second[0]), judgements(*first), judgements(*second)) for first, second in pairs
            ),
            timeless=timeless,
        )

    def _pages(self, backtest: Backtest, runs: Sequence[_Run]) -> Iterator[_Page]:
        """Count what there is, then yield it in the order of its hours."""
        trial = backtest.trial
        stretches = {kind: _stretch(trial, kind) for kind in _KINDS}
        counts = {kind: dict(self._history.hours(kind, stretch)) for kind, stretch in stretches.items()}
        backtest.total = sum(sum(hours.values()) for hours in counts.values())
        for hour in sorted({hour for hours in counts.values() for hour in hours}):
            for kind in _KINDS:
                if hour in counts[kind]:
                    yield from self._hour(kind, stretches[kind], hour, counts[kind][hour])
            for run in runs:
                # Else the names of what it has forgotten would pile up for a journal that is not there.
                run.detector.changed_rows()

    def _hour(self, kind: RecordKind, stretch: Stretch, hour: datetime, count: int) -> Iterator[_Page]:
        if kind is RecordKind.CHANGES:
            return (_Page(kind, changes=page) for page in self._history.changes(stretch, hour, count))
        if kind is RecordKind.METRICS:
            return (_Page(kind, points=page) for page in self._history.points(stretch, hour, count))
        return (_Page(kind, signals=page) for page in self._history.signals(stretch, hour, count))


class _Page(NamedTuple):
    """Some records of one kind."""

    kind: RecordKind
    signals: Sequence[EventSignal] = ()
    points: Sequence[MetricPoint] = ()
    changes: Sequence[Change] = ()

    @property
    def records(self) -> int:
        """How many they are."""
        return len(self.signals) + len(self.points) + len(self.changes)

    @property
    def at(self) -> datetime:
        """Time of the last one."""
        records: Sequence[EventSignal | MetricPoint | Change] = self.signals or self.points or self.changes
        return records[-1].ts

    def shown_to(self, detector: Detector) -> Sequence[Found]:
        """Return what a detector says of them."""
        return detector.observe(self.signals, self.points, self.changes)


def _stretch(trial: Trial, kind: RecordKind) -> Stretch:
    hours = LEAD_HOURS if kind is RecordKind.EVENTS else trial.lead_hours
    return Stretch(max(_EPOCH, trial.start - timedelta(hours=hours)), trial.end, trial.service)
