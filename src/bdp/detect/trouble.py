"""From insights to incidents: what is wrong with one machine, stream or port is one anomaly, however many insights.

An anomaly begins with an insight of risk 60 and more, or when two different findings of risk 40 and more on one entity
lie within five minutes of each other. When it becomes worse by a class, one of that severity takes its place, of the
same signature, so the incident becomes worse too. It ends when the entity was quiet for ten minutes.

Memory: at most `_MOST` entities with something open or recent, the least recent goes first, and 8 findings of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec

from bdp.detect.signature import TEMPLATE_CHARS, signature
from bdp.ids import derived
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind, AnomalyProgress, Subject
from bdp.model.insight import HIGH_RISK, MEDIUM_RISK, Insight, severity_of

TOGETHER_SECONDS: Final = 300.0
QUIET_SECONDS: Final = 600.0
_ROW: Final = "trouble/"
_MOST: Final = 10_000
_MOST_RECENT: Final = 8
_LONGEST: Final = 400
Found = list[Anomaly | AnomalyEnd | AnomalyProgress]


class Trouble(msgspec.Struct, array_like=True):
    """One entity.

    Attributes:
        recent: time and name of the latest findings.
        anomaly_id: of the open anomaly; empty if none is.
        peak: highest risk so far.
    """

    entity: str
    kind: AnomalyKind
    recent: list[tuple[float, str]]
    anomaly_id: str = ""
    signature: str = ""
    last: float = 0.0
    total: int = 0
    peak: int = 0


class Troubles:
    """Keeps what is open on each entity."""

    def __init__(self) -> None:
        self._held: dict[str, Trouble] = {}
        self._dirty: dict[str, None] = {}

    def observe(self, insights: Sequence[Insight], kind: AnomalyKind) -> Found:
        """Take in insights in the order of their time, and return what begins, grows or ends by them."""
        found: Found = []
        for insight in insights:
            if insight.risk_score >= MEDIUM_RISK:
                found += self._observe(insight, kind)
        return found

    def advance(self, watermark: datetime) -> list[AnomalyEnd]:
        """Return the anomalies that were quiet long enough by then, and forget what is over."""
        now = watermark.timestamp()
        over = [trouble for trouble in self._held.values() if now - trouble.last >= QUIET_SECONDS]
        return [end for trouble in over for end in self._close(trouble)]

    def finish(self) -> list[AnomalyEnd]:
        """The bounded input is over: what is open ends."""
        return [end for trouble in list(self._held.values()) for end in self._close(trouble)]

    def changed_rows(self) -> dict[str, bytes | None]:
        """Return the rows that changed since the last call; None deletes."""
        dirty, self._dirty = self._dirty, {}
        held = ((name, self._held.get(name)) for name in dirty)
        return {_ROW + name: msgspec.msgpack.encode(trouble) if trouble else None for name, trouble in held}

    def restore(self, rows: Mapping[str, bytes]) -> None:
        """Take over the state that `changed_rows` described; rows of others are left alone."""
        own = [msgspec.msgpack.decode(data, type=Trouble) for name, data in rows.items() if name.startswith(_ROW)]
        self._held = {_name(one.entity, one.kind): one for one in sorted(own, key=lambda one: one.last)}
        self._dirty = {}

    def _observe(self, insight: Insight, kind: AnomalyKind) -> Found:
        now, found = insight.timestamp.timestamp(), Found()
        trouble = self._held.get(_name(insight.related_entity, kind))
        if trouble is not None and now - trouble.last >= QUIET_SECONDS:
            found += self._close(trouble)
            trouble = None
        trouble = self._keep(trouble or Trouble(insight.related_entity[:_LONGEST], kind, []))
        trouble.last = max(trouble.last, now)
        near = [one for one in trouble.recent if now - one[0] <= TOGETHER_SECONDS]
        trouble.recent = [*near, (now, _finding(insight, kind))][-_MOST_RECENT:]
        return [*found, *_grown(trouble, insight)]

    def _keep(self, trouble: Trouble) -> Trouble:
        """Put it last, and let the least recent go where there are too many; one that is open is kept if it can be."""
        name = _name(trouble.entity, trouble.kind)
        self._held.pop(name, None)
        self._held[name] = trouble
        self._dirty[name] = None
        if len(self._held) > _MOST:
            quiet = (name for name, one in self._held.items() if not one.anomaly_id)
            oldest = next(quiet, next(iter(self._held)))
            del self._held[oldest]
            self._dirty[oldest] = None
        return trouble

    def _close(self, trouble: Trouble) -> list[AnomalyEnd]:
        name = _name(trouble.entity, trouble.kind)
        self._held.pop(name, None)
        self._dirty[name] = None
        if not trouble.anomaly_id:
            return []
        return [_ended(trouble)]


def _grown(trouble: Trouble, insight: Insight) -> Found:
    """Return what one more insight makes of an entity's trouble."""
    worst = severity_of(trouble.peak)
    trouble.peak = max(trouble.peak, insight.risk_score)
    if not trouble.anomaly_id:
        trouble.total += 1
        begins = insight.risk_score >= HIGH_RISK or len({what for _, what in trouble.recent}) > 1
        return [_open(trouble, insight)] if begins else []
    if severity_of(trouble.peak) is not worst:
        end = _ended(trouble)
        trouble.total = 1
        # The new one first: between the two the incident must not seem quiet.
        return [_open(trouble, insight), end]
    trouble.total += 1
    return [AnomalyProgress(anomaly_id=trouble.anomaly_id, last_seen=_time(trouble.last), total=trouble.total)]


def _ended(trouble: Trouble) -> AnomalyEnd:
    return AnomalyEnd(
        anomaly_id=trouble.anomaly_id,
        kind=trouble.kind,
        signature=trouble.signature,
        end_time=_time(trouble.last),
        peak=trouble.peak,
        total=trouble.total,
    )


def _open(trouble: Trouble, insight: Insight) -> Anomaly:
    subject = Subject(service=trouble.entity)
    start = _time(min(at for at, _ in trouble.recent))
    trouble.signature = signature(trouble.kind, subject, ())
    trouble.anomaly_id = derived(insight.timestamp, trouble.kind.value, trouble.entity, insight.timestamp.isoformat())
    return Anomaly(
        anomaly_id=trouble.anomaly_id,
        kind=trouble.kind,
        subject=subject,
        signature=trouble.signature,
        severity=severity_of(insight.risk_score),
        start_time=start,
        detected_at=insight.timestamp,
        count=trouble.total,
        threshold=1,
        expected=None,
        window_seconds=round(TOGETHER_SECONDS),
        never_seen=False,
        templates=(insight.explanation[:TEMPLATE_CHARS],),
        trace_ids=(),
    )


def _finding(insight: Insight, kind: AnomalyKind) -> str:
    """Return what tells one finding on an entity from another."""
    if kind is AnomalyKind.FABRIC:
        return insight.prediction_type.value
    return sha256(insight.entity_id.rpartition("_")[0].encode("utf-8", "replace")).hexdigest()[:16]


def _name(entity: str, kind: AnomalyKind) -> str:
    return sha256(f"{kind.value}\x1f{entity[:_LONGEST]}".encode("utf-8", "replace")).hexdigest()[:32]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
