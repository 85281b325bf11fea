"""What a workflow's body sees of the durable engine, and how workflows are named.

incident-ID             what an incident begins with
incident-ID~QUESTION    what goes on after the answer to a question, or after its deadline
incident-ID+VERSION     what begins anew for a workflow of a version that cannot go on
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Json = dict[str, Any]
_BEGINS, _ANSWERED, _ANEW = "incident-", "~", "+"


class Run(Protocol):
    """What a workflow's body may do; everything else belongs into a step.

    `version` is that of the code that began the workflow, whatever runs it now. A body that does something else than
    before asks for it, so that what is in flight goes on as it began.
    """

    workflow_id: str
    version: int

    async def step(self, name: str, do: Callable[[], Json], patience: float | None = None) -> Json:
        """Run `do` in a thread and keep its result; after a crash the kept result is returned instead.

        `do` runs at least once: give its effects keys. Errors of class `Retry` are repeated for `patience` seconds.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait; what is left of it is waited for after a restart, and never longer than `seconds` at a time."""


Body = Callable[[Run, str], Awaitable[str]]


def begun_by(incident_id: str) -> str:
    """Return the id of the workflow that an incident starts with."""
    return f"{_BEGINS}{incident_id}"


def continued_by(incident_id: str, approval_id: str) -> str:
    """Return the id of the workflow that goes on after a question."""
    return f"{_BEGINS}{incident_id}{_ANSWERED}{approval_id}"


def begun_anew_by(incident_id: str, version: str) -> str:
    """Return the id of the workflow that takes an incident up from a version that cannot go on."""
    return f"{_BEGINS}{incident_id}{_ANEW}{version}"


def incident_of(workflow_id: str) -> str:
    """Return the incident that a workflow works on.

    >>> incident_of("incident-01ABC~01XYZ")
    '01ABC'
    """
    return workflow_id.removeprefix(_BEGINS).partition(_ANSWERED)[0].partition(_ANEW)[0]


def question_of(workflow_id: str) -> str:
    """Return the question after which a workflow goes on; empty for one that begins."""
    return workflow_id.partition(_ANSWERED)[2]


def is_anew(workflow_id: str) -> bool:
    """Return whether the workflow takes up what another version left."""
    return _ANEW in workflow_id
