"""Questions about the fabric's samples on their way to a model and back, in the background; alerts never wait for it.

    pipeline  ->  kept with a deadline  ->  claimed, some at a time  ->  asked  ->  closed, with what its insight says
    (Questions)   (state database)          (any process)                (Counsel)  (one transaction)

A sweep closes with the rules' word what is not answered shortly before its deadline: also what another process had
claimed when it died, and what a call of this one still works on. Whoever closes first counts.

Memory: `workers` batches of questions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from bdp.clock import Clock
from bdp.detect.fabric.settings import FabricSettings
from bdp.errors import Retry
from bdp.flow.counsel import AdviceSettings, Counsel, left_to_rules
from bdp.llm.ask import ChatModel
from bdp.llm.gateway import Gateway, NoModel
from bdp.model.inquiry import Advice, Inquiry
from bdp.model.insight import InsightSource
from bdp.model.spending import Reason
from bdp.ports import Inquiries, Insights
from bdp.telemetry import INQUIRIES, INQUIRIES_WAITING, INQUIRY_SECONDS, Absence

__all__ = ["AdviceSettings", "Advising", "Questions", "advising_by"]

log = structlog.get_logger(__name__)

OLD: Final = "old"
_PASS_SECONDS: Final = 0.5
_MARGIN: Final = timedelta(seconds=2)
"""Before its deadline a question is closed by so much, so that it is closed by then."""
_AT_ONCE: Final = 500
_FORGET: Final = timedelta(hours=1)
_LAST: Final = 5.0


class Questions:
    """Keeps what the detectors want to be asked; for the pipeline."""

    def __init__(self, inquiries: Inquiries, clock: Clock, settings: AdviceSettings) -> None:
        self._inquiries = inquiries
        self._clock = clock
        self._settings = settings

    def keep(self, found: Sequence[Inquiry]) -> None:
        """Keep questions about samples that are not old; again after a crash changes nothing.

        Raises:
            StoreUnavailable: give them again.
        """
        now = self._clock.now()
        oldest = now - timedelta(seconds=self._settings.old_seconds)
        fresh = [one for one in found if one.timestamp >= oldest]
        _count(InsightSource.RULES, OLD, len(found) - len(fresh))
        if fresh:
            self._inquiries.add_all(fresh, now, now + timedelta(seconds=self._settings.deadline_seconds))


class Advising:
    """Answers questions until it is closed.

    Args:
        fabric: for the language, and the time in which a finding is not repeated.
        models: fingerprint of the chain of models; remembered answers of another one do not serve.
        answer_tokens: that an answer of the first model may have: how many questions share a call follows from it.
    """

    def __init__(
        self,
        inquiries: Inquiries,
        insights: Insights,
        model: ChatModel,
        clock: Clock,
        settings: AdviceSettings | None = None,
        fabric: FabricSettings | None = None,
        models: str = "",
        answer_tokens: int = 1000,
    ) -> None:
        self._inquiries = inquiries
        self._clock = clock
        self._settings = settings or AdviceSettings()
        fabric = fabric or FabricSettings()
        self._counsel = Counsel(inquiries, insights, model, clock, self._settings, fabric, models, answer_tokens)
        self._forgotten: datetime | None = None
        self._stop = threading.Event()
        work: list[tuple[str, Callable[[datetime], int]]] = [("advice-sweep", self.sweep)]
        work += [(f"advice-{number}", self.answer) for number in range(self._settings.workers)]
        self._threads = [
            threading.Thread(target=self._run, args=(action,), name=name, daemon=True) for name, action in work
        ]

    def start(self) -> None:
        """Run in the background until `close`."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop. A call that does not come to its end in a few seconds is left alone: others close its questions."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_LAST / len(self._threads))

    def step(self, now: datetime) -> int:
        """Close what is overdue, then answer some of what waits; return how many questions were closed."""
        return self.sweep(now) + self.answer(now)

    def sweep(self, now: datetime) -> int:
        """Close with the rules' word what is at its deadline; return how many.

        Raises:
            StoreUnavailable: the state database is away.
        """
        closed = 0
        while over := self._inquiries.overdue(now + _MARGIN, _AT_ONCE):
            advice = {one.inquiry_id: left_to_rules(one, Reason.TIMEOUT) for one in over}
            done = self._close(over, advice)
            closed += done
            if len(over) < _AT_ONCE or not done:
                break
        self._forget(now)
        return closed

    def answer(self, now: datetime) -> int:
        """Take some of what waits and close it with what a model says; return how many were closed.

        Raises:
            StoreUnavailable: the state database is away; what was taken is closed by its deadline.
        """
        settings = self._settings
        until = now + timedelta(seconds=settings.answer_seconds)
        linger = min(settings.linger_seconds, settings.deadline_seconds / 3)
        taken = self._inquiries.claim(now, self._counsel.most, until, now - timedelta(seconds=linger))
        # What is all but over is the sweep's; it would cut the others' time short.
        batch = [one for one in taken if one.deadline is None or one.deadline > now + 2 * _MARGIN]
        if not batch:
            return 0
        ends = [one.deadline - _MARGIN for one in batch if one.deadline is not None]
        return self._close(batch, self._counsel.advise(batch, min([until, *ends])))

    def measure(self) -> None:
        """Bring the gauge of what waits up to date.

        Raises:
            StoreUnavailable: it stays as it was.
        """
        INQUIRIES_WAITING.set(self._inquiries.counts(self._clock.now()).waiting)

    def _run(self, action: Callable[[datetime], int]) -> None:
        absence = Absence(log, "advice.waiting", "advice.going_on", self._clock.monotonic)
        pause = _PASS_SECONDS
        while not self._stop.wait(pause):
            try:
                pause = 0.0 if action(self._clock.now()) else _PASS_SECONDS
                absence.over()
            except Exception as error:
                # A defect of ours must not end the thread: questions would wait behind a process that looks well.
                pause = _PASS_SECONDS
                absence.met(str(error), trace=not isinstance(error, Retry))

    def _close(self, batch: Sequence[Inquiry], advice: Mapping[str, Advice]) -> int:
        now = self._clock.now()
        closed = self._inquiries.close_all(advice, now)
        asked = timedelta(seconds=self._settings.deadline_seconds)
        for one in batch:
            if one.inquiry_id in closed:
                said = advice[one.inquiry_id]
                _count(said.source, said.reason, 1)
                if one.deadline is not None:
                    seconds = (now - (one.deadline - asked)).total_seconds()
                    INQUIRY_SECONDS.labels(source=said.source).observe(max(0.0, seconds))
        return len(closed)

    def _forget(self, now: datetime) -> None:
        if self._forgotten is None or now - self._forgotten >= _FORGET:
            self._inquiries.forget(now)
            self._forgotten = now


def advising_by(
    gateway: Gateway | NoModel,
    inquiries: Inquiries,
    insights: Insights,
    clock: Clock,
    settings: AdviceSettings,
    fabric: FabricSettings,
) -> Advising | None:
    """Return what answers questions by the gateway's models, which are opened meanwhile; None where there are none."""
    if isinstance(gateway, NoModel):
        return None
    gateway.warm()
    models, tokens = ",".join(gateway.models), gateway.answer_tokens
    return Advising(inquiries, insights, gateway, clock, settings, fabric, models, tokens)


def _count(source: InsightSource, reason: str, number: int) -> None:
    if number:
        INQUIRIES.labels(source=source, reason=reason).inc(number)
