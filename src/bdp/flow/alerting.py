"""From an insight in the state database to people: decided, told, repeated until told; in the background.

    insight kept  ->  desk: alone, in a summary, or left to the digest  ->  message kept  ->  each channel, once
    (one write)       (one write, one desk at a time on all machines)                         (claimed row by row)

Each arrow may be cut by a crash; what is left of it is in the database, and any process goes on from there. It is asked
for once a second, not told of: insights may come from any process that works on the stream.

Memory: 20,000 insights that wait for a decision, 500 bytes each; the ten worst of them whole. What is more in one go
waits for the next summary.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from bdp.clock import Clock
from bdp.errors import Retry
from bdp.flow.courier import Courier
from bdp.flow.digest import Digest
from bdp.flow.notice import SHOWN, alert_of, summary_of
from bdp.flow.triage import FLOOD_WINDOW, AlertingSettings, Known, Verdict, is_old, triage
from bdp.model.action import MessageForm
from bdp.model.insight import AlertState, DueAlert
from bdp.ports import AlertDesk, Alerts, Channel, Effects, Insights
from bdp.telemetry import ALERTS_SUPPRESSED, Absence

log = structlog.get_logger(__name__)

MOST_DUE = 20_000
_FORGET = timedelta(hours=1)


class Alerting:
    """Tells people of critical insights, and of the others once an hour.

    Args:
        channels: each gets every message.
        others: write messages of their own kind; each is called with the time in every step, after the alerts.
    """

    def __init__(
        self,
        insights: Insights,
        alerts: Alerts,
        effects: Effects,
        channels: Sequence[Channel],
        clock: Clock,
        settings: AlertingSettings | None = None,
        others: Sequence[Callable[[datetime], object]] = (),
    ) -> None:
        self._others = others
        self._broken = Absence(log, "alerting.broken", "alerting.mended", clock.monotonic)
        self._insights = insights
        self._alerts = alerts
        self._clock = clock
        self._settings = settings or AlertingSettings()
        self._courier = Courier(alerts, channels, effects, clock, self._settings)
        self._digest = Digest(alerts)
        self._forgotten: datetime | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, args=(self._stop,), name="alerting")

    def start(self) -> None:
        """Run in the background until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what was not sent is sent after the next start."""
        self._stop.set()
        self._thread.join()

    def run(self, stop: threading.Event) -> None:
        """Do a step every `pass_seconds` until `stop` is set."""
        absence = Absence(log, "alerts.waiting", "alerts.going_on", self._clock.monotonic)
        while not stop.wait(self._settings.pass_seconds):
            try:
                self.step(self._clock.now())
                absence.over()
            except Exception as error:
                # A defect of ours must not end the thread: alerts would wait behind a process that looks well.
                absence.met(str(error), trace=not isinstance(error, Retry))

    def step(self, now: datetime) -> int:
        """Decide on what is due, send what waits, write the digest of an hour that is over.

        Returns:
            messages that were taken up for sending.

        Raises:
            StoreUnavailable: the state database is away; nothing is lost.
        """
        if self._alerts.pending(now):
            self._decide(now)
        if self._settings.digest:
            self._digest.step(now)
        sent = self._courier.step()
        self._forget(now)
        self._let_others(now)
        return sent

    def _let_others(self, now: datetime) -> None:
        whole = True
        for number, other in enumerate(self._others):
            try:
                other(now)
            except Retry:
                raise
            except Exception as error:  # a defect of one must not hold up the others
                whole = False
                self._broken.met(f"{type(error).__name__}: {error}", state=str(number), trace=True)
        if whole:
            self._broken.over()

    def _decide(self, now: datetime) -> None:
        with self._alerts.desk() as desk:
            due = desk.due(MOST_DUE)
            if not due:
                return
            verdict = triage(due, self._known(desk, due, now), now, self._settings)
            self._tell(desk, verdict, now)
            desk.suppress([one.entity_id for one in verdict.duplicate], AlertState.DUPLICATE)
            desk.suppress([one.entity_id for one in verdict.old], AlertState.OLD)
        _count(verdict)

    def _known(self, desk: AlertDesk, due: Sequence[DueAlert], now: datetime) -> Known:
        streams = {one.related_entity for one in due if not is_old(one, self._settings)}
        return Known(
            covered=desk.covered(streams, now - timedelta(seconds=self._settings.repeat_seconds)),
            streams=desk.streams_told(now - FLOOD_WINDOW, self._settings.flood_streams + 1),
            last_summary=desk.last_summary(),
            untold=desk.untold(),
        )

    def _tell(self, desk: AlertDesk, verdict: Verdict, now: datetime) -> None:
        detected = {one.entity_id: one.detected_at for one in verdict.alone}
        for insight in desk.insights(list(detected)):
            at, name = detected[insight.entity_id], insight.entity_id
            desk.tell(MessageForm.ALERT, alert_of(insight, at), [name], at, now)
        if verdict.together:
            names = [one.entity_id for one in verdict.together]  # worst first
            message = summary_of(verdict.together, desk.insights(names[:SHOWN]), now)
            first = min(one.detected_at for one in verdict.together)
            desk.tell(MessageForm.SUMMARY, message, names, first, now)

    def _forget(self, now: datetime) -> None:
        if self._forgotten is None or now - self._forgotten >= _FORGET:
            gone = self._insights.forget(now)
            self._forgotten = now
            if gone:
                log.info("insights.forgotten", count=gone)


def _count(verdict: Verdict) -> None:
    for reason, suppressed in (("duplicate", verdict.duplicate), ("old", verdict.old)):
        if suppressed:
            ALERTS_SUPPRESSED.labels(reason=reason).inc(len(suppressed))
