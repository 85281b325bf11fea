"""AWS Cost Explorer as a way in: asked a few times a day, for the days that may still change.

One fetch is one statement, and nothing of it is delivered before all of it is there, so that no day is told by halves.
A fetch that a crash cut off is made again as another statement, which takes the place of what came of the first: no
cost counts twice. When it was last asked is kept in the home (`checkpoints.py`), because **each page of each answer
costs money**: a start of the process is no reason to ask again. One process asks.

Memory: a batch and one page of an answer; what was fetched waits in a temporary file.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import IO, Final, Literal

import msgspec
import structlog
from pydantic import Field

from bdp.clock import Clock
from bdp.errors import BadSetting, BdpError, MissingExtra, NotAllowed, Reject, Retry
from bdp.ids import Ids
from bdp.intake.feeds.checkpoints import Checkpoint, Checkpoints, Plan
from bdp.intake.feeds.feed import Deliver, Stopped, deliver_surely
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.providers.cost_explorer import CostExplorer, CostExplorerSettings
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Batch, RecordKind
from bdp.model.cost_result import ProviderView
from bdp.ports import CostProvider
from bdp.telemetry import Absence

log = structlog.get_logger(__name__)

KeepView = Callable[[ProviderView], None]
Refuse = Callable[[RefusedRecord, bytes], None]
_COSTS: Final = "costs"
_VIEWS: Final = "views"
_FIRST_WAIT = 60.0
_LONGEST_WAIT = 3600.0
_AFTER_CRASH = 300.0
"""Seconds between two fetches of which the first never ended: a process that cannot live must not spend money."""
_CLOCK: Final = "Set it right; what was said later would stay in place of what is said now."
_DAY: Final = timedelta(days=1)
_ANOMALY_DAYS: Final = timedelta(days=89)


class CostFeedSettings(CostExplorerSettings):
    """Costs that AWS Cost Explorer is asked for. AWS bills 0.01 USD for each page of each answer."""

    kind: Literal["cost_explorer"] = "cost_explorer"
    every_hours: float = Field(
        default=8.0,
        ge=1,
        le=168,
        description="how often it is asked: costs, forecast and anomalies are a request each or more, and AWS bills "
        "0.01 USD for each; at 8 hours about 3 USD a month. AWS itself has news up to three times a day",
    )
    history_days: int = Field(default=90, ge=1, le=395, description="days that the first fetch asks for")
    restate_days: int = Field(
        default=5, ge=1, le=60, description="days before the last fetch that are asked for again, because AWS corrects"
    )
    today: bool = Field(default=False, description="also the day that is not over, with what it has cost so far")
    forecast: bool = Field(default=True, description="ask for AWS's own forecast as well")
    forecast_days: int = Field(default=30, ge=1, le=90, description="days ahead that AWS is asked for")
    anomalies: bool = Field(default=True, description="ask for what AWS Cost Anomaly Detection found as well")


class CostFeed:
    """`feed.Feed` on Cost Explorer.

    Args:
        keep_view: keeps what AWS itself forecasts and finds.
        connect: makes the provider.
    """

    def __init__(
        self,
        settings: CostFeedSettings,
        intake: IntakeSettings,
        deliver: Deliver,
        keep_view: KeepView,
        checkpoints: Checkpoints,
        clock: Clock,
        ids: Ids,
        connect: Callable[[CostFeedSettings, Clock, Refuse], CostProvider] = CostExplorer,
    ) -> None:
        self.name = settings.name
        self.trouble = ""
        self._absence = Absence(log, "feed.interrupted", "feed.resumed", clock.monotonic, feed=settings.name)
        self._settings = settings
        self._intake = intake
        self._deliver = deliver
        self._keep_view = keep_view
        self._checkpoints = checkpoints
        self._clock = clock
        self._ids = ids
        self._denied = ""
        self._parcel = self._new_parcel()
        self._provider = connect(settings, clock, lambda error, raw: self._parcel.refuse(error, lambda: raw))

    def run(self, stop: threading.Event) -> None:
        """See `feed.Feed.run`."""
        wait = _FIRST_WAIT
        while not stop.is_set():
            try:
                due = self.poll(stop)
                wait = _FIRST_WAIT
                if not self.trouble:
                    self._absence.over()
                stop.wait(due)
            except Stopped:
                return
            except (BadSetting, MissingExtra):
                raise
            except BdpError as error:
                self.trouble = str(error)
                self._absence.met(self.trouble)
                stop.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT)

    def poll(self, stop: threading.Event) -> float:
        """Ask for what is due and bring it into custody; return the seconds until something is due.

        Raises:
            Stopped: `stop` was set before it was in custody.
            Retry, NotAllowed, Reject: try again later.
            BadSetting, MissingExtra: it cannot work as it is set up.
        """
        due = self._take(_COSTS, lambda now, after: self._fetch(now, after, stop))
        if self._settings.forecast or self._settings.anomalies:
            due = min(due, self._take(_VIEWS, self._ask_views))
        self.trouble = self._denied
        return min(due, _LONGEST_WAIT)  # the clock may be set, and a machine may sleep

    def _take(self, line: str, take: Callable[[datetime, str], None]) -> float:
        """Do what a line is for, if it is due; return the seconds until it is due again."""
        now = self._clock.now()
        at = self._checkpoints.of(self.name).get(line, Checkpoint())
        every = self._settings.every_hours * 3600
        since, pause = (at.plan.last, _AFTER_CRASH) if at.plan else (at.after, every)
        last = datetime.fromisoformat(since) if since else now - timedelta(seconds=pause)
        if last > now:
            raise Retry(f"The clock says {now:%Y-%m-%d %H:%M}, before the last fetch ({last:%Y-%m-%d %H:%M}).", _CLOCK)
        due = last + timedelta(seconds=pause)
        if due > now:
            return (due - now).total_seconds()
        planned = at.planned(Plan(now.isoformat(), now.isoformat(), 1))
        self._checkpoints.put(self.name, line, planned)
        try:
            take(now, at.after)
        except BdpError:
            self._checkpoints.put(self.name, line, at)
            raise
        self._checkpoints.put(self.name, line, planned.settled())
        return every

    def _fetch(self, now: datetime, after: str, stop: threading.Event) -> None:
        start, end = self._span(now.date(), after)
        with tempfile.TemporaryFile() as spool:
            sizes = [_put(spool, batch) for batch in self._batches(now, start, end)]
            spool.seek(0)
            for size in sizes:
                deliver_surely(self, self._deliver, msgspec.msgpack.decode(spool.read(size), type=Batch), stop)

    def _span(self, today: date, after: str) -> tuple[date, date]:
        """Return the days to ask for; the end is not one of them."""
        oldest = today - timedelta(days=self._settings.history_days)
        start = oldest
        if after:
            start = datetime.fromisoformat(after).date() - timedelta(days=self._settings.restate_days)
            if start < oldest:
                log.warning("feed.days_lost", feed=self.name, begin=start.isoformat(), end=oldest.isoformat())
        return max(start, oldest), today + _DAY if self._settings.today else today

    def _batches(self, now: datetime, start: date, end: date) -> Iterator[Batch]:
        """Yield what is asked for, cut between days where they are not too large: a day comes in one piece."""
        usual, most = self._intake.batch_records, self._intake.max_records
        self._parcel, number, day = self._new_parcel(), 0, None
        for line in self._provider.lines(start, end):
            held, before, day = len(self._parcel), day, line.charge_period_start
            if held >= most or (held >= usual and day != before):
                yield self._batch(now, number)
                self._parcel, number = self._new_parcel(), number + 1
            self._parcel.point(line, lambda line=line: msgspec.json.encode(line))  # type: ignore[misc]
        yield self._batch(now, number)

    def _batch(self, now: datetime, number: int) -> Batch:
        return self._parcel.batch(f"{self.name}:{now.isoformat()}:{number}", self._ids)

    def _new_parcel(self) -> Parcel:
        return Parcel(RecordKind.COSTS, Edge(self._clock.now(), self._intake), self.name)

    def _ask_views(self, now: datetime, _after: str) -> None:
        """Keep what AWS forecasts and finds; what it refuses for good is told in the view and in `trouble`."""
        settings, today = self._settings, now.date()
        problems: list[str] = []
        self._denied = ""
        view = ProviderView(name=self.name, asked_at=now)
        try:
            if settings.forecast:
                found = self._provider.forecast(today, today + timedelta(days=settings.forecast_days))
                view = view.model_copy(update={"forecast": found})
                problems += [self._provider.problem] if found is None else []
        except NotAllowed as error:
            problems.append(self._refused(error, "forecast"))
        try:
            if settings.anomalies:
                anomalies = self._provider.anomalies(today - _ANOMALY_DAYS, today + _DAY)
                view = view.model_copy(update={"anomalies": anomalies})
        except NotAllowed as error:
            problems.append(self._refused(error, "anomalies"))
        except Reject as error:
            problems.append(error.what)
        self._keep_view(view.model_copy(update={"problem": " ".join(problems)}))

    def _refused(self, error: NotAllowed, setting: str) -> str:
        told = f"{error} Or set {setting} = false."
        self._denied = f"{self._denied} {told}".strip()
        self._absence.met(self._denied)
        return told


def _put(spool: IO[bytes], batch: Batch) -> int:
    return spool.write(msgspec.msgpack.encode(batch))
