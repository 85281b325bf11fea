"""An incident, an analyst by script and the real workflow on real databases: what the workflow tests play on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bdp.act.action import Tools
from bdp.act.settings import ActSettings, DryRun, Operation, WebhookSettings
from bdp.clock import Clock, SystemClock
from bdp.decide.gate import GateSettings
from bdp.decide.pause import Switch
from bdp.decide.policy import Policy, policy_of
from bdp.flow.mend.crew import Crew
from bdp.flow.mend.incident import IncidentWorkflow
from bdp.flow.mend.parts import Parts
from bdp.flow.mend.run import incident_of
from bdp.flow.settings import EngineSettings, WorkflowSettings
from bdp.flow.tell.alerting import Alerting
from bdp.flow.tell.outbox import Outbox
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.action import Pause, WorkflowEvent
from bdp.model.analysis import ActionProposal, ActionType, Analysis, Confidence, Grounding, Verdict
from bdp.model.anomaly import Anomaly, AnomalyKind, Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.decision import Approval, ApprovalStatus, PolicyEffect, Role, Vote
from bdp.model.incident import Incident, IncidentStatus
from bdp.notify.file import FileChannel, FileSettings
from bdp.notify.memory import MemoryChannel, MemorySettings
from bdp.ports import Channel, Row, Store
from bdp.store.state import State, open_state

ENDED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ESCALATED})
TELL = ActionProposal(type=ActionType.NOTIFY, description="Tell the owners.", parameters={"subject": "pool full"})
LOOK = ActionProposal(type=ActionType.INVESTIGATE, description="Count it again.", priority=2)


def ask_for(operation: str, priority: int = 1) -> ActionProposal:
    """Return a proposal that asks another system for something."""
    return ActionProposal(
        type=ActionType.WEBHOOK,
        description=f"Do {operation}.",
        parameters={"operation": operation, "service": "shop"},
        priority=priority,
    )


class QuietStore:
    """A store in which nothing happened: each figure is 0."""

    def insert(self, kind: RecordKind, payload: bytes, token: str) -> None:
        raise NotImplementedError

    def query(self, sql: str) -> list[Row]:
        return [{"at_start": 0, "at_end": 0, "now": 0, "service_now": 0, "failures": 0}]

    def close(self) -> None:
        pass


def analysis_of(
    incident: Incident,
    attempt: int,
    actions: Sequence[ActionProposal],
    *,
    confidence: float = 0.95,
    grounding: float = 1.0,
    verdict: Verdict = Verdict.CONFIRMED,
) -> Analysis:
    """Return an analysis that proposes these actions."""
    return Analysis(
        incident_id=incident.incident_id,
        attempt=attempt,
        created_at=datetime.now(UTC),
        verdict=verdict,
        mechanism="connection-pool",
        root_cause="The pool is full.",
        summary="The pool is full.",
        claims=(),
        grounding=Grounding(score=grounding, supported=3, contradicted=0, unsupported=0, not_checkable=0),
        confidence=Confidence(score=confidence, breakdown={}, reasoning=""),
        actions=tuple(actions),
        playbook="connection-pool",
    )


def anomaly(number: int = 0, kind: AnomalyKind = AnomalyKind.BURST) -> Anomaly:
    """Return a burst of its own."""
    start = datetime.now(UTC) - timedelta(minutes=3)
    return Anomaly(
        anomaly_id=f"anomaly-{number}",
        kind=kind,
        subject=Subject(service="shop", route=f"/pay/{number}", error_code="POOL_TIMEOUT"),
        signature=f"{number:016x}",
        severity=Severity.HIGH,
        start_time=start,
        detected_at=start + timedelta(minutes=1),
        count=40.0,
        threshold=10.0,
        expected=None,
        window_seconds=300,
        never_seen=False,
        templates=("no connection within <*> ms",),
        trace_ids=(),
    )


@contextlib.contextmanager
def messages_to(channels: Sequence[Channel], state: State, clock: Clock) -> Iterator[None]:
    """Bring what is posted to the channels, in the background, as a serving process does."""
    alerting = Alerting(
        state.insights, state.alerts, channels, clock, AlertingSettings(pass_seconds=0.05, flood_incidents=1000)
    )
    alerting.start()
    try:
        yield
    finally:
        alerting.close()


POLICY = """
rules:
  - {{name: webhooks, actions: [webhook], effect: {effect}, approvers: {needed}}}
  - {{name: telling, actions: [notify, investigate], effect: allow, act_at: 0.5}}
