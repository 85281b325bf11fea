"""An upgrade with workflows in flight: none is lost, nothing is done twice, whichever version began them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bdp.flow.mend import durable
from bdp.flow.mend.incident import IncidentWorkflow
from bdp.flow.mend.parts import Parts
from bdp.flow.mend.run import Run, begun_anew_by, begun_by
from bdp.model.action import Message, MessageForm
from bdp.model.decision import PolicyEffect
from bdp.model.incident import IncidentStatus
from tests.scenario.receiver import Receiver
from tests.scenario.workflow_scene import Scene, ask_for, wait_for

WHILE = 3.0
"""Seconds from an act to the look whether it helped: the upgrade comes in between."""


class Telling(IncidentWorkflow):
    """The next version: it first tells that it begins. What an earlier one began goes on in the earlier order."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._post = parts.post

    async def body(self, run: Run, incident_id: str) -> str:
        if run.version >= 2:
            await run.step("greet", lambda: self._greet(run.workflow_id, incident_id))
        return await super().body(run, incident_id)

    def _greet(self, workflow_id: str, incident_id: str) -> dict[str, str]:
        told = Message(key=f"{workflow_id}:greeting", title="begun", body="…", incident_id=incident_id)
        self._post(MessageForm.EVENT, told)
        return {}


class Next(Scene):
    """A home after the upgrade."""

    def workflow_of(self, parts: Parts) -> IncidentWorkflow:
        return Telling(parts)


def greeted(scene: Scene) -> list[str]:
    return [message.key.removesuffix(":greeting") for message in scene.memory.messages if message.title == "begun"]


def until_asked(receiver: Receiver, times: int) -> Callable[[int], bool]:
    return lambda _: len(receiver.asked) >= times


def test_what_is_in_flight_goes_on_as_it_began(tmp_path: Path) -> None:
    with Receiver() as receiver:
        given = {"actions": (ask_for("restart"),), "receiver": receiver.url, "gone": until_asked(receiver, 1)}
        with Scene(tmp_path, **given, verify_after_seconds=WHILE) as scene:  # type: ignore[arg-type]
            acting = scene.start(1)
            wait_for(lambda: scene.state.incidents.get(acting).status is IncidentStatus.VERIFYING)
        with Scene(tmp_path, **given, effect=PolicyEffect.ASK) as scene:  # type: ignore[arg-type]
            # What waits for an answer has no workflow that could strand.
            scene.gone = lambda _: False
            waiting = scene.start(2)
            question = scene.question()
        with Next(tmp_path, **given, code=2, effect=PolicyEffect.ASK) as scene:  # type: ignore[arg-type]
            assert scene.ended(acting).status is IncidentStatus.RESOLVED
            assert scene.engine.status(begun_by(acting)) == "SUCCESS"
            assert greeted(scene) == []
            scene.gone = until_asked(receiver, 2)
            scene.vote(question.approval_id, "ada")
            assert scene.ended(waiting).status is IncidentStatus.RESOLVED
            assert [asked.path for asked in receiver.asked] == ["/restart", "/restart"]
            assert len({asked.key for asked in receiver.asked}) == 2
            [follows] = greeted(scene)
            assert question.approval_id in follows


def test_a_version_that_cannot_go_on_is_begun_anew_and_repeats_nothing(tmp_path: Path) -> None:
    actions = (ask_for("restart"), ask_for("rollback", 2))
    with Receiver() as receiver:
        given = {"actions": actions, "receiver": receiver.url, "gone": until_asked(receiver, 2)}
        with Scene(tmp_path, **given, verify_after_seconds=WHILE) as scene:  # type: ignore[arg-type]
            incident_id = scene.start()
            wait_for(lambda: scene.state.incidents.get(incident_id).status is IncidentStatus.VERIFYING)
            of_old = durable.APPLICATION_VERSION
        durable.APPLICATION_VERSION = "bdp-next"
        try:
            with Scene(tmp_path, **given) as scene:  # type: ignore[arg-type]
                assert scene.ended(incident_id).status is IncidentStatus.RESOLVED
                assert scene.engine.status(begun_by(incident_id)) == "CANCELLED"
                assert scene.engine.status(begun_anew_by(incident_id, "bdp-next")) == "SUCCESS"
        finally:
            durable.APPLICATION_VERSION = of_old
        assert [asked.path for asked in receiver.asked] == ["/restart", "/rollback"]
