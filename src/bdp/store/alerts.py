"""What people are to be told: the desk where it is decided, and the messages until each channel has them.

A message is claimed by moving its `next_attempt` ahead: who claimed it and died has it no longer once that time comes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select, text, update

from bdp.errors import NotFound
from bdp.model.action import Acknowledgement, Message, MessageForm, Outgoing, Tried
from bdp.model.decision import AuditEntry
from bdp.model.incident import Incident
from bdp.model.insight import AlertStanding, AlertState
from bdp.store.alert_desk import IS_DUE, SqlAlertDesk
from bdp.store.audit import write_down
from bdp.store.database import Database, insert
from bdp.store.insights import name_of
from bdp.store.messages import GATHERED, GIVEN_UP, NEW, QUIET, WAITING, add_message, note_tried, take_messages
from bdp.store.tables import acknowledgements, alerts, incidents, insights, reminders, threads

_DESK = 0x62647061  # PostgreSQL: advisory lock of the one desk


class Announcement(NamedTuple):
    """What people are to be told of a new incident.

    Attributes:
        old: it was long over when it was found: the digest tells it.
    """

    message: Message
    old: bool = False


Announce = Callable[[Incident], Announcement | None]
"""Says what people are told of an incident that begins; None: nothing."""


class SqlAlerts:
    """`bdp.ports.Alerts` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rung = threading.Event()

    @contextmanager
    def desk(self) -> Iterator[SqlAlertDesk]:
        """Open the desk: one at a time on all machines; what was decided is kept at its end, all or nothing.

        Raises:
            StoreUnavailable: the database did not answer, or another desk is open for too long.
        """
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":  # on SQLite a write transaction is alone anyhow
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _DESK})
            yield SqlAlertDesk(connection)

    def post(self, form: MessageForm, message: Message, detected_at: datetime, now: datetime) -> bool:
        """Write a message, to be decided on and sent; False if its key was written before."""
        with self._database.write() as connection:
            is_new = add_message(connection, form, message, detected_at, now)
        if is_new:
            self.ring()
        return is_new

    def ring(self) -> None:
        """Say to who waits in this process that there is something to do."""
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        """Wait until this process writes something, or for so long; return whether it did."""
        rung = self._rung.wait(seconds)
        self._rung.clear()
        return rung

    def pending(self, now: datetime) -> bool:
        """Return whether there is something to decide or to send."""
        new = select(alerts.c.key).where(alerts.c.status == NEW)
        ripe = select(alerts.c.key).where(alerts.c.status == WAITING, alerts.c.next_attempt <= now)
        again = select(reminders.c.key).where(reminders.c.closed_at.is_(None), reminders.c.due_at <= now)
        with self._database.read() as connection:
            asked = (select(insights.c.entity_id).where(IS_DUE), new, ripe, again)
            return any(connection.scalar(query.limit(1)) is not None for query in asked)

    def claim(self, now: datetime, until: datetime) -> Outgoing | None:
        """Return a message that is to be sent now, and keep it from others until `until`; new ones first."""
        return next(iter(self.claim_all(now, until, 1)), None)

    def claim_all(self, now: datetime, until: datetime, most: int) -> list[Outgoing]:
        """Take up to `most` messages as `claim` takes one."""
        ripe = select(alerts.c.key).where(alerts.c.status == WAITING, alerts.c.next_attempt <= now).limit(1)
        with self._database.read() as connection:
            if connection.scalar(ripe) is None:
                return []
        with self._database.write(lasting=False) as connection:
            return take_messages(connection, now, until, most)

    def hold(self, key: str, until: datetime) -> None:
        """Keep a claimed message from others for longer."""
        self.hold_all([key], until)

    def hold_all(self, keys: Sequence[str], until: datetime) -> None:
        """Keep claimed messages from others for longer."""
        with self._database.write(lasting=False) as connection:
            connection.execute(update(alerts).where(alerts.c.key.in_(keys)).values(next_attempt=until))

    def tried(self, key: str, now: datetime, *, told: bool, again: datetime | None) -> None:
        """Note what came of sending: whether a channel has it, and when to try again (None: each has it)."""
        self.tried_all([Tried(key, told, again)], now)

    def tried_all(self, outcomes: Sequence[Tried], now: datetime) -> None:
        """Note what came of sending each. What a crash of the machine makes forgotten is sent again, with its key."""
        with self._database.write(lasting=False) as connection:
            note_tried(connection, outcomes, now)

    def give_up(self, key: str) -> int:
        """Send a message no more; what reached nobody goes to the digest. Returns how many insights do."""
        over = update(alerts).where(alerts.c.key == key, alerts.c.status == WAITING).values(status=GIVEN_UP)
        lost = update(insights).where(insights.c.message_key == key, insights.c.alert == AlertState.TOLD)
        with self._database.write() as connection:
            row = connection.execute(over.returning(alerts.c.told_at, alerts.c.incident_id)).one_or_none()
            if row is None or row.told_at is not None:
                return 0
            _leave_unreached(connection, key, alone=row.incident_id != "")
            return connection.execute(lost.values(alert=AlertState.UNREACHABLE, message_key=None)).rowcount

    def waiting(self) -> int:
        """Return how many messages wait for a channel."""
        count = select(func.count()).select_from(alerts).where(alerts.c.status == WAITING)
        with self._database.read() as connection:
            return connection.scalar(count) or 0

    def standing(self, entity_id: str) -> AlertStanding:
        """Return how it stands with telling one insight.

        Raises:
            NotFound: no such insight.
        """
        query = select(insights.c.alert, insights.c.message_key, insights.c.detected_at, alerts.c.told_at)
        query = query.select_from(insights.outerjoin(alerts, insights.c.message_key == alerts.c.key))
        with self._database.read() as connection:
            row = connection.execute(query.where(insights.c.entity_id == name_of(entity_id))).one_or_none()
        if row is None:
            raise NotFound(f"There is no insight {entity_id[:400]}.")
        return AlertStanding(
            state=row.alert, detected_at=row.detected_at, message=row.message_key or "", told_at=row.told_at
        )

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> Acknowledgement:
        """Note that somebody has taken an incident on, once, with an audit entry; it is told to nobody else again.

        Returns:
            the first acknowledgement.

        Raises:
            NotFound: no such incident.
        """
        this = acknowledgements.c.incident_id == incident_id
        row = {"incident_id": incident_id, "by": by, "at": now}
        over = update(reminders).where(reminders.c.incident_id == incident_id, reminders.c.closed_at.is_(None))
        with self._database.write() as connection:
            if connection.scalar(select(incidents.c.incident_id).where(incidents.c.incident_id == incident_id)) is None:
                raise NotFound(f"There is no incident {incident_id[:100]}.", "See 'bdp incidents'.")
            first = insert(connection, acknowledgements).values(row).on_conflict_do_nothing()
            if connection.execute(first.returning(acknowledgements.c.by)).first() is not None:
                write_down(connection, AuditEntry(at=now, actor=by, action="incident.acknowledged", object=incident_id))
            connection.execute(over.values(closed_at=now))
            return Acknowledgement(*connection.execute(select(*acknowledgements.c).where(this)).one())

    def acknowledged(self, incident_id: str) -> Acknowledgement | None:
        """Return who has taken an incident on; None while nobody has."""
        query = select(*acknowledgements.c).where(acknowledgements.c.incident_id == incident_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Acknowledgement(*row)

    def thread(self, channel: str, incident_id: str) -> str:
        """Return where a channel tells of an incident; empty if it has told nothing of it yet."""
        this = (threads.c.incident_id == incident_id, threads.c.channel == channel)
        with self._database.read() as connection:
            return connection.scalar(select(threads.c.reference).where(*this)) or ""

    def keep_thread(self, channel: str, incident_id: str, reference: str, now: datetime) -> None:
        """Note where a channel tells of an incident; the first word on it counts."""
        row = {"incident_id": incident_id, "channel": channel, "reference": reference, "at": now}
        with self._database.write(lasting=False) as connection:
            connection.execute(insert(connection, threads).values(row).on_conflict_do_nothing())


def announce(connection: Connection, said: Announcement, now: datetime) -> None:
    """Write what people are told of an incident, in the transaction in which it begins."""
    status, reason = (QUIET, AlertState.OLD) if said.old else (NEW, None)
    add_message(connection, MessageForm.OPENED, said.message, now, now, status, reason)


def _leave_unreached(connection: Connection, key: str, *, alone: bool) -> None:
    """Leave to the digest what a message that reached nobody should have told."""
    quiet = {"status": QUIET, "reason": AlertState.UNREACHABLE, "told_in": None}
    if alone:
        connection.execute(update(alerts).where(alerts.c.key == key).values(**quiet))
    connection.execute(update(alerts).where(alerts.c.told_in == key, alerts.c.status == GATHERED).values(**quiet))
