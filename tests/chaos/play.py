"""The parent of a chaos run: starts and kills workers, restarts databases, steps clocks, answers questions."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from dbos import DBOSClient, DBOSPortableJSONSerializer

from bdp.errors import NotAllowed, NotPossible, Retry
from bdp.flow.mend.durable import APPLICATION
from bdp.model.anomaly import Anomaly, AnomalyKind, Severity, Subject
from bdp.model.decision import Approval, ApprovalStatus, Role, Vote
from bdp.model.incident import IncidentStatus
from bdp.store.state import State, open_state
from tests.chaos.receiver import World
from tests.chaos.story import Story, service_of
from tests.chaos.worker import Task, number_of
from tests.faults.servers import Database
from tests.faults.shim import Control, NoCompiler, build

ROOT = Path(__file__).resolve().parents[2]
ENDED = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ESCALATED})
APPROVAL_SECONDS = 12.0


@dataclass
class Place:
    """Where a run keeps its state."""

    state_url: str
    engine_url: str
    outage: Callable[[random.Random], None]
    """Makes the databases unreachable for a moment; returns when they are there again."""
    workers: int


@contextlib.contextmanager
def sqlite_place(home: Path) -> Iterator[Place]:
    """Two files; an outage is somebody else who holds one of them."""

    def outage(chance: random.Random) -> None:
        file = home / chance.choice(("state.db", "workflows.db"))
        with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(file)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            time.sleep(chance.uniform(0.2, 2.5))
            holder.rollback()

    yield Place(f"sqlite:///{home}/state.db", f"sqlite:///{home}/workflows.db", outage, workers=1)


@contextlib.contextmanager
def postgresql_place(home: Path) -> Iterator[Place]:
    """A real server behind a proxy; an outage stops it at once, cuts its connections, or lets them hang."""
    server = Database()
    try:

        def outage(chance: random.Random) -> None:
            server.fail(chance.choice(("stop", "stop", "cut", "stall")))
            time.sleep(chance.uniform(0.2, 2.5))
            server.mend()

        with server.fresh() as state_url, server.fresh() as engine_url:
            yield Place(state_url, engine_url, outage, workers=3)
    finally:
        server.close()


@dataclass
class Tally:
    """What was done to the run."""

    kills: int = 0
    outages: int = 0
    steps: int = 0
    votes: int = 0
    refused_votes: int = 0


@dataclass
class _Slot:
    """A worker's name, and the process that has it now."""

    task: Task
    control: Control | None
    process: subprocess.Popen[str] | None = None


