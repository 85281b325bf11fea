"""What people are to be told of insights: the desk where it is decided, and the messages until each channel has them.

A message is claimed by moving its `next_attempt` ahead: who claimed it and died has it no longer once that time comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, text, update

from bdp.errors import NotFound
from bdp.model.action import Message, MessageForm, Outgoing
from bdp.model.insight import (
    CRITICAL_RISK,
    AlertStanding,
    AlertState,
    DueAlert,
    Insight,
    InsightSource,
    PredictionType,
    QuietInsights,
)
from bdp.store.database import Database, insert
from bdp.store.insights import chunks, insight_of, name_of
from bdp.store.tables import alerts, insights

_DESK = 0x62647061  # PostgreSQL: advisory lock of the one desk
_WAITING, _DONE, _GIVEN_UP = "waiting", "done", "given up"
_QUIET = (AlertState.BELOW, AlertState.DUPLICATE, AlertState.OLD, AlertState.UNREACHABLE)
_IS_DUE = and_(insights.c.alert == AlertState.DUE, insights.c.message_key.is_(None))


class SqlAlerts:
    """`bdp.ports.Alerts` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    def pending(self, now: datetime) -> bool:
        """Return whether there is something to decide or to send."""
        ripe = select(alerts.c.key).where(alerts.c.status == _WAITING, alerts.c.next_attempt <= now)
        with self._database.read() as connection:
            due = connection.scalar(select(insights.c.entity_id).where(_IS_DUE).limit(1))
            return due is not None or connection.scalar(ripe.limit(1)) is not None

    def claim(self, now: datetime, until: datetime) -> Outgoing | None:
        """Return a message that is to be sent now, and keep it from others until `until`; new ones first."""
        ripe = select(alerts.c.key).where(alerts.c.status == _WAITING, alerts.c.next_attempt <= now)
        first = ripe.order_by(alerts.c.attempts, alerts.c.next_attempt).limit(1).with_for_update(skip_locked=True)
        taken = update(alerts).where(alerts.c.key == first.scalar_subquery()).values(next_attempt=until)
        with self._database.write() as connection:
            row = connection.execute(taken.returning(*alerts.c)).mappings().one_or_none()
        if row is None:
            return None
        fields = {name: row[name] for name in Outgoing.model_fields}
        return Outgoing(**fields | {"message": Message(**row["message"])})

    def hold(self, key: str, until: datetime) -> None:
        """Keep a claimed message from others for longer."""
        self._change(key, next_attempt=until)

    def tried(self, key: str, now: datetime, *, told: bool, again: datetime | None) -> None:
        """Note what came of sending: whether a channel has it, and when to try again (None: each has it)."""
        changes: dict[str, Any] = {"attempts": alerts.c.attempts + 1}
        if told:
            changes["told_at"] = func.coalesce(alerts.c.told_at, now)
        changes |= {"status": _DONE} if again is None else {"next_attempt": again}
        self._change(key, **changes)

    def give_up(self, key: str) -> int:
        """Send a message no more; what reached nobody goes to the digest. Returns how many insights do."""
        over = update(alerts).where(alerts.c.key == key, alerts.c.status == _WAITING).values(status=_GIVEN_UP)
        lost = update(insights).where(insights.c.message_key == key, insights.c.alert == AlertState.TOLD)
        with self._database.write() as connection:
            row = connection.execute(over.returning(alerts.c.told_at)).one_or_none()
            if row is None or row.told_at is not None:
                return 0
            return connection.execute(lost.values(alert=AlertState.UNREACHABLE, message_key=None)).rowcount

    def waiting(self) -> int:
        """Return how many messages wait for a channel."""
        count = select(func.count()).select_from(alerts).where(alerts.c.status == _WAITING)
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

    def _change(self, key: str, **changes: Any) -> None:
        with self._database.write() as connection:
            connection.execute(update(alerts).where(alerts.c.key == key).values(**changes))


