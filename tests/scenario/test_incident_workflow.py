"""The incident's workflow from end to end, on its real databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from bdp.act.action import DryRun
from bdp.clock import SystemClock
from bdp.errors import HomeInUse, NotPossible
from bdp.flow.mend.durable import Workflows
from bdp.flow.mend.run import continued_by
from bdp.model.analysis import ActionProposal, Analysis, Verdict
from bdp.model.anomaly import AnomalyKind
from bdp.model.decision import ApprovalStatus, PolicyEffect
from bdp.model.incident import Incident, IncidentStatus
from tests.scenario.receiver import Asked, Receiver
from tests.scenario.workflow_scene import LOOK, TELL, Scene, anomaly, ask_for, wait_for

OTHER_PROCESS = """
import sys
from bdp.clock import SystemClock
from bdp.model.decision import ApprovalStatus, Role, Vote
from bdp.store.state import open_state

home, approval_id = sys.argv[1:]
state, now = open_state(f"sqlite:///{home}/state.db"), SystemClock().now()
vote = Vote(by="ada", role=Role.APPROVER, status=ApprovalStatus.APPROVED, at=now, via="cli", note="go")
state.approvals.vote(approval_id, vote, now)
state.close()
"""


def statuses(incident: Incident) -> list[str]:
    return [entry.data["to"] for entry in incident.timeline if entry.kind == "status"]


def mended_by(receiver: Receiver, asks: int = 1) -> Callable[[int], bool]:
    """The symptom persists until the receiver was asked so often."""
    return lambda _: len(receiver.asked) >= asks


def test_acts_alone_and_resolves_when_the_symptom_is_gone(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(tmp_path, actions=(ask_for("restart"),), receiver=receiver.url, gone=mended_by(receiver)) as scene,
    ):
        incident = scene.ended(scene.start())
        assert incident.status is IncidentStatus.RESOLVED
        assert statuses(incident) == ["analysing", "acting", "verifying", "resolved"]
        assert [(asked.path, asked.body["service"]) for asked in receiver.asked] == [("/restart", "shop")]
        assert scene.events() == ["REMEDIATION_SUCCESS"]
        assert scene.runs() == [("analyst", "explain", "success"), ("action", "webhook", "success")]


def test_what_failed_while_it_was_being_done_does_not_count(tmp_path: Path) -> None:
    reached: list[datetime] = []
    since: list[datetime] = []

    class Noting(list[Asked]):
        def append(self, asked: Asked) -> None:
            reached.append(SystemClock().now())
            super().append(asked)

    class Watched(Scene):
        def symptom_gone(self, incident: Incident, since_then: datetime) -> bool:
            since.append(since_then)
            return bool(receiver.asked)

    with (
        Receiver(asked=Noting()) as receiver,
        Watched(tmp_path, actions=(ask_for("restart"),), receiver=receiver.url) as scene,
    ):
        scene.ended(scene.start())
    assert since[-1] >= reached[-1]


def test_approved_from_another_process(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            gone=mended_by(receiver),
            effect=PolicyEffect.ASK,
        ) as scene,
    ):
        incident_id = scene.start()
        question = scene.question()
        assert question.plan.startswith(f"POST {receiver.url}/restart with ")
        assert question.undo == f"POST {receiver.url}/undo with the same body"
        assert scene.state.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL
        assert receiver.asked == []
        command = [sys.executable, "-c", OTHER_PROCESS, str(tmp_path), question.approval_id]
        subprocess.run(command, check=True, timeout=30)
        incident = scene.ended(incident_id)
        assert incident.status is IncidentStatus.RESOLVED
        assert len(receiver.asked) == 1
        assert ("approval", "webhook", "success") in scene.runs()
        assert [(entry.actor, entry.action) for entry in scene.state.audit.list(question.approval_id)] == [
            ("ada", "approval.approved"),
            ("ada", "approval.vote"),
        ]


@pytest.mark.parametrize("effect", [PolicyEffect.ALLOW, PolicyEffect.ASK])
def test_what_is_over_is_neither_asked_about_nor_mended(tmp_path: Path, effect: PolicyEffect) -> None:
    with (
        Receiver() as receiver,
        Scene(tmp_path, actions=(ask_for("restart"),), receiver=receiver.url, effect=effect) as scene,
    ):
        incident = scene.ended(scene.start())
        assert statuses(incident) == ["analysing", "resolved"]
        assert incident.timeline[-1].text == "The symptom was gone before anything was done."
        assert receiver.asked == []
        assert scene.state.approvals.list() == []
        assert scene.events() == []


def test_what_ends_while_a_person_thinks_is_not_mended_after_the_approval(tmp_path: Path) -> None:
    over: list[bool] = []
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            effect=PolicyEffect.ASK,
            gone=lambda _: bool(over),
        ) as scene,
    ):
        incident_id = scene.start()
        question = scene.question()
        over.append(True)
        scene.vote(question.approval_id, "ada")
        incident = scene.ended(incident_id)
        assert statuses(incident) == ["analysing", "awaiting_approval", "resolved"]
        assert incident.timeline[-1].text == "The symptom was gone before anything was done."
        assert receiver.asked == []
        assert scene.events() == []


def test_rejection_leads_to_another_action_then_to_a_person(tmp_path: Path) -> None:
    actions = (ask_for("restart"), ask_for("rollback", 2))
    with (
        Receiver() as receiver,
        Scene(tmp_path, actions=actions, receiver=receiver.url, effect=PolicyEffect.ASK, gone=lambda _: False) as scene,
    ):
        incident_id = scene.start()
        first = scene.question()
        scene.vote(first.approval_id, "ada", ApprovalStatus.REJECTED)
        wait_for(lambda: any(found.approval_id != first.approval_id for found in scene.state.approvals.list()))
        second = scene.question()
        assert second.action.parameters["operation"] == "rollback"
        scene.vote(second.approval_id, "ada", ApprovalStatus.REJECTED)
        assert scene.ended(incident_id).status is IncidentStatus.ESCALATED
        assert receiver.asked == []
        assert scene.events() == ["ESCALATION_REQUIRED"]
        assert [run for run in scene.runs() if run[0] == "approval"] == [("approval", "webhook", "rejected")] * 2


@pytest.mark.parametrize(("kind", "sent"), [(AnomalyKind.BURST, 1), (AnomalyKind.FABRIC, 0), (AnomalyKind.METRIC, 0)])
def test_what_insights_have_told_is_handed_over_without_another_message(
    tmp_path: Path, kind: AnomalyKind, sent: int
) -> None:
    with Scene(tmp_path, actions=(), gone=lambda _: False) as scene:
        incident_id = scene.start(kind=kind)
        assert scene.ended(incident_id).status is IncidentStatus.ESCALATED
        entries = scene.state.incidents.get(incident_id).timeline
        assert any(entry.data.get("event") == "ESCALATION_REQUIRED" for entry in entries)
        assert scene.events() == ["ESCALATION_REQUIRED"] * sent


def test_nobody_answers_in_time(tmp_path: Path) -> None:
    with Scene(
        tmp_path,
        actions=(ask_for("restart"),),
        receiver="http://127.0.0.1:9",
        effect=PolicyEffect.ASK,
        approval_seconds=0.3,
        gone=lambda _: False,
    ) as scene:
        incident = scene.ended(scene.start())
        assert incident.status is IncidentStatus.ESCALATED
        assert scene.events() == ["APPROVAL_TIMEOUT", "ESCALATION_REQUIRED"]
        [approval] = scene.state.approvals.list()
        assert approval.status is ApprovalStatus.TIMED_OUT
        with pytest.raises(NotPossible):
            scene.vote(approval.approval_id, "late")
        assert ("approval", "webhook", "timed_out") in scene.runs()


def test_the_first_answer_counts(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            gone=mended_by(receiver),
            effect=PolicyEffect.ASK,
        ) as scene,
    ):
        incident_id = scene.start()
        approval_id = scene.question().approval_id
        scene.vote(approval_id, "ada")
        scene.vote(approval_id, "ada")
        with pytest.raises(NotPossible):
            scene.vote(approval_id, "bob", ApprovalStatus.REJECTED)
        assert scene.ended(incident_id).status is IncidentStatus.RESOLVED
        assert len(receiver.asked) == 1


def test_an_action_that_did_not_help_is_not_repeated(tmp_path: Path) -> None:
    actions = (ask_for("restart"), ask_for("rollback", 2))
    with (
        Receiver() as receiver,
        Scene(tmp_path, actions=actions, receiver=receiver.url, gone=mended_by(receiver, 2)) as scene,
    ):
        incident = scene.ended(scene.start())
        assert incident.status is IncidentStatus.RESOLVED
        assert [asked.path for asked in receiver.asked] == ["/restart", "/rollback"]
        assert scene.attempts == [(1, ()), (2, (actions[0].key,))]
        assert [run[1:] for run in scene.runs() if run[0] == "action"] == [
            ("webhook", "failure"),
            ("webhook", "success"),
        ]


def test_three_replans_then_a_person(tmp_path: Path) -> None:
    names = ("restart", "rollback", "scale", "block", "drain")
    actions = tuple(ask_for(name, number) for number, name in enumerate(names, 1))
    with (
        Receiver() as receiver,
        Scene(tmp_path, actions=actions, receiver=receiver.url, gone=lambda _: False) as scene,
    ):
        incident = scene.ended(scene.start())
        assert incident.status is IncidentStatus.ESCALATED
        assert [asked.path for asked in receiver.asked] == ["/restart", "/rollback", "/scale", "/block"]
        assert len(scene.attempts) == 4
        assert scene.events() == ["REMEDIATION_ERROR", "ESCALATION_REQUIRED"]


def test_a_receiver_that_refuses_counts_as_failed(tmp_path: Path) -> None:
    with (
        Receiver(answers=[403]) as receiver,
        Scene(
            tmp_path,
            actions=lambda attempt: (ask_for("restart" if attempt == 1 else "rollback"),),
            receiver=receiver.url,
            gone=mended_by(receiver, 2),
        ) as scene,
    ):
        assert scene.ended(scene.start()).status is IncidentStatus.RESOLVED
        assert [asked.path for asked in receiver.asked] == ["/restart", "/rollback"]


def test_inconclusive_goes_to_a_person_at_once(tmp_path: Path) -> None:
    with Scene(tmp_path, verdict=Verdict.INCONCLUSIVE) as scene:
        incident = scene.ended(scene.start())
        assert statuses(incident) == ["analysing", "escalated"]
        assert scene.events() == ["ESCALATION_REQUIRED"]
        assert scene.runs() == [("analyst", "explain", "success")]


def test_telling_and_looking_mend_nothing(tmp_path: Path) -> None:
    with Scene(tmp_path, actions=(TELL, LOOK), gone=lambda _: False) as scene:
        incident = scene.ended(scene.start())
        assert incident.status is IncidentStatus.ESCALATED
        assert scene.runs()[1:] == [("action", "notify", "success"), ("action", "investigate", "success")]
        assert "pool full" in [message.title for message in scene.memory.messages]
        assert any(entry.data.get("window_minutes") for entry in incident.timeline if entry.kind == "action")


def test_what_ended_by_itself_is_resolved_without_praise(tmp_path: Path) -> None:
    with Scene(tmp_path, actions=(TELL,)) as scene:
        assert scene.ended(scene.start()).status is IncidentStatus.RESOLVED
        assert scene.events() == []


@pytest.mark.parametrize("effect", [PolicyEffect.ALLOW, PolicyEffect.ASK])
def test_a_dry_run_shows_what_would_be_done(tmp_path: Path, effect: PolicyEffect) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"), TELL),
            receiver=receiver.url,
            effect=effect,
            dry_run=DryRun.CHANGES,
            gone=lambda _: False,
        ) as scene,
    ):
        incident = scene.ended(scene.start())
        assert incident.status is IncidentStatus.ESCALATED
        assert receiver.asked == []
        assert scene.state.approvals.list() == []
        assert ("action", "webhook", "dry_run") in scene.runs()
        handed_over = next(message for message in scene.memory.messages if message.event == "ESCALATION_REQUIRED")
        body = handed_over.body.replace("\\", "")  # addresses are escaped
        assert f"Would have been done: POST {receiver.url}/restart" in body


def test_a_restart_keeps_the_deadline(tmp_path: Path) -> None:
    settings = {
        "actions": (ask_for("restart"),),
        "receiver": "http://127.0.0.1:9",
        "approval_seconds": 1.5,
        "gone": lambda _: False,
    }
    with Scene(tmp_path, effect=PolicyEffect.ASK, **settings) as scene:  # type: ignore[arg-type]
        incident_id = scene.start()
        before = scene.question()
    with Scene(tmp_path, effect=PolicyEffect.ASK, **settings) as scene:  # type: ignore[arg-type]
        assert scene.question() == before
        assert scene.ended(incident_id).status is IncidentStatus.ESCALATED
        [approval] = scene.state.approvals.list()
        assert approval.decided_at is not None
        assert 0 <= (approval.decided_at - before.expires_at).total_seconds() < 1.5
        assert scene.events() == ["APPROVAL_TIMEOUT", "ESCALATION_REQUIRED"]


def test_an_answer_given_while_nothing_ran_counts_after_the_start(tmp_path: Path) -> None:
    with Receiver() as receiver:
        with Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            gone=mended_by(receiver),
            effect=PolicyEffect.ASK,
        ) as scene:
            incident_id = scene.start()
            approval_id = scene.question().approval_id
            scene.engine.close()
            scene.vote(approval_id, "ada")
        with Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            gone=mended_by(receiver),
            effect=PolicyEffect.ASK,
        ) as scene:
            assert scene.ended(incident_id).status is IncidentStatus.RESOLVED
        assert len(receiver.asked) == 1


def test_an_unexpected_error_hands_over(tmp_path: Path) -> None:
    def broken(attempt: int) -> Sequence[ActionProposal]:
        raise ZeroDivisionError("no analysis")

    with Scene(tmp_path, actions=broken) as scene:
        incident = scene.ended(scene.start())
        assert incident.status is IncidentStatus.ESCALATED
        assert scene.events() == ["WORKFLOW_ERROR", "ESCALATION_REQUIRED"]
        assert scene.runs() == [("analyst", "explain", "failure")]


def test_an_incident_without_a_workflow_gets_one(tmp_path: Path) -> None:
    with Scene(tmp_path) as scene:
        # Recorded, and then the process died before it started the workflow.
        incident, _ = scene.state.incidents.record(anomaly(), scene.clock.now())
        assert scene.ended(incident.incident_id).status is IncidentStatus.RESOLVED


class Down(BaseException):
    """What no body can handle: the workflow stops in the middle, as under a database that goes away."""


class Stranding(Scene):
    """Its first `times` analyses strand the workflow."""

    times = 1

    def explain(self, incident: Incident, attempt: int, tried: Sequence[str]) -> Analysis:
        if self.times > 0:
            self.times -= 1
            raise Down
        return super().explain(incident, attempt, tried)


def test_a_stranded_workflow_is_resumed(tmp_path: Path) -> None:
    with Stranding(tmp_path, stranded_seconds=0.2) as scene:
        assert scene.ended(scene.start()).status is IncidentStatus.RESOLVED


def test_a_workflow_that_strands_for_ever_goes_to_a_person(tmp_path: Path) -> None:
    scene = Stranding(tmp_path, watchdog_seconds=0.05, stranded_seconds=0.2)
    scene.times = 1000
    with scene:
        assert scene.ended(scene.start()).status is IncidentStatus.ESCALATED
        wait_for(lambda: scene.events() == ["WORKFLOW_ERROR", "ESCALATION_REQUIRED"])


def test_a_person_may_resolve_it_meanwhile(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            gone=mended_by(receiver),
            effect=PolicyEffect.ASK,
        ) as scene,
    ):
        incident_id = scene.start()
        approval_id = scene.question().approval_id
        scene.state.incidents.move(incident_id, IncidentStatus.RESOLVED, "mended by hand", scene.clock.now())
        scene.vote(approval_id, "ada")
        wait_for(lambda: scene.engine.status(continued_by(incident_id, approval_id)) == "SUCCESS")
        assert receiver.asked == []
        assert scene.events() == []


def test_only_one_engine_per_process_and_it_can_be_opened_again(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    second = Workflows(Scene(tmp_path / "b").engine_settings, SystemClock())
    with Scene(tmp_path / "a") as scene, pytest.raises(HomeInUse):
        second.open(scene.workflow.body)
    with Scene(tmp_path / "b") as scene:
        assert scene.ended(scene.start()).status is IncidentStatus.RESOLVED
