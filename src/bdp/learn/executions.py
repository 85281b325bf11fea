"""The execution log: one row for every run of an agent or an action (SPEC 7.1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from bdp.clock import Clock
from bdp.errors import Retry
from bdp.ids import derived
from bdp.model.execution import Execution, Outcome
from bdp.ports import Executions

T = TypeVar("T")


@dataclass(frozen=True)
class Ending:
    """How a run ended, and what only its end tells."""

    outcome: Outcome = Outcome.SUCCESS
    error_type: str = ""
    case_id: str = ""
    tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Running:
    """What runs, before it is known how it ends.

    Attributes:
        origin: an instant that stays the same when the run is repeated, such as the incident's opening; part of the id.
        attempt: number of the analysis it belongs to, so that a later attempt is another row.
    """

    origin: datetime
    workflow_id: str
    incident_id: str
    agent: str
    action: str
    attempt: int
    case_id: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def execution_id(self) -> str:
        """The id that this run always has."""
        return derived(
            self.origin, self.workflow_id, str(self.attempt), self.agent, self.action, parameters_hash(self.parameters)
        )


def parameters_hash(parameters: dict[str, Any]) -> str:
    """Return 16 hex digits of SHA-256 over the parameters, whatever their order."""
    return hashlib.sha256(json.dumps(parameters, sort_keys=True, default=str).encode()).hexdigest()[:16]


def row(running: Running, started_at: datetime, seconds: float, ending: Ending) -> Execution:
    """Return the row of a finished run."""
    return Execution(
        execution_id=running.execution_id,
        case_id=ending.case_id or running.case_id,
        workflow_id=running.workflow_id,
        incident_id=running.incident_id,
        agent=running.agent,
        action=running.action,
        parameters_hash=parameters_hash(running.parameters),
        started_at=started_at,
        duration_ms=max(0.0, seconds * 1000),
        outcome=ending.outcome,
        error_type=ending.error_type,
        tokens=ending.tokens,
        cost_usd=ending.cost_usd,
    )


def recorded(
    running: Running,
    executions: Executions,
    clock: Clock,
    do: Callable[[], T],
    judge: Callable[[T], Ending] = lambda _: Ending(),
) -> T:
    """Run `do`, keep its row, return its result.

    Args:
        judge: tells from the result how the run ended.

    An error of `do` is kept as a failure and passes through, except class `Retry`: the run is not over then.
    """
    started_at, began = clock.now(), clock.monotonic()

    def keep(ending: Ending) -> None:
        executions.add(row(running, started_at, clock.monotonic() - began, ending))

    try:
        result = do()
    except Retry:
        raise
    except Exception as error:
        keep(Ending(Outcome.FAILURE, type(error).__name__))
        raise
    keep(judge(result))
    return result
