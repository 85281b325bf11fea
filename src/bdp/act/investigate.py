"""Investigate: count the subject now and at the start, and read what changed in between. Reads only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from bdp.act.action import DryRun, Tools, failed, nothing_to_undo, only_planned
from bdp.act.parameters import typed
from bdp.errors import BdpError
from bdp.model.action import ActionResult, ActionStatus
from bdp.model.analysis import ActionProposal, IncidentReport
from bdp.model.anomaly import Subject
from bdp.model.event import ABNORMAL_SQL
from bdp.model.plan import ActionPlan, Request
from bdp.notify.effect import once, patiently
from bdp.sql import equals, literal, matches


class InvestigateParameters(BaseModel):
    """Hints for people, such as `look_at`; the questions asked are the same for each incident."""

    model_config = ConfigDict(extra="allow", frozen=True)


class InvestigateAction:
    """Asks the store, keeps the figures."""

    informational: ClassVar[bool] = True

    def __init__(self, tools: Tools, report: IncidentReport) -> None:
        self._tools = tools
        self._incident = report.incident

    def plan(self, proposal: ActionProposal, key: str) -> ActionPlan:
        """Return what will be read."""
        typed(proposal, InvestigateParameters)
        minutes, subject = self._tools.settings.window_minutes, self._incident.subject
        return ActionPlan(
            idempotency_key=key,
            type=proposal.type,
            parameters=proposal.parameters,
            effect=f"Count failures of {subject} in {minutes} minutes at the start, at the end and now.",
            effect_ko=f"{subject}의 실패 건수를 시작, 종료, 현재 시점 각각 {minutes}분 동안 집계합니다.",
            undo="",
            dry_run=self._tools.settings.dry_run is DryRun.EVERYTHING,
            requests=(Request(call="query the store", body={"sql": self._query()}),),
        )

    def apply(self, plan: ActionPlan) -> ActionResult:
        """Read, once: a repeat returns the figures of the first time."""
        if plan.dry_run:
            return only_planned(plan)
        tools = self._tools
        try:
            figures = once(
                tools.effects,
                plan.idempotency_key,
                tools.clock,
                lambda: patiently(self._figures, tools.settings.tries, tools.settings.pause_seconds),
            )
        except BdpError as error:
            return failed(error)
        return ActionResult(status=ActionStatus.APPLIED, detail=_text(figures), data=figures)

    def verify(self, plan: ActionPlan, result: ActionResult) -> bool:
        """Return whether the store answered."""
        return result.status is ActionStatus.APPLIED

    def undo(self, plan: ActionPlan, result: ActionResult) -> ActionResult:
        """Do nothing: reading changes nothing."""
        return nothing_to_undo()

    def _query(self) -> str:
        incident, window = self._incident, timedelta(minutes=self._tools.settings.window_minutes)
        now = self._tools.clock.now()
        end = incident.last_seen + timedelta(microseconds=1)
        spans = {
            "at_start": (incident.start_time, incident.start_time + window),
            "at_end": (end - window, end),
            "now": (now - window, now),
        }
        return _counts(incident.subject, spans)

    def _figures(self) -> dict[str, Any]:
        query = self._query()
        row = self._tools.store.query(query)[0]
        counts = {name: int(row[name]) for name in ("at_start", "at_end", "now", "service_now")}
        return counts | {"window_minutes": self._tools.settings.window_minutes, "query": query}


def _counts(subject: Subject, spans: dict[str, tuple[datetime, datetime]]) -> str:
    keys = {"service": subject.service, "route": subject.route, "error_code": subject.error_code}
    same = matches(keys)
    counts = [
        f"sumIf(weight, {same} AND {ABNORMAL_SQL} AND ts >= {literal(start)} AND ts < {literal(end)}) AS {name}"
        for name, (start, end) in spans.items()
    ]
    since, until = spans["now"]
    counts.append(f"sumIf(weight, ts >= {literal(since)} AND ts < {literal(until)}) AS service_now")
    first = min(start for start, _ in spans.values())
    where = f"{equals('service', subject.service)} AND ts >= {literal(first)}"
    return f"SELECT {', '.join(counts)} FROM events WHERE {where}"  # noqa: S608 - every value goes through bdp.sql


def _text(figures: dict[str, Any]) -> str:
    minutes = figures["window_minutes"]
    return (
        f"In {minutes} minutes: {figures['at_start']} failures at the start, {figures['at_end']} at the end, "
        f"{figures['now']} now (of {figures['service_now']} events of the service)."
    )
