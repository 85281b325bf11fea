"""The state: incidents, questions to people, runs, effects, policies, audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bdp.model.action import Pause, Permit
from bdp.model.analysis import Analysis, IncidentReport
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyProgress
from bdp.model.decision import Approval, ApprovalStatus, AuditEntry
from bdp.model.execution import Execution
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry
from bdp.model.policy import PolicyVersion


class Policies(Protocol):
    """What people change at run time: versioned, every version kept."""

    def current(self, name: str) -> PolicyVersion | None:
        """Return the newest version; None if nothing was ever set."""

    def put(
        self, name: str, body: Mapping[str, Any], by: str, now: datetime, expected: int | None = None
    ) -> PolicyVersion:
        """Add a version.

        Args:
            expected: the version that this one replaces; None replaces whatever there is.

        Raises:
            NotPossible: somebody else has changed it since `expected`.
        """

    def history(self, name: str, limit: int = 100) -> list[PolicyVersion]:
        """Return versions, newest first."""


class Incidents(Protocol):
    """Incidents and what is known of them."""

    def record(self, anomaly: Anomaly, now: datetime) -> tuple[Incident, bool]:
        """Add an anomaly: to the live incident with its signature, else to a new one.

        Idempotent by `anomaly_id`.

        Returns:
            the incident, and True if it was opened by this call.
        """

    def progress(self, progress: AnomalyProgress) -> None:
        """Note how far an anomaly has grown; unknown ids are ignored."""

    def end(self, end: AnomalyEnd) -> str | None:
        """Note that an anomaly went quiet; unknown ids are ignored.

        Returns:
            the id of its incident if all of that is quiet now, else None.
        """

    def get(self, incident_id: str) -> Incident:
        """Return one incident with its timeline.

        Raises:
            NotFound: no such incident.
        """

    def list(
        self, status: IncidentStatus | None = None, since: datetime | None = None, limit: int = 100
    ) -> list[Incident]:
        """Return incidents without their timelines, newest start first; `since` bounds `last_seen` from below."""

    def move(self, incident_id: str, to: IncidentStatus, text: str, now: datetime) -> Incident:
        """Change the status with a timeline entry; moving to the present status does nothing.

        Raises:
            NotFound: no such incident.
            NotPossible: the life of an incident does not allow it.
        """

    def note(self, incident_id: str, entry: TimelineEntry, key: str = "") -> None:
        """Add a timeline entry; a non-empty `key` is added once."""

    def save_analysis(self, analysis: Analysis) -> None:
        """Keep an analysis; the same incident and attempt is replaced."""

    def report(self, incident_id: str) -> IncidentReport:
        """Return the incident with its latest analysis.

        Raises:
            NotFound: no such incident.
        """


class Approvals(Protocol):
    """Questions to people."""

    def ask(self, approval: Approval) -> None:
        """Keep a question; asking again with the same id does nothing."""

    def get(self, approval_id: str) -> Approval:
        """Return one question.

        Raises:
            NotFound: no such approval.
        """

    def answer(self, approval_id: str, status: ApprovalStatus, by: str, note: str, now: datetime) -> Approval:
        """Answer a waiting question, once. The same answer again returns it unchanged.

        Raises:
            NotFound: no such approval.
            NotPossible: it was answered otherwise or has expired.
        """

    def list(self, status: ApprovalStatus | None = None) -> list[Approval]:
        """Return questions, newest first."""


class Executions(Protocol):
    """The log of runs."""

    def add(self, execution: Execution) -> None:
        """Keep one run; the same `execution_id` is kept once."""

    def list(self, since: datetime | None = None, until: datetime | None = None, limit: int = 1000) -> list[Execution]:
        """Return runs by start, newest first."""


class Effects(Protocol):
    """Which effects took place, so that one that is asked for twice happens once."""

    def claim(self, key: str, now: datetime) -> bool:
        """Return True for the first caller with this key; False for every later one."""

    def finish(self, key: str, result: Mapping[str, Any]) -> None:
        """Keep the result of a claimed effect."""

    def result(self, key: str) -> dict[str, Any] | None:
        """Return the kept result; None if the effect was not finished."""


class Permits(Protocol):
    """Leave to act: each is given once, counted by the limits of the policy, and never goes."""

    def grant(self, permit: Permit, since: datetime, admits: Callable[[Sequence[Permit], Pause | None], bool]) -> bool:
        """Give leave if `admits` says so; one grant at a time on all machines, so that limits hold.

        Args:
            since: `admits` is shown the permits from here on, oldest first, and the kill switch as it stands.

        Returns:
            True if the permit is there: given now, or before under the same key.
        """

    def get(self, key: str) -> Permit | None:
        """Return one by its key; None if there is none."""

    def since(self, at: datetime) -> list[Permit]:
        """Return those from an instant on, oldest first."""

    def of(self, incident_id: str) -> list[Permit]:
        """Return those of one incident, oldest first."""


class Workers(Protocol):
    """Who works on the workflows of one state database."""

    def beat(self, worker_id: str, version: str, now: datetime) -> None:
        """Raise this worker's count by one."""

    def counts(self) -> dict[str, int]:
        """Return the count of each worker that has not left."""

    def leave(self, worker_id: str) -> None:
        """Forget a worker."""


class Audit(Protocol):
    """Who decided what, when. Entries are never changed and never go."""

    def add(self, entry: AuditEntry) -> None:
        """Keep one entry."""

    def list(self, object: str | None = None, since: datetime | None = None, limit: int = 1000) -> list[AuditEntry]:
        """Return entries, newest first; of one object, from `since`."""
