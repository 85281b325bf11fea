"""The desk where it is decided what people are told: of insights here, of incidents in `post_desk`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from bdp.model.action import Message, MessageForm
from bdp.model.insight import CRITICAL_RISK, AlertState, DueAlert, Insight, InsightSource, PredictionType, QuietInsights
from bdp.store.insights import chunks, insight_of
from bdp.store.messages import WAITING, add_message
from bdp.store.post_desk import SqlPostDesk
from bdp.store.tables import alerts, insights

_QUIET = (AlertState.BELOW, AlertState.DUPLICATE, AlertState.OLD, AlertState.UNREACHABLE)
IS_DUE = and_(insights.c.alert == AlertState.DUE, insights.c.message_key.is_(None))


class SqlAlertDesk(SqlPostDesk):
    """`bdp.ports.AlertDesk` in one transaction."""

    def due(self, limit: int) -> list[DueAlert]:
        """Return critical insights that were not decided yet, first detected first."""
        columns = [*(insights.c[name] for name in DueAlert._fields), insights.c.beside]
        query = select(*columns).where(IS_DUE).order_by(insights.c.detected_at, insights.c.entity_id).limit(limit)
        return [_due(row) for row in self._connection.execute(query)]

    def covered(self, streams: Iterable[str], since: datetime) -> set[tuple[str, PredictionType]]:
        """Return stream and type of what these streams' messages told from `since` on, or are still to tell."""
        on_the_way = and_(alerts.c.status == WAITING, alerts.c.told_at.is_(None))
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
        query = select(func.count()).select_from(alerts).where(alerts.c.status == WAITING, alerts.c.attempts > 0)
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
        is_new = add_message(self._connection, form, message, detected_at, now, WAITING)
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
            self._connection.execute(update(insights).where(chosen, IS_DUE).values(**decision))


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
