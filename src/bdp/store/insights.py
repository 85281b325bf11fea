"""Findings about the fabric: kept once each, found again by time, risk, type and stream."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Select, and_, delete, literal, select, text, tuple_, update

from bdp.errors import BadRequest, NotFound
from bdp.model.insight import CRITICAL_RISK, MEDIUM_RISK, TTL, AlertState, Insight, InsightFilter, InsightPage
from bdp.store.database import Database, Instant, PlainText, insert, storable
from bdp.store.tables import alerts, insights, reminders, threads
from bdp.telemetry import INSIGHTS

LONGEST_NAME = 400
"""Characters of an id or a stream name: an index of PostgreSQL takes no entry over 2,700 bytes."""
CHUNK = 500
"""Rows or names in one statement."""
_ALL = InsightFilter()
_CRITICAL = text(f"risk_score >= {CRITICAL_RISK}")
_FIELDS = [insights.c[name] for name in Insight.model_fields]
_SAID = frozenset(
    {"prediction_type", "risk_score", "explanation", "recommendations", "confidence", "model_used", "source", "beside"}
)
"""What another opinion changes."""
T = TypeVar("T")


class SqlInsights:
    """`bdp.ports.Insights` in the state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, insight: Insight, now: datetime) -> bool:
        """Keep an insight, once by `entity_id`; return True if it is new."""
        return self.add_all([insight], now)[0]

    def add_all(self, given: Sequence[Insight], now: datetime) -> list[bool]:
        """Keep many in one transaction; per insight True if it is new. Of two with one id the first counts."""
        rows = {row["entity_id"]: row for row in (_row(insight, now) for insight in reversed(given))}
        with self._database.write() as connection:
            # In one order everywhere: two that add the same ones at once then wait for each other, and not in a circle.
            new = {name for part in chunks(sorted(rows)) for name in _insert(connection, [rows[name] for name in part])}
        told: list[bool] = []
        for insight in given:
            key = name_of(insight.entity_id)
            told.append(key in new)
            if key in new:
                new.discard(key)
                INSIGHTS.labels(prediction_type=insight.prediction_type, source=insight.source).inc()
        return told

    def recent(self, wanted: InsightFilter = _ALL, limit: int = 100, cursor: str = "") -> InsightPage:
        """Return insights, newest event time first, behind `cursor`.

        Raises:
            BadRequest: the cursor is none of ours.
        """
        query = _narrowed(select(*_FIELDS), wanted)
        if cursor:
            at, name = _opened(cursor)
            here = tuple_(insights.c.timestamp, insights.c.entity_id)
            query = query.where(here < tuple_(literal(at, Instant()), literal(name, PlainText())))
        query = query.order_by(insights.c.timestamp.desc(), insights.c.entity_id.desc()).limit(limit + 1)
        with self._database.read() as connection:
            found = [insight_of(row) for row in connection.execute(query).mappings()]
        more = len(found) > limit
        return InsightPage(insights=tuple(found[:limit]), next=_cursor(found[limit - 1]) if more else "")

    def get(self, entity_id: str) -> Insight:
        """Return one insight.

        Raises:
            NotFound: there is none with this id, or it was forgotten.
        """
        query = select(*_FIELDS).where(insights.c.entity_id == name_of(entity_id))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no insight {entity_id[:LONGEST_NAME]}.", "bdp insights lists those there are.")
        return insight_of(row)

    def forget(self, now: datetime) -> int:
        """Let go of what is older than its `ttl` and was kept for 30 days, and of messages of that age.

        Both: what a replay of old data found has an old event time, and is to be looked at as well.
        """
        over = and_(insights.c.detected_at <= now - TTL, insights.c.ttl <= now)
        with self._database.write() as connection:
            told = alerts.c.status.not_in(("new", "waiting"))
            connection.execute(delete(alerts).where(alerts.c.written_at <= now - TTL, told))
            connection.execute(delete(reminders).where(reminders.c.told_at <= now - TTL))
            connection.execute(delete(threads).where(threads.c.at <= now - TTL))
            return connection.execute(delete(insights).where(over)).rowcount


