"""Is the symptom gone? Asked of the store, after an act and before a person is called."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.model.event import ABNORMAL_SQL
from bdp.model.incident import Incident
from bdp.ports import Store
from bdp.sql import literal, matches

SHORTEST = timedelta(minutes=1)
"""Rates are taken over at least this long."""


class SymptomSettings(BaseModel):
    """When a symptom counts as gone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(default=0.1, ge=0, lt=1, description="of the incident's own rate of failures; at most that")


class SymptomCheck:
    """Compares the subject's rate of failures since an instant with its rate during the incident."""

    def __init__(self, store: Store, clock: Clock, settings: SymptomSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    def gone(self, incident: Incident, since: datetime) -> bool:
        """Return whether the subject fails at no more than `share` of the rate it had.

        Args:
            since: event time from which events count.

        Raises:
            StoreUnavailable: try again later.
        """
        lasted = max(incident.last_seen - incident.start_time, SHORTEST)
        elapsed = max(self._clock.now() - since, timedelta(seconds=1))
        allowed = self._settings.share * incident.events * (elapsed / lasted)
        return self._failures(incident, since) <= allowed

    def _failures(self, incident: Incident, since: datetime) -> float:
        subject = incident.subject
        keys = {"service": subject.service, "route": subject.route, "error_code": subject.error_code}
        where = f"{matches(keys)} AND {ABNORMAL_SQL} AND ts >= {literal(since)}"
        query = f"SELECT sum(weight) AS failures FROM events WHERE {where}"  # noqa: S608 - values go through bdp.sql
        return float(self._store.query(query)[0]["failures"] or 0)
