"""The hourly digest: one message about what nobody was told at once, or none if there is nothing.

Each insight, and each message that was left to it, is in one digest. A digest tells everything detected before the end
of its hour that no earlier one told, so one that was written late, or decided on late, is in the next. It also says how
many questions wait for an answer; for these alone there is none. Its key is its hour: however many processes come to
write it, and however often they start again, there is one.

Memory: counts by type, and the ten worst insights and streams.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bdp.flow.tell.hourly import Quiet, hourly_message
from bdp.flow.tell.notice import SHOWN
from bdp.model.action import MessageForm
from bdp.ports import Alerts


class Digest:
    """Writes digests of hours that are over.

    Args:
        waiting: returns how many questions wait for an answer.
    """

    def __init__(self, alerts: Alerts, waiting: Callable[[], int] = lambda: 0) -> None:
        self._alerts = alerts
        self._waiting = waiting
        self._written: datetime | None = None

    def step(self, now: datetime) -> bool:
        """Write the digest of the latest hour that is over, unless it was written; return whether this call did.

        Raises:
            StoreUnavailable: ask again.
        """
        until = now.replace(minute=0, second=0, microsecond=0)
        if self._written is not None and until <= self._written:
            return False
        written = self._write(until, now)
        self._written = until
        return written

    def _write(self, until: datetime, now: datetime) -> bool:
        waiting = self._waiting()
        with self._alerts.desk() as desk:
            quiet = Quiet(desk.quiet(until, SHOWN), desk.quiet_messages(until, SHOWN), waiting)
            since = quiet.since
            if since is None:
                return False
            message = hourly_message(quiet, until)
            if not desk.tell(MessageForm.DIGEST, message, (), since, now):
                return False  # the hour had its digest; the rest is for the next
            desk.digested(until, message.key)
            desk.digest_messages(until, message.key)
            return True