"""


@dataclass
class Scene:
    """One home with its engine. Fields may be set before `open`."""

    home: Path
    actions: Sequence[ActionProposal] | Callable[[int], Sequence[ActionProposal]] = (TELL,)
    confidence: float = 0.95
    verdict: Verdict = Verdict.CONFIRMED
    effect: PolicyEffect = PolicyEffect.ALLOW
    needed: int = 1
    dry_run: DryRun = DryRun.NOTHING
    gone: Callable[[int], bool] = lambda call: True
    receiver: str = ""
    approval_seconds: float = 60.0
    verify_after_seconds: float = 0.0
    watchdog_seconds: float = 0.2
    stranded_seconds: float = 5.0
    undo_useless: bool = False
    heard: bool = True
    code: int = 1
    clock: SystemClock = field(default_factory=SystemClock)
    attempts: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    checks: int = 0
    store: Store = field(default_factory=QuietStore)

    def open(self) -> Scene:
        self._parts = contextlib.ExitStack()
        self.state: State = open_state(f"sqlite:///{self.home}/state.db")
        self._parts.callback(self.state.close)
        self.memory = MemoryChannel(MemorySettings())
        self.file = FileChannel(FileSettings(), self.home)
        self._parts.enter_context(messages_to((self.memory, self.file), self.state, self.clock))
        parts = self.parts((self.memory, self.file))
        self.workflow = self.workflow_of(parts)
        crew = Crew(parts, self.engine_settings, self.state.workers, self.workflow, self.code)
        crew.open()
        self._parts.callback(crew.close)
        self.engine, self.take_up = crew.engine, crew.take_up
        return self

    def close(self) -> None:
        self._parts.close()

    def __enter__(self) -> Scene:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def workflow_of(self, parts: Parts) -> IncidentWorkflow:
        return IncidentWorkflow(parts)

    @property
    def engine_settings(self) -> EngineSettings:
        url = SecretStr(f"sqlite:///{self.home}/workflows.db")
        return EngineSettings(
            url=url,
            look_seconds=0.05,
            watchdog_seconds=self.watchdog_seconds,
            stranded_seconds=self.stranded_seconds,
        )

    def parts(self, channels: tuple[Channel, ...]) -> Parts:
        operations = {
            name: Operation(url=f"{self.receiver}/{name}", undo_url=f"{self.receiver}/undo")
            for name in ("restart", "rollback", "scale", "block", "drain")
        }
        act = ActSettings(
            dry_run=self.dry_run,
            webhook=WebhookSettings(operations=operations if self.receiver else {}),
            pause_seconds=0.0,
        )
        state = self.state
        return Parts(
            settings=WorkflowSettings(
                approval_seconds=self.approval_seconds,
                verify_after_seconds=self.verify_after_seconds,
                undo_useless=self.undo_useless,
            ),
            gate=GateSettings(),
            policy=lambda: self.policy,
            pause=self.pause,
            incidents=state.incidents,
            approvals=state.approvals,
            executions=state.executions,
            permits=state.permits,
            audit=state.audit,
            tools=Tools(settings=act, channels=channels, store=self.store, effects=state.effects, clock=self.clock),
            explain=self.explain,
            symptom_gone=self.symptom_gone,
            heard=lambda incident, since: self.heard,
            post=Outbox(state.alerts, self.clock).post,
        )

    @property
    def policy(self) -> Policy:
        text = POLICY.format(effect=self.effect.value, needed=self.needed)
        return policy_of({"scene.yaml": text.encode()}, "scene")

    def pause(self) -> Pause | None:
        return Switch(self.state.policies, self.clock).now()

    def explain(self, incident: Incident, attempt: int, tried: Sequence[str]) -> Analysis:
        self.attempts.append((attempt, tuple(tried)))
        actions = self.actions(attempt) if callable(self.actions) else self.actions
        return analysis_of(incident, attempt, actions, confidence=self.confidence, verdict=self.verdict)

    def symptom_gone(self, incident: Incident, since: datetime) -> bool:
        self.checks += 1
        return self.gone(self.checks)

    def start(self, number: int = 0, kind: AnomalyKind = AnomalyKind.BURST) -> str:
        incident, _ = self.state.incidents.record(anomaly(number, kind), self.clock.now())
        self.take_up(incident)
        return incident.incident_id

    def ended(self, incident_id: str) -> Incident:
        wait_for(lambda: self.state.incidents.get(incident_id).status in ENDED)
        # The status is one of the last things that a workflow leaves; it is over when the engine says so.
        wait_for(lambda: incident_id not in {incident_of(name) for name in self.engine.pending()})
        self.told()
        return self.state.incidents.get(incident_id)

    def told(self) -> None:
        """Return when every message that was posted has been sent."""
        alerts = self.state.alerts
        wait_for(lambda: not (alerts.pending(self.clock.now()) or alerts.waiting()))

    def vote(self, approval_id: str, by: str, status: ApprovalStatus = ApprovalStatus.APPROVED) -> Approval:
        """Answer as a person does in another process, who reaches the state and no engine."""
        now = self.clock.now()
        vote = Vote(by=by, role=Role.APPROVER, status=status, at=now, via="api")
        return self.state.approvals.vote(approval_id, vote, now)

    def question(self) -> Approval:
        wait_for(lambda: bool(self.state.approvals.list(ApprovalStatus.WAITING)))
        return self.state.approvals.list(ApprovalStatus.WAITING)[0]

    def events(self) -> list[str]:
        return [message.event for message in self.memory.messages if message.event in set(WorkflowEvent)]

    def runs(self) -> list[tuple[str, str, str]]:
        rows = sorted(self.state.executions.list(), key=lambda row: row.started_at)
        return [(row.agent, row.action, row.outcome.value) for row in rows]


def wait_for(reached: Callable[[], Any], seconds: float = 60.0) -> None:
    """Return when the condition holds: what runs in other threads has no other end to wait on."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
