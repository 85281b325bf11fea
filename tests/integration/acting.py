"""An action taken through plan, apply, verify and undo, as the workflow does it but without one.

    with acting(settings) as ops:
        run = ops.run(ActionType.AUTO_SCALING, target="ecs_service", cluster="shop", service="cart", by=1)
        assert run.verified
        assert run.undo().status is ActionStatus.UNDONE

Plans and results go through JSON in between, as they do in the workflow's database.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bdp.act.action import Action, Tools
from bdp.act.actions import ACTIONS
from bdp.act.settings import ActSettings, DryRun
from bdp.clock import SystemClock
from bdp.model.action import ActionResult, ActionStatus
from bdp.model.analysis import ActionProposal, ActionType, IncidentReport
from bdp.model.anomaly import Severity, Subject
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.plan import ActionPlan
from bdp.store.state import open_state
from tests.scenario.workflow_scene import QuietStore

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def settings(**given: Any) -> ActSettings:
    """Return settings that let actions act, without waits."""
    quick: dict[str, Any] = {
        "dry_run": DryRun.NOTHING,
        "pause_seconds": 0.0,
        "wait_seconds": 0.2,
        "poll_seconds": 0.05,
    }
    return ActSettings(**(quick | given))


def incident_report() -> IncidentReport:
    """Return an incident of the shop."""
    incident = Incident(
        incident_id="I1",
        title="Pool full",
        severity=Severity.HIGH,
        status=IncidentStatus.ACTING,
        subject=Subject(service="shop", route="/pay", error_code="POOL"),
        signature="0" * 16,
        start_time=START,
        last_seen=START,
        opened_at=START,
    )
    return IncidentReport(incident=incident)


@dataclass
class Run:
    """One plan, and what came of it."""

    action: Action
    plan: ActionPlan
    results: list[ActionResult] = field(default_factory=list)

    @property
    def result(self) -> ActionResult:
        return self.results[-1]

    @property
    def verified(self) -> bool:
        return self.action.verify(self.plan, self.results[0])

    def apply(self) -> ActionResult:
        """Apply, once more if it was applied."""
        self.results.append(_through_json(self.action.apply(self.plan)))
        return self.result

    def undo(self) -> ActionResult:
        """Undo the last result of an apply."""
        return self.action.undo(self.plan, self.result)


@dataclass
class Acting:
    """Tools with real state; `crashed` begins a new process's life with the same state."""

    tools: Tools

    def plan(self, type: ActionType, key: str = "", **parameters: Any) -> Run:
        """Plan, with a key of its own if none is given."""
        proposal = ActionProposal(type=type, description="d", parameters=parameters)
        action = ACTIONS[type](self.tools, incident_report())
        plan = action.plan(proposal, key or f"workflow-{next(_numbers)}:1:0123456789abcdef")
        return Run(action, ActionPlan.model_validate_json(plan.model_dump_json()))

    def run(self, type: ActionType, key: str = "", **parameters: Any) -> Run:
        """Plan and apply."""
        run = self.plan(type, key, **parameters)
        assert run.apply().status is not ActionStatus.FAILED, run.result
        return run

    def again(self, run: Run) -> Run:
        """Return the same plan in the hands of a new process: nothing but plan and state is the same."""
        return Run(ACTIONS[run.plan.type](self.tools, incident_report()), run.plan, list(run.results))

    def with_settings(self, changed: ActSettings) -> Acting:
        """Return the same under other settings."""
        return Acting(replace(self.tools, settings=changed))


class Died(BaseException):
    """The process was killed here."""


@dataclass
class DyingEffects:
    """Effects of a process that dies right before it keeps a result, once."""

    inner: Any
    dies: bool = True

    def claim(self, key: str, now: datetime) -> bool:
        return bool(self.inner.claim(key, now))

    def finish(self, key: str, result: Any) -> None:
        if self.dies:
            self.dies = False
            raise Died
        self.inner.finish(key, result)

    def result(self, key: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.inner.result(key)
        return found


@contextmanager
def acting(given: ActSettings, **changes: Any) -> Iterator[Acting]:
    """Open state and tools."""
    state = open_state("sqlite://")
    try:
        fields: dict[str, Any] = {
            "settings": given,
            "channels": (),
            "store": QuietStore(),
            "effects": state.effects,
            "clock": SystemClock(),
        }
        yield Acting(Tools(**(fields | changes)))
    finally:
        state.close()


def _through_json(result: ActionResult) -> ActionResult:
    return ActionResult.model_validate_json(result.model_dump_json())
