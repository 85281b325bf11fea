"""One worker of the chaos run: works on incidents until it is killed. Arguments: the plan of the run as JSON."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from bdp.act.action import Tools
from bdp.act.settings import ActSettings, DryRun, Operation, WebhookSettings
from bdp.clock import SystemClock
from bdp.decide.gate import GateSettings
from bdp.decide.policy import Policy, policy_of
from bdp.errors import StoreUnavailable
from bdp.flow.mend.crew import Crew
from bdp.flow.mend.parts import Parts
from bdp.flow.settings import EngineSettings, WorkflowSettings
from bdp.flow.tell.outbox import Outbox
from bdp.model.action import Pause
from bdp.model.analysis import Analysis, Verdict
from bdp.model.incident import Incident
from bdp.notify.file import FileChannel, FileSettings
from bdp.ports import Channel
from bdp.store.state import State, open_state
from bdp.telemetry import set_up_logs
from tests.chaos.story import Story, actions_of
from tests.scenario.workflow_scene import QuietStore, analysis_of, messages_to

T = TypeVar("T")
POLICY = b"""
rules:
  - {name: two, actions: [webhook], services: [two], effect: ask, approvers: 2}
  - {name: asks, actions: [webhook], services: [asks], effect: ask}
  - {name: free, actions: [webhook], services: [free], effect: allow}
"""


@dataclass(frozen=True)
class Task:
    """What a worker is told."""

    home: str
    state_url: str
    engine_url: str
    receiver: str
    name: str
    approval_seconds: float
    lease_seconds: float

    def argument(self) -> str:
        return json.dumps(asdict(self))


class Worker:
    """The parts of a worker; its analyst goes by the incident's story."""

    def __init__(self, task: Task, state: State) -> None:
        self._task = task
        self._state = state
        self._clock = SystemClock()
        self._policy = policy_of({"chaos.yaml": POLICY}, "chaos")
        assert not self._policy.broken, self._policy
        self.channels: tuple[Channel, ...] = (FileChannel(FileSettings(max_mib=512), Path(task.home)),)

    def run(self) -> None:
        task, state, clock = self._task, self._state, self._clock
        settings = EngineSettings(
            url=SecretStr(task.engine_url),
            executor_id=task.name,
            look_seconds=0.2,
            watchdog_seconds=0.5,
            stranded_seconds=4.0,
            lease_seconds=task.lease_seconds,
        )
        crew = Crew(self._parts(), settings, state.workers)
        with messages_to(self.channels, state, clock):
            _patiently(crew.open)
            print("ready", flush=True)
            threading.Event().wait()  # until it is killed

    def _parts(self) -> Parts:
        state, task = self._state, self._task
        names = ("mend", "poke", "prod")
        operations = {name: Operation(url=f"{task.receiver}/apply", undo_url=f"{task.receiver}/undo") for name in names}
        act = ActSettings(
            dry_run=DryRun.NOTHING, webhook=WebhookSettings(operations=operations), tries=5, pause_seconds=0.05
        )
        return Parts(
            settings=WorkflowSettings(approval_seconds=task.approval_seconds, verify_after_seconds=0.2, max_replans=3),
            gate=GateSettings(),
            policy=self._now,
            pause=self._pause,
            incidents=state.incidents,
            approvals=state.approvals,
            executions=state.executions,
            permits=state.permits,
            audit=state.audit,
            tools=Tools(
                settings=act, channels=self.channels, store=QuietStore(), effects=state.effects, clock=self._clock
            ),
            explain=self._explain,
            symptom_gone=self._symptom_gone,
            heard=lambda incident, since: True,
            post=Outbox(state.alerts, self._clock).post,
        )

    def _now(self) -> Policy:
        return self._policy

    def _pause(self) -> Pause | None:
        return None

    def _explain(self, incident: Incident, attempt: int, tried: Sequence[str]) -> Analysis:
        time.sleep(random.uniform(0.0, 0.03))
        number = number_of(incident)
        verdict = Verdict.INCONCLUSIVE if Story.of(number) is Story.UNSURE else Verdict.CONFIRMED
        return analysis_of(incident, attempt, actions_of(number), verdict=verdict)

    def _symptom_gone(self, incident: Incident, since: datetime) -> bool:
        try:
            with urllib.request.urlopen(f"{self._task.receiver}/gone/{number_of(incident)}", timeout=5) as answer:
                return bool(json.load(answer)["gone"])
        except (urllib.error.URLError, OSError) as error:
            raise StoreUnavailable("The receiver does not answer.") from error


def number_of(incident: Incident) -> int:
    """Return the number of an incident of the run."""
    return int(incident.subject.route.rpartition("/")[2])


def main() -> None:
    set_up_logs("ERROR")  # to standard error: nobody reads what stands in the pipe
    task = Task(**json.loads(sys.argv[1]))
    Worker(task, _patiently(lambda: open_state(task.state_url))).run()


def _patiently(do: Callable[[], T]) -> T:
    """Try until the databases are there: a worker that is started during an outage waits, as a supervisor would."""
    while True:
        try:
            return do()
        except Exception as error:
            print(f"not yet: {type(error).__name__}: {error}", file=sys.stderr)
            time.sleep(0.3)


if __name__ == "__main__":
    main()
