"""Brings messages to the channels, each once, through crashes and absences.

A channel that fails rests for a growing time, for all messages: one that hangs holds up the others once in that time,
not once a message. A message waits only for the channels that do not have it; that each has it once is the work of
`bdp.notify.channels.deliver`, by the message's key.

A process that is killed with a message in its hands loses its claim after `claim_seconds`; the next one to take it
sends it to the channels that are not known to have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bdp.clock import Clock
from bdp.flow.triage import AlertingSettings
from bdp.model.action import Message, MessageForm, Outgoing
from bdp.notify.channels import deliver
from bdp.ports import Alerts, Channel, Effects
from bdp.telemetry import ALERT_SECONDS, ALERTS_SUPPRESSED, ALERTS_TOLD, ALERTS_WAITING, COST_MESSAGES, DIGESTS

log = structlog.get_logger(__name__)

_AT_ONCE = 100
"""Messages sent before there is a look for new insights."""


@dataclass
class _Rest:
    """A channel that failed: how often in a row, and until when it is left alone."""

    failures: int
    until: datetime


class Courier:
    """Sends what waits. One per process; several processes share the messages."""

    def __init__(
        self, alerts: Alerts, channels: Sequence[Channel], effects: Effects, clock: Clock, settings: AlertingSettings
    ) -> None:
        self._alerts = alerts
        self._channels = channels
        self._effects = effects
        self._clock = clock
        self._settings = settings
        self._resting: dict[str, _Rest] = {}

    def step(self) -> int:
        """Send the messages whose time has come, at most 100; return how many were taken up.

        Raises:
            StoreUnavailable: the state database is away; what was sent is known to have been.
        """
        done = 0
        while done < _AT_ONCE and (outgoing := self._alerts.claim(self._clock.now(), self._until())) is not None:
            self._carry(outgoing)
            done += 1
        if done:
            ALERTS_WAITING.set(self._alerts.waiting())
        return done

    def _carry(self, outgoing: Outgoing) -> None:
        key, told, missing = outgoing.message.key, outgoing.told_at is not None, []
        for channel in self._channels:
            if self._rests(channel):
                missing.append(channel.name)
                continue
            self._alerts.hold(key, self._until())
            if not self._reach(channel, outgoing.message):
                missing.append(channel.name)
            elif not told:
                told = True
                self._count(outgoing)
        self._close(outgoing, told, missing)

    def _close(self, outgoing: Outgoing, told: bool, missing: Sequence[str]) -> None:
        now, key = self._clock.now(), outgoing.message.key
        patience = self._settings.late_seconds if told else self._settings.give_up_seconds
        since = (outgoing.told_at or now) if told else outgoing.written_at
        over = bool(missing) and now - since >= timedelta(seconds=patience)
        again = min((self._resting[name].until for name in missing), default=None)
        self._alerts.tried(key, now, told=told, again=again)
        if over:
            lost = self._alerts.give_up(key)
            if outgoing.form in (MessageForm.ALERT, MessageForm.SUMMARY):
                ALERTS_SUPPRESSED.labels(reason="unreachable").inc(lost)
            log.warning("alert.given_up", key=key, channels=list(missing), insights=lost)

    def _reach(self, channel: Channel, message: Message) -> bool:
        """Return whether the channel has the message now."""
        try:
            why = deliver([channel], message, self._effects, self._clock, tries=1).failed.get(channel.name)
        except Exception as error:
            # A defect of one channel must not keep messages from the others.
            log.exception("channel.broken", channel=channel.name)
            why = f"{type(error).__name__}: {error}"
        if why is None:
            if self._resting.pop(channel.name, None):
                log.info("channel.back", channel=channel.name)
            return True
        self._rest(channel.name, why)
        return False

    def _rest(self, name: str, why: str) -> None:
        settings, before = self._settings, self._resting.get(name)
        failures = before.failures + 1 if before else 1
        # Limited before the power is taken: a large one does not fit into a float.
        wait = min(settings.longest_seconds, settings.first_retry_seconds * settings.factor ** min(failures - 1, 64))
        self._resting[name] = _Rest(failures, self._clock.now() + timedelta(seconds=wait))
        log.warning("channel.away", channel=name, reason=why, failures=failures, retry_seconds=wait)

    def _rests(self, channel: Channel) -> bool:
        rest = self._resting.get(channel.name)
        return rest is not None and self._clock.now() < rest.until

    def _count(self, outgoing: Outgoing) -> None:
        if outgoing.form is MessageForm.DIGEST:
            DIGESTS.inc()
            return
        if outgoing.form is MessageForm.COST:
            COST_MESSAGES.inc()
            return
        ALERTS_TOLD.labels(form=outgoing.form).inc()
        ALERT_SECONDS.observe(max(0.0, (self._clock.now() - outgoing.detected_at).total_seconds()))

    def _until(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._settings.claim_seconds)
