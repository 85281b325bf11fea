"""Killed at any instant and started again, the workflow goes on: no incident hangs, each effect takes place once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bdp.flow.durable import WorkflowClient
from bdp.flow.incident import workflow_id_of

from bdp.clock import SystemClock
from bdp.flow.approval import Answers
from bdp.model.decision import ApprovalStatus
from bdp.model.incident import TRANSITIONS, Incident, IncidentStatus
from bdp.store.state import State, open_state
from tests.scenario.receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Play:
    """The parent: starts and kills the worker, and answers its questions from outside."""

    home: Path
    receiver: Receiver
    incidents: int
    chance: random.Random
    state: State
    kills: int = 0
    before_ready: int = 0
    approved: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)

    def until_over(self, kills: int) -> None:
        deadline = time.monotonic() + 60 + 5 * kills
        while not self._one_life(kill=self.kills < kills):
            assert time.monotonic() < deadline, "some incident hangs"

    def _one_life(self, kill: bool) -> bool:
        worker = self._start()
        try:
            if kill and self.chance.random() < 0.2:
                self.before_ready += 1
                time.sleep(self.chance.uniform(0.2, 1.2))
            else:
                assert worker.stdout is not None
                assert worker.stdout.readline() == "ready\n"
                if self._answer_until(worker, self.chance.uniform(0.05, 1.6) if kill else 100.0):
                    return worker.returncode == 0
            self.kills += 1
            return False
        finally:
            worker.kill()
            worker.wait()
            if worker.stdout:
                worker.stdout.close()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.integration.workflow_child"]
        given = [str(self.home), self.receiver.url, str(self.incidents)]
        paths = os.pathsep.join((str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")))
        return subprocess.Popen(
            [*command, *given], stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}
        )

    def _answer_until(self, worker: subprocess.Popen[str], seconds: float) -> bool:
        """Answer questions for so long; return whether the worker ended by itself."""
        client = WorkflowClient(f"sqlite:///{self.home}/workflows.db")
        answers = Answers(self.state.approvals, SystemClock(), client)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                if worker.poll() is not None:
                    return True
                self._answer_one(answers)
                time.sleep(0.02)
            return False
        finally:
            client.close()

    def _answer_one(self, answers: Answers) -> None:
        for approval in self.state.approvals.list(ApprovalStatus.WAITING)[-1:]:
            if self.chance.random() < 0.75:
                answers.approve(approval.approval_id, by="parent")
                self.approved.add(approval.incident_id)
            else:
                answers.reject(approval.approval_id, by="parent")
                self.rejected.add(approval.incident_id)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kills", "incidents"), [(6, 20), pytest.param(100, 250, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_kill_at_any_instant(tmp_path: Path, kills: int, incidents: int, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    state = open_state(f"sqlite:///{tmp_path}/state.db")
    with Receiver() as receiver:
        play = Play(tmp_path, receiver, incidents, random.Random(7), state)
        play.until_over(kills)
        found = [state.incidents.get(incident.incident_id) for incident in state.incidents.list(limit=10_000)]
        lines = [json.loads(line)["key"] for line in (tmp_path / "notifications.ndjson").read_text().splitlines()]
        calls = Counter(asked.key for asked in receiver.asked)
        rows = state.executions.list(limit=100_000)
    state.close()

    assert len(found) == incidents
    assert {incident.status for incident in found} == {IncidentStatus.RESOLVED}
    for incident in found:
        check_life(incident)
    assert len(play.approved) + len(play.rejected) == incidents
    # Each message once: the told one, the question, and the success where it was approved.
    assert max(Counter(lines).values()) == 1
    assert len(lines) == 2 * incidents + len(play.approved)
    # A call that was under way at a kill is repeated with its key, so the receiver can tell; none is lost.
    assert {key.rsplit(":", 2)[0] for key in calls} == {workflow_id_of(incident) for incident in play.approved}
    assert len(calls) == len(play.approved)
    assert sum(calls.values()) <= len(calls) + kills
    expected = Counter({"analyst": incidents + len(play.rejected), "approval": incidents})
    expected["action"] = incidents + len(play.approved)
    assert Counter(row.agent for row in rows) == expected
    assert len({row.execution_id for row in rows}) == len(rows)
    with capsys.disabled():
        figures = {
            "kills": play.kills,
            "before_ready": play.before_ready,
            "incidents": incidents,
            "approved": len(play.approved),
            "rejected": len(play.rejected),
            "lines": len(lines),
            "calls": len(calls),
            "repeated_calls": sum(calls.values()) - len(calls),
            "execution_rows": len(rows),
            "seconds": round(time.monotonic() - began, 1),
        }
        print(f"\nworkflow kills: {json.dumps(figures)}")


def check_life(incident: Incident) -> None:
    """Assert that each status followed the one before by a legal way."""
    moves = [entry.data for entry in incident.timeline if entry.kind == "status"]
    status = IncidentStatus.OPEN
    for move in moves:
        assert move["from"] == status
        assert IncidentStatus(move["to"]) in TRANSITIONS[status]
        status = IncidentStatus(move["to"])
    assert status is incident.status
    assert [move["to"] for move in moves].count(IncidentStatus.RESOLVED) == 1
