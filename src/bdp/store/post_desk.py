"""The desk's part for messages about incidents: told alone, among others, or left to the digest; told again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select, update

from bdp.model.action import DueReminder, Message, MessageForm, Posted, QuietMessages
from bdp.model.anomaly import SEVERITIES
from bdp.model.incident import IncidentStatus
from bdp.model.insight import AlertState
from bdp.store.database import insert
from bdp.store.insights import chunks
from bdp.store.messages import DONE, GATHERED, GIVEN_UP, NEW, QUIET, WAITING, add_message
from bdp.store.tables import acknowledgements, alerts, incidents, reminders

_POSTED = tuple(alerts.c[name] for name in Posted._fields)
_ALONE = and_(alerts.c.status.in_((WAITING, DONE, GIVEN_UP)), alerts.c.incident_id != "")
_RANK = case({severity.value: rank for rank, severity in enumerate(SEVERITIES)}, value=alerts.c.severity, else_=9)


class SqlPostDesk:
    """Decides on posted messages, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def posted(self, limit: int) -> list[Posted]:
        """Return messages that were not decided yet, first written first."""
        query = select(*_POSTED).where(alerts.c.status == NEW).order_by(alerts.c.next_attempt, alerts.c.written_at)
        return [_posted(row) for row in self._connection.execute(query.limit(limit))]

    def told_about(self, abouts: Collection[str], since: datetime) -> set[tuple[MessageForm, str]]:
        """Return form and `about` of what people were told from `since` on, or are still to be told."""
        carrier = alerts.alias()
        on_the_way = and_(carrier.c.status == WAITING, carrier.c.told_at.is_(None))
        query = (
            select(alerts.c.form, alerts.c.about)
            .join(carrier, carrier.c.key == func.coalesce(alerts.c.told_in, alerts.c.key))
            .where(alerts.c.about != "", alerts.c.status.in_((WAITING, DONE, GIVEN_UP, GATHERED)))
            .where(or_(carrier.c.told_at > since, on_the_way))
            .distinct()
        )
        found: set[tuple[MessageForm, str]] = set()
        for part in chunks(sorted(set(abouts) - {""})):
            rows = self._connection.execute(query.where(alerts.c.about.in_(part)))
            found |= {(MessageForm(form), about) for form, about in rows}
        return found

    def told_alone(self, form: MessageForm, since: datetime) -> int:
        """Return how many messages of one form about one incident each were written from `since` on and told."""
        query = select(func.count()).select_from(alerts).where(alerts.c.form == form, alerts.c.written_at > since)
        return self._connection.scalar(query.where(_ALONE)) or 0

    def last_gathered(self, form: MessageForm) -> datetime | None:
        """Return when the latest message that tells many of a form was written."""
        query = select(alerts.c.written_at).where(alerts.c.form == form, alerts.c.incident_id == "")
        query = query.where(alerts.c.status.in_((WAITING, DONE, GIVEN_UP)))
        found: datetime | None = self._connection.scalar(query.order_by(alerts.c.written_at.desc()).limit(1))
        return found

    def messages(self, keys: Sequence[str]) -> list[Message]:
        """Return messages in this order."""
        found: dict[str, Message] = {}
        for part in chunks(keys):
            rows = self._connection.execute(select(alerts.c.key, alerts.c.message).where(alerts.c.key.in_(part)))
            found |= {row.key: Message(**row.message) for row in rows}
        return [found[key] for key in keys if key in found]

    def release(self, keys: Sequence[str], now: datetime) -> None:
        """Decide that people are told these at once."""
        self._settle(keys, status=WAITING, next_attempt=now)

    def gather(
        self, form: MessageForm, message: Message, keys: Sequence[str], detected_at: datetime, now: datetime
    ) -> None:
        """Write a message that tells all of these, to be sent at once."""
        add_message(self._connection, form, message, detected_at, now, WAITING)
        self._settle(keys, status=GATHERED, told_in=message.key)

    def leave(self, keys: Sequence[str], reason: AlertState) -> None:
        """Decide that nobody is told of these at once."""
        self._settle(keys, status=QUIET, reason=reason)

    def watch(self, keys: Sequence[str], now: datetime, due_at: datetime) -> None:
        """Have these told again from `due_at` on, unless somebody acknowledges; once each.

        An incident that somebody has taken on is not told again, its questions are.
        """
        taken_on = select(acknowledgements.c.incident_id)
        rows = select(alerts.c.key, alerts.c.incident_id).where(
            or_(alerts.c.form != MessageForm.OPENED, alerts.c.incident_id.not_in(taken_on))
        )
        for part in chunks(keys):
            found = self._connection.execute(rows.where(alerts.c.key.in_(part))).mappings()
            times = {"told_at": now, "step": 0, "due_at": due_at}
            values = [dict(row) | times for row in found]
            if values:
                self._connection.execute(insert(self._connection, reminders).on_conflict_do_nothing(), values)

    def unanswered(self, now: datetime, limit: int) -> list[DueReminder]:
        """Return what is to be told again now, the longest due first."""
        is_live = or_(incidents.c.status.is_(None), incidents.c.status != IncidentStatus.RESOLVED)
        query = (
            select(alerts.c.form, alerts.c.message, reminders.c.told_at, reminders.c.step, is_live.label("live"))
            .join(alerts, alerts.c.key == reminders.c.key)
            .outerjoin(incidents, incidents.c.incident_id == reminders.c.incident_id)
            .where(reminders.c.closed_at.is_(None), reminders.c.due_at <= now)
            .order_by(reminders.c.due_at)
            .limit(limit)
        )
        return [_reminder(row) for row in self._connection.execute(query)]

    def remind_again(self, keys: Sequence[str], step: int, due_at: datetime) -> None:
        """Have these told again, with another step, at a later time."""
        self._remind(keys, step=step, due_at=due_at)

    def remind_no_more(self, keys: Sequence[str], now: datetime) -> None:
        """Let these be."""
        self._remind(keys, closed_at=now)

    def quiet_messages(self, before: datetime, most: int) -> QuietMessages | None:
        """Return what was written before this time, told nobody, and is in no digest yet; None if there is nothing."""
        chosen = _undigested(before)
        since = self._connection.scalar(select(func.min(alerts.c.detected_at)).where(chosen))
        if since is None:
            return None
        worst = select(alerts.c.message).where(chosen).order_by(_RANK, alerts.c.written_at.desc()).limit(most)
        return QuietMessages(
            since=since,
            reasons={AlertState(name): count for name, count in self._tally(alerts.c.reason, chosen)},
            forms={MessageForm(name): count for name, count in self._tally(alerts.c.form, chosen)},
            worst=[Message(**one) for one in self._connection.execute(worst).scalars()],
        )

    def digest_messages(self, before: datetime, key: str) -> None:
        """Note that the message `key` tells what `quiet_messages` returned."""
        self._connection.execute(update(alerts).where(_undigested(before)).values(told_in=key))

    def _tally(self, column: Any, chosen: Any) -> list[tuple[str, int]]:
        count = func.count()
        query = select(column, count).where(chosen).group_by(column).order_by(count.desc(), column)
        return [(name, number) for name, number in self._connection.execute(query)]

    def _settle(self, keys: Sequence[str], **decision: Any) -> None:
        for part in chunks(keys):
            chosen = and_(alerts.c.key.in_(part), alerts.c.status == NEW)
            self._connection.execute(update(alerts).where(chosen).values(**decision))

    def _remind(self, keys: Sequence[str], **changes: Any) -> None:
        for part in chunks(keys):
            self._connection.execute(update(reminders).where(reminders.c.key.in_(part)).values(**changes))


def _undigested(before: datetime) -> Any:
    return and_(alerts.c.status == QUIET, alerts.c.told_in.is_(None), alerts.c.written_at < before)


def _posted(row: Any) -> Posted:
    return Posted(*row)._replace(form=MessageForm(row.form))


def _reminder(row: Any) -> DueReminder:
    form, message, told_at, step, live = row
    return DueReminder(MessageForm(form), Message(**message), told_at, step, bool(live))
