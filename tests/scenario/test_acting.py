"""Leave to act, preconditions, limits, two people, and taking back what did not help: through the whole workflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bdp.decide.pause import Switch
from bdp.decide.policy import Policy, policy_of
from bdp.model.analysis import ActionProposal, Condition, ConditionKind
from bdp.model.batch import RecordKind
from bdp.model.decision import ApprovalStatus, PolicyEffect
from bdp.model.incident import IncidentStatus
from bdp.ports import Row
from tests.scenario.receiver import Receiver
from tests.scenario.workflow_scene import QuietStore, Scene, ask_for, wait_for


def asked(receiver: Receiver) -> list[str]:
    return [one.path for one in receiver.asked]


def mended_by(receiver: Receiver, path: str) -> Callable[[int], bool]:
    return lambda _: path in asked(receiver)


def kinds(scene: Scene, incident_id: str, kind: str) -> list[str]:
    return [entry.text for entry in scene.state.incidents.get(incident_id).timeline if entry.kind == kind]


class Changed(QuietStore):
    """A store in which the service was changed once."""

    def __init__(self, ref: str) -> None:
        self.ref = ref

    def insert(self, kind: RecordKind, payload: bytes, token: str) -> None:
        raise NotImplementedError

    def query(self, sql: str) -> list[Row]:
        return [{"ref": self.ref}] if "FROM changes" in sql else super().query(sql)


def test_what_did_not_help_is_taken_back_before_the_next_is_tried(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"), ask_for("rollback", 2)),
            receiver=receiver.url,
            gone=mended_by(receiver, "/rollback"),
            undo_useless=True,
        ) as scene,
    ):
        incident_id = scene.start()
        assert scene.ended(incident_id).status is IncidentStatus.RESOLVED
        assert asked(receiver) == ["/restart", "/undo", "/rollback"]
        assert kinds(scene, incident_id, "undo") == ["Taken back: The receiver answered 200."]
        assert ("undo", "webhook", "success") in scene.runs()


def test_what_cannot_be_taken_back_now_is_said_to_a_person(tmp_path: Path) -> None:
    with (
        Receiver(answers=[200, 403]) as receiver,
        Scene(
            tmp_path, actions=(ask_for("restart"),), receiver=receiver.url, gone=lambda _: False, undo_useless=True
        ) as scene,
    ):
        incident_id = scene.start()
        assert scene.ended(incident_id).status is IncidentStatus.ESCALATED
        assert ("undo", "webhook", "failure") in scene.runs()
        told = next(one for one in scene.memory.messages if one.event == "ESCALATION_REQUIRED")
        assert "It could not be taken back" in told.body


def with_requirement(ref: str) -> ActionProposal:
    required = Condition(kind=ConditionKind.CHANGE_IS_LATEST, parameters={"service": "shop", "ref": ref})
    return ask_for("rollback").model_copy(update={"requires": (required,)})


@pytest.mark.parametrize(("latest", "done"), [("v2", ["/rollback"]), ("v3", ["/restart"])])
def test_a_precondition_that_is_not_true_leads_to_the_next_action(tmp_path: Path, latest: str, done: list[str]) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(with_requirement("v2"), ask_for("restart", 2)),
            receiver=receiver.url,
            gone=lambda _: bool(receiver.asked),
            store=Changed(latest),
        ) as scene,
    ):
        assert scene.ended(scene.start()).status is IncidentStatus.RESOLVED
        assert asked(receiver) == done


def test_a_precondition_counts_at_the_act_not_only_at_the_question(tmp_path: Path) -> None:
    store = Changed("v2")
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(with_requirement("v2"),),
            receiver=receiver.url,
            gone=lambda _: False,
            effect=PolicyEffect.ASK,
            store=store,
        ) as scene,
    ):
        incident_id = scene.start()
        question = scene.question()
        store.ref = "v3"
        scene.vote(question.approval_id, "ada")
        assert scene.ended(incident_id).status is IncidentStatus.ESCALATED
        assert receiver.asked == []
        assert any("v3 came after v2" in text for text in kinds(scene, incident_id, "action"))


class Limited(Scene):
    """One webhook an hour."""

    @property
    def policy(self) -> Policy:
        rule = "{name: once, actions: webhook, effect: allow, limits: [{most: 1, per: 1h, scope: rule}]}"
        return policy_of({"p.yaml": f"rules:\n  - {rule}\n".encode()}, "test")


def test_a_limit_holds_over_incidents(tmp_path: Path) -> None:
    given: dict[str, Any] = {"actions": (ask_for("restart"),), "gone": lambda _: False}
    with Receiver() as receiver, Limited(tmp_path, receiver=receiver.url, **given) as scene:
        first = scene.start(1)
        scene.ended(first)
        second = scene.start(2)
        assert scene.ended(second).status is IncidentStatus.ESCALATED
        assert len(receiver.asked) == 1
        assert len(scene.state.permits.of(first)) == 1
        assert scene.state.permits.of(second) == []


def test_two_people_must_agree(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            gone=mended_by(receiver, "/restart"),
            effect=PolicyEffect.ASK,
            needed=2,
        ) as scene,
    ):
        incident_id = scene.start()
        question = scene.question()
        assert question.needed == 2
        assert scene.vote(question.approval_id, "ada").status is ApprovalStatus.WAITING
        assert scene.vote(question.approval_id, " ADA").status is ApprovalStatus.WAITING
        assert receiver.asked == []
        assert scene.vote(question.approval_id, "bob").status is ApprovalStatus.APPROVED
        assert scene.ended(incident_id).status is IncidentStatus.RESOLVED
        assert asked(receiver) == ["/restart"]


def test_a_pause_stops_what_was_approved_and_a_later_incident_goes_on(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            gone=lambda _: bool(receiver.asked),
            effect=PolicyEffect.ASK,
        ) as scene,
    ):
        switch = Switch(scene.state.policies, scene.clock)
        first = scene.start(1)
        question = scene.question()
        switch.pause("bob", "storm")
        scene.vote(question.approval_id, "ada")
        assert scene.ended(first).status is IncidentStatus.ESCALATED
        assert receiver.asked == []
        assert any("bob" in text for text in kinds(scene, first, "action"))
        switch.resume("bob")
        second = scene.start(2)
        wait_for(lambda: scene.state.approvals.list(ApprovalStatus.WAITING))
        scene.vote(scene.question().approval_id, "ada")
        assert scene.ended(second).status is IncidentStatus.RESOLVED


def test_silence_is_no_success(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path,
            actions=(ask_for("restart"),),
            receiver=receiver.url,
            gone=lambda _: bool(receiver.asked),
            undo_useless=True,
            heard=False,
        ) as scene,
    ):
        assert scene.ended(scene.start()).status is IncidentStatus.ESCALATED
        assert asked(receiver) == ["/restart"]
        assert scene.events() == ["ESCALATION_REQUIRED"]
        assert "cannot be told" in scene.memory.messages[-1].body


def test_what_was_done_stands_in_the_audit_log(tmp_path: Path) -> None:
    with (
        Receiver() as receiver,
        Scene(
            tmp_path, actions=(ask_for("restart"),), receiver=receiver.url, gone=lambda _: False, undo_useless=True
        ) as scene,
    ):
        incident_id = scene.start()
        scene.ended(incident_id)
        entries = scene.state.audit.list(incident_id)
        told = [entry.action for entry in reversed(entries)]
        assert told == ["action.permitted", "action.applied", "undo.undone"]
        assert entries[0].detail["key"] == receiver.asked[0].key
        assert scene.state.audit.verify().whole
