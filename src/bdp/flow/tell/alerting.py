"""From an insight or a posted message in the state database to people: decided, told, repeated until told.

    insight kept, or  ->  desk: alone, with others, or left to the digest  ->  message kept  ->  each channel, once
    message posted        (one write, one desk at a time on all machines)                        (claimed by the fifty)

Each arrow may be cut by a crash; what is left of it is in the database, and any process goes on from there. What this
process posts wakes it; else it looks once a second, since insights and messages may come from any process.

Memory: 20,000 insights and 5,000 messages that wait for a decision, 500 bytes each; the ten worst of them whole. What
is more in one go waits for the next look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from bdp.clock import Clock
from bdp.errors import Retry
from bdp.flow.tell.courier import Courier
from bdp.flow.tell.digest import Digest
from bdp.flow.tell.escalation import MOST_DUE as MOST_UNANSWERED
from bdp.flow.tell.escalation import Escalation
from bdp.flow.tell.incident_notice import gathered_message
from bdp.flow.tell.notice import SHOWN, alert_of, summary_of
from bdp.flow.tell.sorting import MANY, WINDOW, Heard, Lately, Sorted, sort
from bdp.flow.tell.triage import FLOOD_WINDOW, AlertingSettings, Known, Verdict, is_old, triage
from bdp.model.action import DueReminder, MessageForm, Posted
from bdp.model.insight import AlertState, DueAlert
from bdp.ports import AlertDesk, Alerts, Channel, Insights
from bdp.telemetry import ALERTS_SUPPRESSED, MESSAGES_LEFT, Absence

log = structlog.get_logger(__name__)

MOST_DUE = 20_000
MOST_POSTED = 5_000
_FORGET = timedelta(hours=1)
_SOON = 0.1


class Alerting:
    """Tells people of incidents, questions and critical insights at once, and of the rest once an hour.

    Args:
        channels: each gets what its settings let through.
        others: write messages of their own kind; each is called with the time in every step, after the alerts.
        escalation: tells again what nobody acknowledges; None: nothing is.
        waiting: returns how many questions wait for an answer, for the digest.
    """

    def __init__(
        self,
        insights: Insights,
        alerts: Alerts,
        channels: Sequence[Channel],
        clock: Clock,
        settings: AlertingSettings | None = None,
        others: Sequence[Callable[[datetime], object]] = (),
        escalation: Escalation | None = None,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        self._others = others
        self._broken = Absence(log, "alerting.broken", "alerting.mended", clock.monotonic)
        self._insights = insights
        self._alerts = alerts
        self._clock = clock
        self._settings = settings or AlertingSettings()
        self._escalation = escalation
        self._courier = Courier(alerts, channels, clock, self._settings)
        self._digest = Digest(alerts, waiting)
        self._forgotten: datetime | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, args=(self._stop,), name="alerting")

    def start(self) -> None:
        """Run in the background until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what was not sent is sent after the next start."""
        self._stop.set()
        self._alerts.ring()
        self._thread.join()
        self._courier.close()

    def run(self, stop: threading.Event) -> None:
        """Do a step when this process posts something, and every `pass_seconds`, until `stop` is set."""
        absence = Absence(log, "alerts.waiting", "alerts.going_on", self._clock.monotonic)
        while not stop.is_set():
            # While a slow channel has messages in hand, what comes of them is noted soon.
            if self._alerts.wait(_SOON if self._courier.busy else self._settings.pass_seconds):
                stop.wait(self._settings.linger_seconds)  # more may come, and one step takes many
            if stop.is_set():
                break
            try:
                self.step(self._clock.now())
                absence.over()
            except Exception as error:
                # A defect of ours must not end the thread: alerts would wait behind a process that looks well.
                absence.met(str(error), trace=not isinstance(error, Retry))
                stop.wait(self._settings.pass_seconds)

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
        """Decide on insights and on messages, at one desk; then on what nobody has answered."""
        verdict, done, unanswered = Verdict(), Sorted(), list[DueReminder]()
        with self._alerts.desk() as desk:
            if due := desk.due(MOST_DUE):
                verdict = triage(due, self._known(desk, due, now), now, self._settings)
                self._tell(desk, verdict, now)
                desk.suppress([one.entity_id for one in verdict.duplicate], AlertState.DUPLICATE)
                desk.suppress([one.entity_id for one in verdict.old], AlertState.OLD)
            if posted := desk.posted(MOST_POSTED):
                done = sort(posted, self._heard(desk, posted, now), now, self._settings)
                self._settle(desk, done, now)
            if self._escalation:
                unanswered = desk.unanswered(now, MOST_UNANSWERED)
        _count(verdict)
        _count_posted(done)
        if self._escalation and unanswered:
            self._escalation.step(self._alerts, unanswered, now)

    def _heard(self, desk: AlertDesk, posted: Sequence[Posted], now: datetime) -> Heard:
        forms = MANY & {one.form for one in posted}
        return Heard(
            about=desk.told_about(
                {one.about for one in posted}, now - timedelta(seconds=self._settings.repeat_seconds)
            ),
            lately={form: Lately(desk.told_alone(form, now - WINDOW), desk.last_gathered(form)) for form in forms},
            untold=desk.untold() if forms else 0,
        )

    def _settle(self, desk: AlertDesk, done: Sorted, now: datetime) -> None:
        desk.release([one.key for one in done.alone], now)
        for form, many in done.together.items():
            worst = desk.messages([one.key for one in many[:SHOWN]])  # worst first
            first = min(one.detected_at for one in many)
            desk.gather(form, gathered_message(form, many, worst, now), [one.key for one in many], first, now)
        for reason, some in done.quiet.items():
            desk.leave([one.key for one in some], reason)
        if self._escalation:
            told = [*done.alone, *(one for many in done.together.values() for one in many)]
            self._escalation.watch(desk, told, now)

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


def _count_posted(done: Sorted) -> None:
    for reason, some in (*done.quiet.items(), *(("gathered", many) for many in done.together.values())):
        for one in some:
            MESSAGES_LEFT.labels(form=one.form, reason=reason).inc()
