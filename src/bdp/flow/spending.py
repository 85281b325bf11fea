"""Watches over the money that models cost: tells people, and tidies up after processes that died.

However many processes do so, each message is written once: its key says which hour, budget or day it is about.

Memory: keys of messages that were written, 200 of them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import structlog

from bdp.flow.account import account_of, alarm_of, reached_of
from bdp.llm.settings import BudgetSettings
from bdp.model.action import Message, MessageForm
from bdp.model.spending import NANO, Standing
from bdp.ports import Alerts, Inquiries, Spending

log = structlog.get_logger(__name__)

LOST_AFTER: Final = timedelta(minutes=15)
"""Longer than any request takes: what is not settled by then never will be."""
KEPT: Final = timedelta(days=40)
_SETTLED: Final = LOST_AFTER + timedelta(minutes=5)
_EXPIRE: Final = timedelta(minutes=1)
_FORGET: Final = timedelta(hours=1)
_MOST_KEYS: Final = 200


class SpendingWatch:
    """Does one step about once a second, in each process that may tell people.

    Args:
        inquiries: for the cost of an insight in the day's account.
    """

    def __init__(
        self, spending: Spending, alerts: Alerts, settings: BudgetSettings, inquiries: Inquiries | None = None
    ) -> None:
        self._spending = spending
        self._alerts = alerts
        self._settings = settings
        self._inquiries = inquiries
        self._bounds = settings.bounds()
        self._written: dict[str, None] = {}
        self._accounted: date | None = None
        self._expired: datetime | None = None
        self._forgotten: datetime | None = None

    def step(self, now: datetime) -> None:
        """Write the messages that are due; book what was lost; forget what is old.

        Raises:
            StoreUnavailable: ask again; nothing is lost.
        """
        now = now.astimezone(UTC)
        self._expire(now)
        for message in self._due(now):
            self._write(message, now)
        self._account(now)
        self._forget(now)

    def _due(self, now: datetime) -> list[Message]:
        standings = self._spending.standings(now, self._bounds)
        if now.minute < LOST_AFTER.seconds // 60:  # what an hour costs is known some minutes after it
            last = self._spending.standings(now - timedelta(hours=1), self._bounds)
            standings += [one for one in last if one.name == "hour"]
        return [message for one in standings if (message := self._message(one))]

    def _message(self, one: Standing) -> Message | None:
        if one.name == "hour":
            return alarm_of(one, self._settings) if one.spent > self._settings.hour_alarm_usd * NANO else None
        # A limit of nothing is meant so: nobody is told that it is reached.
        return reached_of(one, self._settings) if one.refused and one.limit else None

    def _account(self, now: datetime) -> None:
        """Write the account of the day before, once all of it is settled."""
        day = now.date() - timedelta(days=1)
        if self._accounted == day:
            return
        midnight = datetime.combine(now.date(), time(), UTC)
        standings = self._spending.standings(midnight - timedelta(seconds=1), self._bounds)
        if any(one.reserved for one in standings if one.name == "day") and now - midnight < _SETTLED:
            return
        costs = self._spending.costs(day, now.date())
        if any(line.nano_usd for line in costs):
            begin = midnight - timedelta(days=1)
            counts = self._inquiries.counts(begin, midnight) if self._inquiries else None
            self._write(account_of(day, costs, standings, counts), now)
        self._accounted = day

    def _write(self, message: Message, now: datetime) -> None:
        if message.key in self._written:
            return
        with self._alerts.desk() as desk:
            is_new = desk.tell(MessageForm.COST, message, (), now, now)
        self._written[message.key] = None
        while len(self._written) > _MOST_KEYS:
            del self._written[next(iter(self._written))]
        if is_new:
            log.info("spending.told", key=message.key, title=message.title)

    def _expire(self, now: datetime) -> None:
        if self._expired is None or now - self._expired >= _EXPIRE:
            lost = self._spending.expire(now - LOST_AFTER)
            self._expired = now
            if lost:
                log.warning("spending.lost", calls=lost, booked="as dear as they could be")

    def _forget(self, now: datetime) -> None:
        if self._forgotten is None or now - self._forgotten >= _FORGET:
            gone = self._spending.forget(now - KEPT)
            self._forgotten = now
            if gone:
                log.info("spending.forgotten", calls=gone)
