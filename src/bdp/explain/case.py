"""One incident under study: where to look, and what has been found so far."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bdp.explain.bilingual import Bilingual
from bdp.explain.costs.bill import Bill
from bdp.explain.costs.usual import midnight
from bdp.explain.playbook import Playbook
from bdp.explain.series import Course
from bdp.explain.settings import ExplainSettings
from bdp.model.anomaly import AnomalyKind
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.model.incident import Incident
from bdp.ports import Row, Store
from bdp.sql import equals, literal


@dataclass(frozen=True)
class Stretch:
    """Half-open spans of event time: the incident's, widened by a margin, and the one of equal length before it."""

    start: datetime
    end: datetime
    margin_seconds: int

    @classmethod
    def of(
        cls, incident: Incident, margin_seconds: int, newest: datetime | None = None, now: datetime | None = None
    ) -> Stretch:
        """Return the stretch of an incident.

        Args:
            newest: time of its newest abnormal event, where one that has not ended yet ends.
            now: one that goes on has no margin that reaches beyond it: events that come in between two questions to
                the store would make the answers contradict one another.
        """
        margin = timedelta(seconds=margin_seconds)
        end = max(incident.end_time or max(incident.last_seen, newest or incident.last_seen), incident.start_time)
        grows = incident.end_time is None and now is not None and end + margin > now
        until = end if grows else end + margin
        return cls(incident.start_time - margin, until + timedelta(microseconds=1), margin_seconds)

    @classmethod
    def of_days(cls, incident: Incident) -> Stretch:
        """Return the stretch of an incident of costs: the UTC days on which it cost too much."""
        end = incident.end_time or incident.last_seen
        first, last = (at.astimezone(UTC).date() for at in (incident.start_time, max(end, incident.start_time)))
        return cls(midnight(first), midnight(last + timedelta(days=1)), 0)

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day."""
        return self.start.date(), (self.end - timedelta(microseconds=1)).date()

    @property
    def before(self) -> datetime:
        """Start of the stretch of equal length before."""
        return self.start - (self.end - self.start)

    @property
    def sql(self) -> str:
        """SQL condition for the stretch."""
        return between(self.start, self.end)


@dataclass
class Case:
    """What a collector needs, and what earlier collectors found.

    Attributes:
        subject: SQL condition for the events of the incident's subject.
        exactly: an empty field of the subject means empty, not any.
        found: evidence so far, numbered in the order of collection.
        series: the metric series behind evidence, by its id.
        metrics: names of the metrics of the subject's entity.
        bill: of an incident of costs, once its costs were found.
        is_open: of an incident of costs: its last day is not over.
    """

    store: Store
    settings: ExplainSettings
    incident: Incident
    playbooks: Sequence[Playbook]
    stretch: Stretch
    subject: str
    exactly: bool = True
    found: list[Evidence] = field(default_factory=list)
    series: dict[str, Course] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    bill: Bill | None = None
    is_open: bool = False

    @classmethod
    def of_bill(
        cls, store: Store, settings: ExplainSettings, incident: Incident, playbooks: Sequence[Playbook], now: datetime
    ) -> Case:
        """Return the case of an incident of costs: it is looked at in whole days, and events tell nothing of it."""
        stretch = Stretch.of_days(incident)
        return cls(store, settings, incident, playbooks, stretch, "0", is_open=stretch.end > now)

    @property
    def of_metrics(self) -> bool:
        """It is about metrics: so it was detected, or, where that is not known, there is no abnormal event."""
        if self.incident.kind is not None:
            return self.incident.kind in {AnomalyKind.METRIC, AnomalyKind.FABRIC}
        return not self.found[0].value["abnormal_events"]

    @property
    def of_costs(self) -> bool:
        """It is about what was billed."""
        return self.incident.kind is AnomalyKind.COST

    @property
    def moved(self) -> list[Evidence]:
        """Evidence of metrics that left their usual range, the farthest first."""
        return [e for e in self.found if e.id in self.series and self.series[e.id].moved]

    @property
    def service(self) -> str:
        """Name of the service that the incident is about."""
        return self.incident.subject.service

    @property
    def abnormal(self) -> str:
        """SQL condition for the abnormal events of the subject in the stretch."""
        return f"{self.subject} AND {ABNORMAL_SQL} AND {self.stretch.sql}"

    def query(self, sql: str) -> list[Row]:
        """Run one statement on the store."""
        return self.store.query(sql)

    def add(
        self,
        kind: EvidenceKind,
        value: dict[str, Any],
        text: Bilingual,
        query: str,
        *,
        samples: Sequence[str] = (),
        start: datetime | None = None,
        end: datetime | None = None,
        source: str = "events",
    ) -> Evidence:
        """Number one fact and keep it."""
        evidence = Evidence(
            id=f"E{len(self.found) + 1}",
            kind=kind,
            value=value,
            text=text.en,
            text_ko=text.ko,
            source=source,
            start_time=start or self.stretch.start,
            end_time=end or self.stretch.end,
            query=query,
            samples=tuple(samples[:3]),
        )
        self.found.append(evidence)
        return evidence

    def of_kind(self, kind: EvidenceKind, key: str = "") -> list[Evidence]:
        """Return evidence of one kind so far, of those that have `key` in their value."""
        return [e for e in self.found if e.kind is kind and (not key or key in e.value)]


def open_case(
    store: Store,
    settings: ExplainSettings,
    incident: Incident,
    playbooks: Sequence[Playbook],
    now: datetime,
    *,
    whole: bool = False,
) -> Case:
    """Return the case of an incident.

    The subject is matched field by field, an empty field as empty. Where that finds no abnormal event at all, an empty
    field stands for any value. An incident that has not ended is looked at up to its newest abnormal event in the
    store, for it has grown since it was opened.

    Args:
        whole: the incident is of all that its subject's fields name; an empty one stands for any value.
        now: events from after it, of a clock that is wrong, do not stretch the incident.
    """
    if incident.kind is AnomalyKind.COST:
        return Case.of_bill(store, settings, incident, playbooks, now)
    for exactly in (False,) if whole else (True, False):
        subject = _subject(incident, exactly=exactly)
        newest = _newest(store, incident, subject, max(now, incident.last_seen))
        stretch = Stretch.of(incident, settings.margin_seconds, newest, now)
        case = Case(store, settings, incident, playbooks, stretch, subject, exactly)
        if case.query(f"SELECT 1 AS found FROM events WHERE {case.abnormal} LIMIT 1"):
            break
    return case


def _newest(store: Store, incident: Incident, subject: str, until: datetime) -> datetime | None:
    """Return the time of the newest abnormal event of an incident of events that goes on; None where there is none."""
    if incident.end_time is not None or incident.kind not in (None, AnomalyKind.BURST):
        return None
    stretch = f"ts >= {literal(incident.start_time)} AND ts <= {literal(until)}"
    query = f"SELECT max(ts) AS newest, count() AS events FROM events WHERE {subject} AND {ABNORMAL_SQL} AND {stretch}"
    row = store.query(query)[0]
    return aware(row["newest"]) if row["events"] else None


def between(start: datetime, end: datetime) -> str:
    """Return the SQL condition for a half-open span of event time."""
    return f"ts >= {literal(start)} AND ts < {literal(end)}"


def aware(value: datetime) -> datetime:
    """Return a time from the store as aware UTC, whichever way the client hands it out."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _subject(incident: Incident, *, exactly: bool) -> str:
    subject = incident.subject
    fields = {"service": subject.service, "route": subject.route, "error_code": subject.error_code}
    wanted = [equals(key, text) for key, text in fields.items() if text or exactly]
    return " AND ".join(wanted) or "1"
