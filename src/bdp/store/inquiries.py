"""Questions to models about samples: kept until they are answered or their deadline is over, and answered once.

Who claims a question moves its `free_at` ahead: who claimed it and died has it no longer once that time comes. Closing
one and what its insight says from then on is one transaction. Who closes many takes them in the order of their ids, so
that two who close the same ones wait for each other and not in a circle.

Rows: at most `MOST_WAITING` wait; closed ones stay for 30 days, without what was asked. Answers stay as long as they
may be used again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from bdp.model.inquiry import Advice, Inquiry, InquiryCounts
from bdp.model.insight import CRITICAL_RISK, TTL, InsightSource
from bdp.store.database import Database, insert
from bdp.store.insights import chunks, name_of, revise
from bdp.store.tables import inquiries, remembered_answers
from bdp.telemetry import INQUIRIES

MOST_WAITING = 50_000
CROWDED = "crowded"
_GIVEN_UP = timedelta(days=1)
_waiting = inquiries.c.closed_at.is_(None)
_inquiry = inquiries.c


class SqlInquiries:
    """`bdp.ports.Inquiries` in the state database."""

    def __init__(self, database: Database, most: int = MOST_WAITING) -> None:
        self._database = database
        self._most = most

    def add_all(self, given: Sequence[Inquiry], now: datetime, deadline: datetime) -> int:
        """Keep questions, each once by `inquiry_id`; return how many are new. Where too many wait, none is kept."""
        rows = {name_of(one.inquiry_id): one for one in reversed(given)}
        fixed = {"asked_at": now, "deadline": deadline, "free_at": now, "source": "", "reason": ""}
        fixed |= {"nano_usd": 0, "tokens": 0}
        with self._database.write() as connection:
            if self._count(connection, self._most) + len(rows) > self._most:
                INQUIRIES.labels(source=InsightSource.RULES, reason=CROWDED).inc(len(rows))
                return 0
            found = 0
            for part in chunks(sorted(rows)):
                values = [fixed | {"inquiry_id": name} | _asked(rows[name], deadline) for name in part]
                query = insert(connection, inquiries).values(values).on_conflict_do_nothing()
                found += len(connection.execute(query.returning(_inquiry.inquiry_id)).all())
        return found

    def claim(self, now: datetime, limit: int, until: datetime, asked_before: datetime | None = None) -> list[Inquiry]:
        """Take questions that wait, riskiest first; after `until` they are free for others again."""
        free = and_(_waiting, _inquiry.free_at <= now, _inquiry.deadline > now)
        order = (_inquiry.risk.desc(), _inquiry.asked_at, _inquiry.inquiry_id)
        with self._database.read() as connection:
            if not self._ripe(connection, free, limit, asked_before):
                return []
        first = select(_inquiry.inquiry_id).where(free).order_by(*order).limit(limit)
        with self._database.write(lasting=False) as connection:
            names = list(connection.execute(first.with_for_update(skip_locked=True)).scalars())
            taken = update(inquiries).where(_inquiry.inquiry_id.in_(names)).values(free_at=until)
            rows = connection.execute(taken.returning(_inquiry.inquiry_id, _inquiry.inquiry)).all() if names else []
        found = {row.inquiry_id: Inquiry.model_validate(row.inquiry) for row in rows}
        return [found[name] for name in names]

    def overdue(self, now: datetime, limit: int) -> list[Inquiry]:
        """Take questions whose deadline is over, claimed or not, the longest over first."""
        query = select(_inquiry.inquiry).where(_waiting, _inquiry.deadline <= now)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_inquiry.deadline, _inquiry.inquiry_id).limit(limit))
            return [Inquiry.model_validate(one) for one in rows.scalars()]

    def close_all(self, advice: Mapping[str, Advice], now: datetime) -> set[str]:
        """Close questions and let their insights say what follows, in one transaction; return those it closed."""
        closed: set[str] = set()
        if not advice:
            return closed
        with self._database.write() as connection:
            for inquiry_id in sorted(advice):
                if _close(connection, name_of(inquiry_id), advice[inquiry_id], now):
                    closed.add(inquiry_id)
        return closed

    def recall(self, keys: Sequence[str], now: datetime) -> dict[str, str]:
        """Return remembered answers (JSON) by key, those that are still good."""
        table, found = remembered_answers.c, dict[str, str]()
        with self._database.read() as connection:
            for part in chunks(list(keys)):
                query = select(table.key, table.answer).where(table.key.in_(part), table.until > now)
                found.update({row.key: row.answer for row in connection.execute(query)})
        return found

    def remember(self, answers: Sequence[tuple[str, str]], now: datetime, until: datetime) -> None:
        """Remember answers by key; of two with one key the later counts."""
        rows = [{"key": key, "answer": answer, "until": until} for key, answer in dict(answers).items()]
        if not rows:
            return
        with self._database.write(lasting=False) as connection:
            connection.execute(delete(remembered_answers).where(remembered_answers.c.until <= now))
            for part in chunks(sorted(rows, key=lambda row: str(row["key"]))):
                query = insert(connection, remembered_answers).values(part)
                fresh = {"answer": query.excluded.answer, "until": query.excluded.until}
                connection.execute(query.on_conflict_do_update(index_elements=["key"], set_=fresh))

    def counts(self, since: datetime, until: datetime | None = None) -> InquiryCounts:
        """Return how questions closed from `since` on, up to but not including `until`, were answered."""
        count, money = func.count(), func.sum(_inquiry.nano_usd)
        query = select(_inquiry.source, _inquiry.reason, count, money).where(_inquiry.closed_at >= since)
        if until is not None:
            query = query.where(_inquiry.closed_at < until)
        sources: dict[InsightSource, int] = {}
        reasons: dict[str, int] = {}
        nano_usd = 0
        with self._database.read() as connection:
            for source, reason, number, spent in connection.execute(query.group_by(_inquiry.source, _inquiry.reason)):
                sources[InsightSource(source)] = sources.get(InsightSource(source), 0) + number
                nano_usd += int(spent or 0)
                if reason:
                    reasons[reason] = reasons.get(reason, 0) + number
            waiting = self._count(connection, self._most)
        return InquiryCounts(sources=sources, reasons=reasons, waiting=waiting, nano_usd=nano_usd)

    def forget(self, now: datetime) -> int:
        """Let go of what was closed 30 days ago, of what nobody closed for a day, and of old answers."""
        over = or_(_inquiry.closed_at <= now - TTL, and_(_waiting, _inquiry.deadline <= now - _GIVEN_UP))
        with self._database.write() as connection:
            connection.execute(delete(remembered_answers).where(remembered_answers.c.until <= now))
            return connection.execute(delete(inquiries).where(over)).rowcount

    def _count(self, connection: Connection, most: int) -> int:
        some = select(_inquiry.inquiry_id).where(_waiting).limit(most).subquery()
        return connection.scalar(select(func.count()).select_from(some)) or 0

    def _ripe(self, connection: Connection, free: object, limit: int, asked_before: datetime | None) -> bool:
        """Return whether it is time to take some of what waits."""
        some = select(_inquiry.risk, _inquiry.asked_at).where(free)  # type: ignore[arg-type]
        if asked_before is not None:
            pressing = some.where(or_(_inquiry.risk >= CRITICAL_RISK, _inquiry.asked_at <= asked_before))
            if connection.execute(pressing.limit(1)).first() is not None:
                return True
        least = limit if asked_before is not None else 1
        return len(connection.execute(some.limit(least)).all()) >= least


def _asked(inquiry: Inquiry, deadline: datetime) -> dict[str, object]:
    kept = inquiry.model_copy(update={"deadline": deadline})
    return {"inquiry": kept, "risk": kept.insight.risk_score if kept.insight else 0}


def _close(connection: Connection, name: str, advice: Advice, now: datetime) -> bool:
    said = {"source": advice.source, "reason": advice.reason, "nano_usd": advice.nano_usd, "tokens": advice.tokens}
    here = and_(_inquiry.inquiry_id == name, _waiting)
    closing = update(inquiries).where(here).values(closed_at=now, inquiry=None, **said)
    if connection.execute(closing).rowcount != 1:
        return False
    insight = advice.insight
    if insight is not None and (insight.source is not InsightSource.RULES or insight.beside is not None):
        revise(connection, insight, now, known=name_of(insight.entity_id) == name)
    return True
