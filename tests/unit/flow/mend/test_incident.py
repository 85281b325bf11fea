"""A crash right after any change of the state, then the step again: nothing is lost, nothing doubles."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bdp.flow.mend.incident import IncidentWorkflow
from bdp.flow.mend.run import Json, begun_by, continued_by
from bdp.model.action import Message, MessageForm
from bdp.model.decision import ApprovalStatus, PolicyEffect
from bdp.model.incident import Incident, IncidentStatus
from bdp.notify.memory import MemoryChannel, MemorySettings
from bdp.store.state import open_state
from tests.scenario.receiver import Receiver
from tests.scenario.workflow_scene import LOOK, TELL, Scene, anomaly, ask_for


class Crash(BaseException):
    """The process ends here."""


@dataclass
class Countdown:
    """Crashes once, right after the call number `at` that changes the state."""

    at: int
    calls: int = 0

    def after(self, part: Any, *names: str) -> Any:
        return Crashing(part, names, self)

    def count(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise Crash


class Crashing:
    """A part whose named methods count down."""

    def __init__(self, part: Any, names: tuple[str, ...], countdown: Countdown) -> None:
        self._part, self._names, self._countdown = part, names, countdown

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if name not in self._names:
            return method

        def counted(*given: Any, **named: Any) -> Any:
            result = method(*given, **named)
            self._countdown.count()
            return result

        return counted


@dataclass
class RepeatedRun:
    """Runs a step again after a crash, as the engine does after a restart."""

    workflow_id: str
    version: int = 1
    kept: list[str] = field(default_factory=list)

    async def step(self, name: str, do: Callable[[], Json], patience: float | None = None) -> Json:
        self.kept.append(name)
        try:
            return do()
        except Crash:
            return do()

    async def sleep(self, seconds: float) -> None:
        pass


@dataclass
class Left:
    """What one play leaves behind."""

    incident: Incident
    messages: list[str]
    calls: Counter[str]
    runs: list[tuple[str, str, str]]
    entries: Counter[tuple[str, str]]
    changes: int


def play(home: Path, crash_at: int, status: ApprovalStatus, gone: bool) -> Left:
    home.mkdir()
    scene = Scene(home, actions=(TELL, LOOK, ask_for("restart", 3)), effect=PolicyEffect.ASK)
    scene.state = open_state("sqlite://")
    memory, countdown = MemoryChannel(MemorySettings()), Countdown(crash_at)
    posted: dict[str, Message] = {}
    outbox = countdown.after(posted, "setdefault")

    def post(form: MessageForm, message: Message) -> None:
        outbox.setdefault(message.key, message)

    with Receiver() as receiver:
        scene.receiver = receiver.url
        scene.gone = lambda _: gone and bool(receiver.asked)
        parts = scene.parts((countdown.after(memory, "send"),))
        effects = countdown.after(scene.state.effects, "claim", "finish")
        parts = replace(
            parts,
            incidents=countdown.after(scene.state.incidents, "move", "note", "save_analysis"),
            approvals=countdown.after(scene.state.approvals, "ask"),
            executions=countdown.after(scene.state.executions, "add"),
            permits=countdown.after(scene.state.permits, "grant"),
            post=post,
            tools=replace(parts.tools, effects=effects),
        )
        incident, _ = scene.state.incidents.record(anomaly(), scene.clock.now())
        workflow, incident_id = IncidentWorkflow(parts), incident.incident_id
        assert asyncio.run(workflow.body(RepeatedRun(begun_by(incident_id)), incident_id)) == "asked"
        [question] = scene.state.approvals.list()
        scene.vote(question.approval_id, "ada", status)
        after = RepeatedRun(continued_by(incident_id, question.approval_id))
        asyncio.run(workflow.body(after, incident_id))
        found = scene.state.incidents.get(incident.incident_id)
        left = Left(
            incident=found,
            messages=sorted(message.title for message in (*memory.messages, *posted.values())),
            calls=Counter(asked.key for asked in receiver.asked),
            runs=sorted(scene.runs()),
            entries=Counter((entry.kind, entry.text.split("POST")[0]) for entry in found.timeline),
            changes=countdown.calls,
        )
    scene.state.close()
    return left


@pytest.mark.parametrize("every", [2, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("status", "gone", "ends"),
    [
        (ApprovalStatus.APPROVED, True, IncidentStatus.RESOLVED),
        (ApprovalStatus.APPROVED, False, IncidentStatus.ESCALATED),
        (ApprovalStatus.REJECTED, False, IncidentStatus.ESCALATED),
    ],
)
def test_a_crash_after_any_change(
    tmp_path: Path, status: ApprovalStatus, gone: bool, ends: IncidentStatus, every: int
) -> None:
    """After each second change, where all went well the others than where not; and after each."""
    whole = play(tmp_path / "whole", 0, status, gone)
    assert whole.incident.status is ends
    assert whole.changes > 20
    for crash_at in range(1 + gone % every, whole.changes + 1, every):
        left = play(tmp_path / str(crash_at), crash_at, status, gone)
        assert left.incident.status is ends, crash_at
        assert left.messages == whole.messages, crash_at
        assert left.runs == whole.runs, crash_at
        assert left.entries == whole.entries, crash_at
        assert len(left.calls) == len(whole.calls), crash_at
        assert sum(left.calls.values()) <= len(whole.calls) + 1, crash_at