def name_of(name: str) -> str:
    """Return an id or stream name as it is kept: a very long one is cut and ends in a digest of the whole."""
    kept = storable(name)
    if len(kept) <= LONGEST_NAME:
        return kept
    return f"{kept[: LONGEST_NAME - 20]}~{hashlib.sha256(kept.encode()).hexdigest()[:16]}"


def insight_of(row: RowMapping) -> Insight:
    """Return the insight in a row."""
    return Insight(**{column.name: row[column] for column in _FIELDS})


def revise(connection: Connection, insight: Insight, now: datetime, *, known: bool) -> bool:
    """Let an insight say something else, within a transaction; whether people are told of it follows.

    One that becomes critical is due, also if a digest told it before. What is due, or was told, stays so: people are
    told what the rules call critical, whatever is said of it later.

    Args:
        known: it was raised before; else it is new, and one with its id stays as it is.

    Returns:
        True if it was kept.
    """
    if not known:
        is_new = bool(_insert(connection, [_row(insight, now)]))
        if is_new:
            INSIGHTS.labels(prediction_type=insight.prediction_type, source=insight.source).inc()
        return is_new
    here = insights.c.entity_id == name_of(insight.entity_id)
    query = select(insights.c.alert, insights.c.message_key).where(here).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return False
    changes = {name: value for name, value in dict(insight).items() if name in _SAID}
    changes |= _told_after(AlertState(row.alert), row.message_key, insight.risk_score)
    connection.execute(update(insights).where(here).values(**changes))
    return True


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Return parts that one statement can hold."""
    return (values[at : at + CHUNK] for at in range(0, len(values), CHUNK))


def _row(insight: Insight, now: datetime) -> dict[str, Any]:
    names = {name: name_of(getattr(insight, name)) for name in ("entity_id", "related_entity")}
    return {**dict(insight), **names, "detected_at": now, "alert": _first_state(insight.risk_score)}


def _told_after(state: AlertState, message: str | None, risk: int) -> dict[str, Any]:
    """Return what changes about telling people when an insight's risk does."""
    if state not in (AlertState.BELOW, AlertState.NONE):
        return {}
    if risk >= CRITICAL_RISK:
        return {"alert": AlertState.DUE, "message_key": None}
    return {"alert": _first_state(risk)} if message is None else {}


def _first_state(risk: int) -> AlertState:
    if risk >= CRITICAL_RISK:
        return AlertState.DUE
    return AlertState.BELOW if risk >= MEDIUM_RISK else AlertState.NONE


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the ids that were new."""
    query = insert(connection, insights).values(rows).on_conflict_do_nothing()
    return list(connection.execute(query.returning(insights.c.entity_id)).scalars())


def _narrowed(query: Select[Any], wanted: InsightFilter) -> Select[Any]:
    if wanted.since is not None:
        query = query.where(insights.c.timestamp >= wanted.since)
    if wanted.until is not None:
        query = query.where(insights.c.timestamp < wanted.until)
    if wanted.min_risk >= CRITICAL_RISK:
        query = query.where(_CRITICAL)  # as a constant, so that the databases see that the small index fits
    if wanted.min_risk not in (0, CRITICAL_RISK):
        query = query.where(insights.c.risk_score >= wanted.min_risk)
    if wanted.related_entity is not None:
        query = query.where(insights.c.related_entity == name_of(wanted.related_entity))
    for name in ("prediction_type", "source"):
        if getattr(wanted, name) is not None:
            query = query.where(insights.c[name] == getattr(wanted, name))
    return query


def _cursor(last: Insight) -> str:
    place = json.dumps([last.timestamp.isoformat(), last.entity_id], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _opened(cursor: str) -> tuple[datetime, str]:
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        at, name = datetime.fromisoformat(place[0]), place[1]
        if len(place) == 2 and isinstance(name, str) and at.tzinfo is not None:
            return at.astimezone(UTC), name
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        pass
    raise BadRequest("The cursor is none of ours.", "Send the answer's 'next' as it is, or none for the first page.")