@dataclass
class Play:
    """One run."""

    home: Path
    place: Place
    world: World
    incidents: int
    kills: int
    chance: random.Random
    tally: Tally = field(default_factory=Tally)

    def until_over(self, patience: float) -> State:
        """Play until every incident has ended; return the state.

        Raises:
            AssertionError: something hangs.
        """
        self.state = _patiently(lambda: open_state(self.place.state_url))
        slots = [self._slot(number) for number in range(self.place.workers)]
        stop = threading.Event()
        helpers = [
            threading.Thread(target=self._again, args=(stop, self._answer)),
            threading.Thread(target=self._torment, args=(stop, slots)),
        ]
        try:
            for slot in slots:
                self._start(slot)
            for helper in helpers:
                helper.start()
            for number in range(self.incidents):
                _patiently(partial(self.state.incidents.record, _anomaly(number), datetime.now(UTC)))
            self._wait(stop, patience)
        finally:
            stop.set()
            for helper in helpers:
                helper.join()
            for slot in slots:
                self._kill(slot)
        return self.state

    def _wait(self, stop: threading.Event, patience: float) -> None:
        deadline = time.monotonic() + patience
        while not (self.tally.kills >= self.kills and _patiently(self._is_over)):
            assert time.monotonic() < deadline, f"some incident hangs: {self._left()}"
            time.sleep(0.5)

    def _is_over(self) -> bool:
        found = self.state.incidents.list(limit=100_000)
        if len(found) < self.incidents or any(incident.status not in ENDED for incident in found):
            return False
        alerts = self.state.alerts
        return not (alerts.pending(datetime.now(UTC)) or alerts.waiting() or self._pending())

    def _pending(self) -> list[str]:
        client = DBOSClient(
            system_database_url=self.place.engine_url,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
        )
        try:
            rows = client.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False)
            return [row.workflow_id for row in rows]
        finally:
            client.destroy()

    def _left(self) -> list[str]:
        found = self.state.incidents.list(limit=100_000)
        return [f"{number_of(one)} is {one.status}" for one in found if one.status not in ENDED] + self._pending()[:20]

    def _slot(self, number: int) -> _Slot:
        task = Task(
            home=str(self.home),
            state_url=self.place.state_url,
            engine_url=self.place.engine_url,
            receiver=self.world.url,
            name=f"worker-{number}",
            approval_seconds=APPROVAL_SECONDS,
            lease_seconds=3.0,
        )
        return _Slot(task, Control(self.home / f"control-{number}") if _shim(self.home) else None)

    def _start(self, slot: _Slot) -> None:
        paths = os.pathsep.join((str(ROOT), str(ROOT / "src")))
        environment = {**os.environ, "PYTHONPATH": paths}
        if slot.control is not None:
            environment |= {"LD_PRELOAD": str(_shim(self.home)), "FAULT_CONTROL": str(slot.control.path)}
        command = [sys.executable, "-m", "tests.chaos.worker", slot.task.argument()]
        log = (self.home / f"{slot.task.name}.log").open("a")
        slot.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, text=True, cwd=ROOT, env=environment
        )
        log.close()

    def _kill(self, slot: _Slot) -> None:
        if slot.process is not None:
            slot.process.kill()
            slot.process.wait()
            slot.process = None

    def _torment(self, stop: threading.Event, slots: list[_Slot]) -> None:
        while not stop.wait(self.chance.uniform(0.3, 2.2)):
            for slot in slots:
                if slot.process is None or slot.process.poll() is not None:
                    self._start(slot)
            if self.tally.kills >= self.kills:
                for slot in slots:
                    if slot.control:
                        slot.control.step_clock(timedelta())
                continue
            self._hurt(self.chance.choice(slots))

    def _hurt(self, slot: _Slot) -> None:
        what = self.chance.random()
        if what < 0.7:
            self._kill(slot)
            self.tally.kills += 1
            if self.chance.random() < 0.5:
                self._start(slot)
        elif what < 0.85:
            self.place.outage(self.chance)
            self.tally.outages += 1
        elif slot.control:
            slot.control.step_clock(timedelta(seconds=self.chance.choice((-120, -5, 0, 5, 60))))
            self.tally.steps += 1

    def _again(self, stop: threading.Event, do: Callable[[], None]) -> None:
        while not stop.wait(0.1):
            with contextlib.suppress(Retry):
                do()

    def _answer(self) -> None:
        for approval in self.state.approvals.list(ApprovalStatus.WAITING):
            incident = self.state.incidents.get(approval.incident_id)
            story = Story.of(number_of(incident))
            if story is Story.ASKS:
                self._vote(approval, "ada", ApprovalStatus.APPROVED)
                self._vote(approval, "ada", ApprovalStatus.REJECTED)
            elif story is Story.REJECTED:
                self._vote(approval, "ada", ApprovalStatus.REJECTED)
                self._vote(approval, "bob", ApprovalStatus.APPROVED)
            elif story is Story.TWO:
                self._vote(approval, "ada", ApprovalStatus.APPROVED)
                self._vote(approval, "ADA ", ApprovalStatus.APPROVED)
                self._vote(approval, self.chance.choice(("bob", "cem")), ApprovalStatus.APPROVED)

    def _vote(self, approval: Approval, by: str, status: ApprovalStatus) -> None:
        now = datetime.now(UTC)
        vote = Vote(by=by, role=Role.APPROVER, status=status, at=now, via="api")
        try:
            self.state.approvals.vote(approval.approval_id, vote, now)
            self.tally.votes += 1
        except (NotPossible, NotAllowed):
            self.tally.refused_votes += 1


def _anomaly(number: int) -> Anomaly:
    now = datetime.now(UTC)
    return Anomaly(
        anomaly_id=f"anomaly-{number}",
        kind=AnomalyKind.BURST,
        subject=Subject(service=service_of(Story.of(number)), route=f"/{number}", error_code="POOL_TIMEOUT"),
        signature=f"{number:016x}",
        severity=Severity.HIGH,
        start_time=now - timedelta(minutes=3),
        detected_at=now,
        count=40.0,
        threshold=10.0,
        expected=None,
        window_seconds=300,
        never_seen=False,
        templates=("no connection within <*> ms",),
        trace_ids=(),
    )


def _shim(home: Path) -> Path | None:
    library = home / "shim.so"
    if not library.exists():
        with contextlib.suppress(NoCompiler):
            build(home)
    return library if library.exists() else None


T = TypeVar("T")


def _patiently(do: Callable[[], T], seconds: float = 60.0) -> T:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return do()
        except Exception as error:
            if time.monotonic() > deadline or isinstance(error, AssertionError):
                raise
            time.sleep(0.1)
