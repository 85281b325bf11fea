"""Brings messages to the channels, each once, through crashes and absences.

Messages are claimed many at a time and go into one lane per channel, side by side; what came of them is noted many at a
time as well. A message waits only for the channels that do not have it. A channel that is slow gets a moment; then the
others go on, and its messages stay in hand, claimed, until it is through.

A process that is killed with messages in its hands loses its claim after `claim_seconds`; the next one to take them
sends them, with the same keys, to the channels that are not known to have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bdp.clock import Clock
from bdp.flow.tell.lane import Lane
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import MessageForm, Outgoing, Tried
from bdp.notify.route import wants
from bdp.ports import Alerts, Channel
from bdp.telemetry import (
    ALERT_SECONDS,
    ALERTS_SUPPRESSED,
    ALERTS_TOLD,
    ALERTS_WAITING,
    COST_MESSAGES,
    DIGESTS,
    MESSAGES_LEFT,
    OPENED_SECONDS,
)

log = structlog.get_logger(__name__)

_AT_ONCE = 200
"""Messages taken up before there is a look for new ones to decide on."""
_BATCH = 50
_MOMENT = 0.25
"""Seconds that a batch waits for slow channels."""
_MOST_IN_HAND = 1000
_INSIGHTS = (MessageForm.ALERT, MessageForm.SUMMARY)


@dataclass
class _InHand:
    """A message between being claimed and being noted."""

    outgoing: Outgoing
    had: set[str]
    missing: list[Lane] = field(default_factory=list)
    asked: dict[Lane, Future[bool]] = field(default_factory=dict)
    told: bool = False
    is_noted: bool = False
    """That a channel has it is in the database."""


class Courier:
    """Sends what waits. One per process; several processes share the messages. `step` from one thread."""

    def __init__(self, alerts: Alerts, channels: Sequence[Channel], clock: Clock, settings: AlertingSettings) -> None:
        self._alerts = alerts
        self._clock = clock
        self._settings = settings
        self._lanes = [Lane(channel, clock, settings) for channel in channels]
        self._hands: dict[str, _InHand] = {}
        self._held: datetime | None = None
        self._slow: set[Lane] = set()

    def step(self) -> int:
        """Send the messages whose time has come, at most 200; return how many were taken up.

        Raises:
            StoreUnavailable: the state database is away; what was sent is known to have been, or sent again by key.
        """
        self._note(self._hands.values())
        self._hold()
        done = 0
        while done < _AT_ONCE and len(self._hands) < _MOST_IN_HAND:
            batch = self._alerts.claim_all(self._clock.now(), self._until(), _BATCH)
            if not batch:
                break
            self._carry(batch)
            done += len(batch)
        if done:
            ALERTS_WAITING.set(self._alerts.waiting())
        return done

    @property
    def busy(self) -> bool:
        """True while a slow channel has messages in hand."""
        return bool(self._hands)

    def close(self) -> None:
        """Let everything be; what was not sent is sent after the next start."""
        for lane in self._lanes:
            lane.close()

    def _carry(self, batch: Sequence[Outgoing]) -> None:
        hands = [self._take(outgoing) for outgoing in batch]
        self._slow = {lane for lane in self._slow if not lane.is_idle}
        asked = [(lane, future) for hand in hands for lane, future in hand.asked.items() if lane not in self._slow]
        wait([future for _, future in asked], timeout=_MOMENT)
        # What hangs is waited for once, not with each batch.
        self._slow |= {lane for lane, future in asked if not future.done()}
        self._note(hands)

    def _take(self, outgoing: Outgoing) -> _InHand:
        hand = _InHand(outgoing, set(outgoing.had), is_noted=outgoing.told_at is not None)
        hand.told = hand.is_noted
        self._hands[outgoing.message.key] = hand
        for lane in self._lanes:
            if lane.name in hand.had or not wants(lane.channel, outgoing.form, outgoing.message):
                continue
            if lane.is_free():
                hand.asked[lane] = lane.give(outgoing.message)
            else:
                hand.missing.append(lane)
        return hand

    def _note(self, hands: Iterable[_InHand]) -> None:
        """Write down what came of these so far; what is through is in hand no more."""
        hands, outcomes = list(hands), []
        for hand in hands:
            self._gather(hand)
            if not hand.asked:
                again = min((lane.again() for lane in hand.missing), default=None)
                outcomes.append(Tried(hand.outgoing.message.key, hand.told, again, tuple(sorted(hand.had))))
            elif hand.told and not hand.is_noted:
                outcomes.append(Tried(hand.outgoing.message.key, True, self._until(), tuple(sorted(hand.had))))
        if not outcomes:
            return
        self._alerts.tried_all(outcomes, self._clock.now())
        for hand in hands:
            hand.is_noted = hand.told
            if not hand.asked:
                del self._hands[hand.outgoing.message.key]
                self._give_up(hand)

    def _gather(self, hand: _InHand) -> None:
        for lane, future in list(hand.asked.items()):
            if not future.done():
                continue
            del hand.asked[lane]
            if not future.result():
                hand.missing.append(lane)
                continue
            hand.had.add(lane.name)
            if not hand.told:
                hand.told = True
                self._count(hand.outgoing)

    def _give_up(self, hand: _InHand) -> None:
        """Send no more what was tried for long enough."""
        outgoing, now = hand.outgoing, self._clock.now()
        patience = self._settings.late_seconds if hand.told else self._settings.give_up_seconds
        since = (outgoing.told_at or now) if hand.told else outgoing.written_at
        if not hand.missing or now - since < timedelta(seconds=patience):
            return
        lost = self._alerts.give_up(outgoing.message.key)
        if outgoing.form in _INSIGHTS:
            ALERTS_SUPPRESSED.labels(reason="unreachable").inc(lost)
        elif not hand.told:
            MESSAGES_LEFT.labels(form=outgoing.form, reason="unreachable").inc()
        channels = [lane.name for lane in hand.missing]
        log.warning("alert.given_up", key=outgoing.message.key, channels=channels, insights=lost)

    def _hold(self) -> None:
        """Keep what is in hand from others."""
        now = self._clock.now()
        if self._held is not None and now - self._held < timedelta(seconds=self._settings.claim_seconds / 3):
            return
        self._held = now
        if self._hands:
            self._alerts.hold_all(list(self._hands), self._until())

    def _count(self, outgoing: Outgoing) -> None:
        if outgoing.form is MessageForm.DIGEST:
            DIGESTS.inc()
            return
        if outgoing.form is MessageForm.COST:
            COST_MESSAGES.inc()
            return
        ALERTS_TOLD.labels(form=outgoing.form).inc()
        seconds = max(0.0, (self._clock.now() - outgoing.detected_at).total_seconds())
        if outgoing.form in _INSIGHTS:
            ALERT_SECONDS.observe(seconds)
        elif outgoing.form is MessageForm.OPENED:
            OPENED_SECONDS.observe(seconds)

    def _until(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._settings.claim_seconds)
