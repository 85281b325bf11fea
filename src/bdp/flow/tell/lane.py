"""One channel's lane: messages go through it one after the other, in a thread of its own.

A channel that fails rests for a growing time, for all messages: one that hangs holds up nobody but itself, once in that
time. What waits in the lane behind a failure comes back untried.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog

from bdp.clock import Clock
from bdp.errors import BdpError
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import Message
from bdp.ports import Channel

log = structlog.get_logger(__name__)

MOST = 200
"""Messages in one lane; what is more comes again."""
_BUSY = timedelta(seconds=1)


class Lane:
    """Sends to one channel. Use from one thread."""

    def __init__(self, channel: Channel, clock: Clock, settings: AlertingSettings) -> None:
        self.channel = channel
        self.name = channel.name
        self._clock = clock
        self._settings = settings
        self._failures = 0
        self._until: datetime | None = None
        self._inside = 0
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"channel-{channel.name}")

    @property
    def is_idle(self) -> bool:
        """True while no message is in it."""
        return self._inside == 0

    def is_free(self) -> bool:
        """Return whether it takes a message now: it does not rest, and has not too many."""
        return not self._rests() and self._inside < MOST

    def give(self, message: Message) -> Future[bool]:
        """Send a message when those before it are through; the result says whether the channel has it."""
        with self._lock:
            self._inside += 1
        return self._thread.submit(self._send, message)

    def again(self) -> datetime:
        """Return when it may be asked again."""
        now = self._clock.now()
        return self._until if self._until is not None and self._until > now else now + _BUSY

    def close(self) -> None:
        """Let what waits in it be; a call that hangs is left alone."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _send(self, message: Message) -> bool:
        try:
            return not self._rests() and self._reach(message)
        finally:
            with self._lock:
                self._inside -= 1

    def _reach(self, message: Message) -> bool:
        try:
            self.channel.send(message)
        except BdpError as error:
            self._rest(str(error))
            return False
        except Exception as error:
            # A defect of one channel must not keep messages from the others.
            log.exception("channel.broken", channel=self.name)
            self._rest(type(error).__name__)
            return False
        if self._failures:
            self._failures, self._until = 0, None
            log.info("channel.back", channel=self.name)
        return True

    def _rest(self, why: str) -> None:
        settings = self._settings
        self._failures += 1
        # Limited before the power is taken: a large one does not fit into a float.
        growth = settings.factor ** min(self._failures - 1, 64)
        wait = min(settings.longest_seconds, settings.first_retry_seconds * growth)
        self._until = self._clock.now() + timedelta(seconds=wait)
        log.warning("channel.away", channel=self.name, reason=why, failures=self._failures, retry_seconds=wait)

    def _rests(self) -> bool:
        return self._until is not None and self._clock.now() < self._until
