"""Rows of messages on their way: written, claimed, tried.

new        waits for the desk, where it is decided whether people are told at once
waiting    is to be sent
done       each channel has it
given up   some channel never took it
gathered   another message tells it (`told_in`)
quiet      nobody is told at once (`reason`); a digest does (`told_in`)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Update, bindparam, case, func, select, update

from bdp.model.action import Message, MessageForm, Outgoing, Tried
from bdp.model.insight import AlertState
from bdp.store.database import Document, Instant, PlainText, insert
from bdp.store.tables import alerts

NEW, WAITING, DONE, GIVEN_UP, GATHERED, QUIET = "new", "waiting", "done", "given up", "gathered", "quiet"


def add_message(
    connection: Connection,
    form: MessageForm,
    message: Message,
    detected_at: datetime,
    now: datetime,
    status: str = NEW,
    reason: AlertState | None = None,
) -> bool:
    """Write a message; False if its key was written before."""
    row = {
        "key": message.key,
        "form": form,
        "message": message,
        "status": status,
        "detected_at": detected_at,
        "written_at": now,
        "attempts": 0,
        "next_attempt": now,
        "about": message.about,
        "incident_id": message.incident_id,
        "severity": message.severity,
        "reason": reason,
    }
    query = insert(connection, alerts).values(row).on_conflict_do_nothing().returning(alerts.c.key)
    return connection.execute(query).first() is not None


def take_messages(connection: Connection, now: datetime, until: datetime, most: int) -> list[Outgoing]:
    """Keep messages that are to be sent now from others until `until`; new ones first, then as they were written."""
    ripe = select(alerts.c.key).where(alerts.c.status == WAITING, alerts.c.next_attempt <= now)
    order = (alerts.c.attempts, alerts.c.next_attempt, alerts.c.written_at)
    first = ripe.order_by(*order).limit(most).with_for_update(skip_locked=True)
    keys = list(connection.execute(first).scalars())
    if not keys:
        return []
    taken = update(alerts).where(alerts.c.key.in_(keys)).values(next_attempt=until).returning(*alerts.c)
    found = {row["key"]: outgoing_of(row) for row in connection.execute(taken).mappings()}
    return [found[key] for key in keys]


def outgoing_of(row: Any) -> Outgoing:
    """Return the message in a row."""
    fields = {name: row[name] for name in Outgoing.model_fields}
    return Outgoing(**fields | {"message": Message(**row["message"]), "had": tuple(row["had"] or ())})


def note_tried(connection: Connection, outcomes: Sequence[Tried], now: datetime) -> None:
    """Note what came of sending each."""
    if outcomes:
        rows = [
            {
                "this": one.key,
                "told": now if one.told else None,
                "over": one.again is None,
                "again": one.again,
                "has": None if one.had is None else list(one.had),
            }
            for one in outcomes
        ]
        connection.execute(_TRIED, rows)


def _tried() -> Update:
    # Made once: making a statement takes longer than running it.
    return (
        update(alerts)
        .where(alerts.c.key == bindparam("this", type_=PlainText()))
        .values(
            attempts=alerts.c.attempts + 1,
            told_at=func.coalesce(alerts.c.told_at, bindparam("told", type_=Instant())),
            status=case((bindparam("over"), DONE), else_=alerts.c.status),
            next_attempt=func.coalesce(bindparam("again", type_=Instant()), alerts.c.next_attempt),
            had=func.coalesce(bindparam("has", type_=Document()), alerts.c.had),
        )
    )


_TRIED = _tried()
