"""Is the symptom gone? Asked of the store, after an act and before a person is called.

Of events: the rate of failures is compared with that of the incident. Of metrics: each series that had left its usual
range must have points since then, and lie near that range. That a detector went quiet says less: it learns a new level.
Of costs: the newest whole day after must cost about what is usual; where none was delivered yet, nothing is known.

What an incident is about, its timeline tells (`Incident.kind`). Where that is not known, it is about metrics if its
subject had points in its stretch and no abnormal event.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.explain.costs.settled import is_settled
from bdp.explain.series import Span, courses, find, is_back
from bdp.model.anomaly import AnomalyKind
from bdp.model.event import ABNORMAL_SQL
from bdp.model.incident import Incident
from bdp.ports import Store
from bdp.sql import equals, literal, matches

SHORTEST = timedelta(minutes=1)
"""Rates are taken over at least this long."""

USUAL = timedelta(hours=1)
LEAST_EXPECTED = 5.0
"""Silence says something where so many events were to be expected: by chance it comes once in 150 times (Poisson)."""

MARGIN = timedelta(seconds=30)
_INSTANT = timedelta(milliseconds=1)


class SymptomSettings(BaseModel):
    """When a symptom counts as gone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="of the incident's own rate of failures, of a metric's points out of range, or of a rise in cost; "
        "at most that",
    )


class SymptomCheck:
    """Compares how the subject has been since an instant with how it was in the incident."""

    def __init__(self, store: Store, clock: Clock, settings: SymptomSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    def gone(self, incident: Incident, since: datetime) -> bool:
        """Return whether the subject fails at no more than `share` of the rate it had, or its metrics are back.

        Args:
            since: event time from which events and points count.

        Raises:
            BadRequest: the store hit a limit.
            StoreUnavailable: try again later.
        """
        if incident.kind is AnomalyKind.COST:
            days = (incident.start_time.astimezone(UTC).date(), incident.last_seen.astimezone(UTC).date())
            return is_settled(self._store, incident.subject, days, since, self._clock.now(), self._settings.share)
        if self._is_of_metrics(incident):
            return self._are_back(incident, since)
        lasted = max(incident.last_seen - incident.start_time, SHORTEST)
        elapsed = max(self._clock.now() - since, timedelta(seconds=1))
        allowed = self._settings.share * incident.events * (elapsed / lasted)
        return self._failures(incident, since) <= allowed

    def heard(self, incident: Incident, since: datetime) -> bool:
        """Return whether the service says anything since then; True also where it usually says nothing while well.

        A service that is silent may be down, which no rate of failures shows. What it usually says is counted in the
        hour before the incident, abnormal events left out.

        Raises:
            StoreUnavailable: try again later.
        """
        if incident.kind is AnomalyKind.COST or self._is_of_metrics(incident):
            return True  # they count as back only where there are points, or a day was delivered
        now = self._clock.now()
        service, elapsed = equals("service", incident.subject.service), now - since
        start, first = incident.start_time, literal(incident.start_time - USUAL)
        usual = f"sumIf(weight, NOT ({ABNORMAL_SQL}) AND ts < {literal(start)}) AS usual"
        present = f"countIf(ts >= {literal(since)}) AS present"
        chosen = f"{service} AND ts >= {first} AND ts <= {literal(now)}"
        row = self._store.query(f"SELECT {usual}, {present} FROM events WHERE {chosen}")[0]  # noqa: S608 - see bdp.sql
        expected = float(row["usual"] or 0) * (elapsed / USUAL)
        return int(row["present"]) > 0 or expected < LEAST_EXPECTED

    def _is_of_metrics(self, incident: Incident) -> bool:
        if incident.kind is not None:
            return incident.kind is not AnomalyKind.BURST
        silent = not self._failures(incident, incident.start_time, incident.last_seen + SHORTEST)
        return silent and find(self._store, incident.subject.service, Span.of(incident, MARGIN)) is not None

    def _are_back(self, incident: Incident, since: datetime) -> bool:
        """Return whether every series that had moved is back; False where nothing is known since then.

        What was before the latest sign of trouble, calm as it may have been, is no sign that it is over.
        """
        entity, since = incident.subject.service, max(since, incident.last_seen + _INSTANT)
        found = find(self._store, entity, Span.of(incident, MARGIN))
        looked = [course for course in courses(self._store, found) if course.known] if found else []
        moved = [course for course in looked if course.moved]
        # What moved too little for this check to see it is over when its detector says so.
        over = bool(moved) or (bool(looked) and incident.end_time is not None)
        return over and all(
            is_back(self._store, entity, course, since, self._settings.share) for course in moved or looked
        )

    def _failures(self, incident: Incident, since: datetime, until: datetime | None = None) -> float:
        subject = incident.subject
        keys = {"service": subject.service, "route": subject.route, "error_code": subject.error_code}
        where = f"{matches(keys)} AND {ABNORMAL_SQL} AND ts >= {literal(since)}"
        where += f" AND ts < {literal(until)}" if until else ""
        query = f"SELECT sum(weight) AS failures FROM events WHERE {where}"  # noqa: S608 - values go through bdp.sql
        return float(self._store.query(query)[0]["failures"] or 0)