class SqlAlertDesk:
    """`bdp.ports.AlertDesk` in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, limit: int) -> list[DueAlert]:
        """Return critical insights that were not decided yet, first detected first."""
        columns = [*(insights.c[name] for name in DueAlert._fields), insights.c.beside]
        query = select(*columns).where(_IS_DUE).order_by(insights.c.detected_at, insights.c.entity_id).limit(limit)
        return [_due(row) for row in self._connection.execute(query)]

    def covered(self, streams: Iterable[str], since: datetime) -> set[tuple[str, PredictionType]]:
        """Return stream and type of what these streams' messages told from `since` on, or are still to tell."""
        on_the_way = and_(alerts.c.status == _WAITING, alerts.c.told_at.is_(None))
        query = (
            select(insights.c.related_entity, insights.c.prediction_type)
            .join(alerts, insights.c.message_key == alerts.c.key)
            .where(insights.c.alert == AlertState.TOLD, or_(alerts.c.told_at > since, on_the_way))
            .distinct()
        )
        found: set[tuple[str, PredictionType]] = set()
        for part in chunks(sorted(set(streams))):
            rows = self._connection.execute(query.where(insights.c.related_entity.in_(part)))
            found |= {(stream, PredictionType(kind)) for stream, kind in rows}
        return found

    def streams_told(self, since: datetime, limit: int) -> set[str]:
        """Return streams of which a message was written from `since` on, at most so many."""
        query = (
            select(insights.c.related_entity)
            .join(alerts, insights.c.message_key == alerts.c.key)
            .where(insights.c.alert == AlertState.TOLD, alerts.c.written_at > since)
        )
        return set(self._connection.execute(query.distinct().limit(limit)).scalars())

    def last_summary(self) -> datetime | None:
        """Return when the latest summary was written."""
        query = select(alerts.c.written_at).where(alerts.c.form == MessageForm.SUMMARY)
        found: datetime | None = self._connection.scalar(query.order_by(alerts.c.written_at.desc()).limit(1))
        return found

    def untold(self) -> int:
        """Return how many messages were tried and have reached nobody yet."""
        query = select(func.count()).select_from(alerts).where(alerts.c.status == _WAITING, alerts.c.attempts > 0)
        return self._connection.scalar(query.where(alerts.c.told_at.is_(None))) or 0

    def insights(self, entity_ids: Sequence[str]) -> list[Insight]:
        """Return insights in this order; those that are gone are left out."""
        found: dict[str, Insight] = {}
        for part in chunks(entity_ids):
            rows = self._connection.execute(select(insights).where(insights.c.entity_id.in_(part))).mappings()
            found |= {row["entity_id"]: insight_of(row) for row in rows}
        return [found[entity_id] for entity_id in entity_ids if entity_id in found]

    def suppress(self, entity_ids: Sequence[str], state: AlertState) -> None:
        """Decide that nobody is told of these at once."""
        self._decide(entity_ids, alert=state)

    def tell(
        self, form: MessageForm, message: Message, told: Sequence[str], detected_at: datetime, now: datetime
    ) -> bool:
        """Write a message that tells these insights, to be sent; False if its key was written before."""
        row = {
            "key": message.key,
            "form": form,
            "message": message,
            "status": _WAITING,
            "detected_at": detected_at,
            "written_at": now,
            "attempts": 0,
            "next_attempt": now,
        }
        query = insert(self._connection, alerts).values(row).on_conflict_do_nothing().returning(alerts.c.key)
        is_new = self._connection.execute(query).first() is not None
        self._decide(told, alert=AlertState.TOLD, message_key=message.key)
        return is_new

    def quiet(self, before: datetime, most: int) -> QuietInsights | None:
        """Return what was detected before this time and no digest told yet; None if there is nothing."""
        chosen = _undigested(before)
        since = self._connection.scalar(select(func.min(insights.c.detected_at)).where(chosen))
        if since is None:
            return None
        streams = self._connection.scalar(select(func.count(insights.c.related_entity.distinct())).where(chosen))
        worst = select(insights).where(chosen).order_by(insights.c.risk_score.desc(), insights.c.timestamp.desc())
        return QuietInsights(
            since=since,
            states={AlertState(name): count for name, count in self._counts("alert", chosen)},
            types={PredictionType(name): count for name, count in self._counts("prediction_type", chosen)},
            streams=self._counts("related_entity", chosen, most),
            stream_count=streams or 0,
            worst=[insight_of(row) for row in self._connection.execute(worst.limit(most)).mappings()],
        )

    def digested(self, before: datetime, key: str) -> None:
        """Note that the message `key` tells what `quiet` returned."""
        self._connection.execute(update(insights).where(_undigested(before)).values(message_key=key))

    def _counts(self, name: str, chosen: Any, most: int = 100) -> list[tuple[str, int]]:
        column, count = insights.c[name], func.count()
        query = select(column, count).where(chosen).group_by(column).order_by(count.desc(), column).limit(most)
        return [(value, number) for value, number in self._connection.execute(query)]

    def _decide(self, entity_ids: Sequence[str], **decision: Any) -> None:
        for part in chunks(entity_ids):
            chosen = insights.c.entity_id.in_(part)
            self._connection.execute(update(insights).where(chosen, _IS_DUE).values(**decision))


def _due(row: Any) -> DueAlert:
    """What the rules call critical is told as they call it, whatever a model has made of it since."""
    *fields, beside = row
    rules = beside if beside and beside["source"] == InsightSource.RULES else None
    said = rules if rules and rules["risk_score"] >= CRITICAL_RISK else row._mapping
    return DueAlert(*fields)._replace(
        prediction_type=PredictionType(said["prediction_type"]), risk_score=said["risk_score"]
    )


def _undigested(before: datetime) -> Any:
    return and_(insights.c.alert.in_(_QUIET), insights.c.message_key.is_(None), insights.c.detected_at < before)
