"""One run: a home, its processes one after another, senders, what goes wrong, and the oracle's judgement at the end."""

from __future__ import annotations

import contextlib
import functools
import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.faults import oracle, shim
from tests.faults.disks import Disk
from tests.faults.events import Maker
from tests.faults.load import Load
from tests.faults.schedule import Fault, Plan
from tests.faults.servers import Broker, Database
from tests.faults.subject import READY_SECONDS, Life, Nursery
from tests.faults.tear import tear

_DELIVERY = {
    "breaker": {"failures": 2, "probe_seconds": 0.1, "longest_probe_seconds": 0.8},
    "buffer": {"patience_seconds": 0.3, "pause_seconds": 0.05},
    "drain": {"look_seconds": 0.1},
}
"""Short waits, so that a run of seconds sees what an outage of minutes would show."""

_KAFKA = {"partitions": 3, "timeout_seconds": 1.0, "session_seconds": 2.0, "tally_seconds": 0.2}
_GUARDED = {"normal_free_percent": 30.0, "warn_free_percent": 20.0, "error_free_percent": 12.0,
            "fatal_free_percent": 6.0}  # fmt: skip
_UNGUARDED = dict.fromkeys(_GUARDED, 0.0)


_Step = tuple[float, Callable[[], Any]]
"""When something is done, and what; it may give what is to be done later."""


@dataclass
class Outcome:
    """What came of a run."""

    plan: Plan
    verdict: oracle.Verdict
    injected: Counter[str] = field(default_factory=Counter)
    lives: int = 0
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """True if the oracle has nothing to complain of."""
        return not self.verdict.problems


class Workshop:
    """What the runs of one process share: the nursery with its shim, and the servers, started when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.control = shim.Control(self.folder / "control")
        self.nursery = Nursery(shim.build(self.folder), self.control.path)
        self._database: Database | None = None
        self._broker: Broker | None = None

    def broker(self) -> Broker:
        """Return the Kafka broker."""
        if self._broker is None:
            self._broker = Broker()
        return self._broker

    def database(self) -> Database:
        """Return the PostgreSQL server."""
        if self._database is None:
            self._database = Database()
        return self._database

    def close(self) -> None:
        """Stop everything."""
        self.nursery.close()
        if self._database is not None:
            self._database.close()
        if self._broker is not None:
            self._broker.close()
        self.control.close()


class Run:
    """One run of a plan."""

    def __init__(self, workshop: Workshop, plan: Plan) -> None:
        self._shop = workshop
        self._plan = plan
        self._chance = random.Random(f"{plan.seed}/run")
        self.folder = workshop.folder / f"run-{plan.seed}"
        self._home = self.folder / "home"
        self._load = Load(plan.seed)
        self._disks: dict[str, Disk] = {}
        self._settings: dict[str, str] = {}
        self._topic = ""
        self._life: Life | None = None
        self._served = False
        self._expected = False
        self._mended: list[Callable[[], None]] = []
        self._outcome = Outcome(plan, oracle.Verdict())

    def execute(self) -> Outcome:
        """Do it, and clean up what is not of this run's folder."""
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            self._prepare(stack)
            try:
                self._suffer()
                self._mend_all()
                self._judge()
            finally:
                self._load.stop()
                if self._life:
                    self._life.kill()
                self._keep_account()
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the world

    def _prepare(self, stack: contextlib.ExitStack) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)
        self._home.mkdir()
        for name, mib in self._plan.disks.items():
            self._disks[name] = Disk(self._home / name, mib)
            stack.callback(self._unmount, name)
        self._shop.control.reset(f"{self._home}/", "/store/")
        stream: dict[str, Any] = {
            "sinks": self._plan.sinks,
            "delivery": _DELIVERY | {"room": _GUARDED if self._plan.guarded else _UNGUARDED},
            "journal": {"busy_seconds": 2.0},
            "table": {"connect_seconds": 1, "statement_seconds": 2, "group": {"answer_seconds": 2.5}},
            "files": {"group": {"answer_seconds": 2.5}, "segment_mib": 1},
        }
        if self._plan.table == "postgresql":
            stream["table"]["url"] = stack.enter_context(self._shop.database().fresh())
        if self._plan.sinks[0] == "kafka":
            broker = self._shop.broker()
            self._topic = stack.enter_context(broker.fresh())
            stream["kafka"] = {"bootstrap_servers": broker.address, "topic": self._topic, "group": self._topic} | _KAFKA
        self._settings = {
            "BDP_STREAM": json.dumps(stream),
            "BDP_PIPELINE": json.dumps({"linger_seconds": 0.05, "retry_seconds": 0.2}),
            "BDP_NOTIFY__CHANNELS": '[{"kind": "file"}]',
        }

    def _unmount(self, name: str) -> None:
        """Take a disk away; what was on it stays in the folder if the run is to be looked at."""
        disk = self._disks.pop(name)
        disk.free()
        kept = self.folder / "disks" / name.replace(".", "home")
        if not self._outcome.passed:
            shutil.copytree(disk.folder, kept, dirs_exist_ok=True)
        disk.close()

    # ---- what goes wrong

    def _suffer(self) -> None:
        self._start()
        self._wait(READY_SECONDS, lambda: self._served)
        began = time.monotonic()
        self._load.start(self._plan.volume)
        steps: list[_Step] = [(fault.at, functools.partial(self._do, fault)) for fault in self._plan.faults]
        while steps or time.monotonic() < began + self._plan.seconds:
            now = time.monotonic() - began
            while steps and steps[0][0] <= now:
                mend = steps.pop(0)[1]()
                if mend:
                    steps.append(mend)
                    steps.sort(key=lambda step: step[0])
            self._tend()
            time.sleep(0.01)
            if now > self._plan.seconds + 10:
                break

    def _do(self, fault: Fault) -> _Step | None:
        """Do a fault and return when and how to mend it, if it can be."""
        mend = _DO[fault.kind](self, fault)
        self._outcome.injected[fault.kind] += 1
        if mend is None:
            return None
        self._mended.append(mend)

        def once() -> None:
            if mend in self._mended:
                self._mended.remove(mend)
                mend()

        return fault.at + fault.lasts, once

    def _mend_all(self) -> None:
        while self._mended:
            self._mended.pop()()
        self._shop.control.lift_all()

    def _kill(self, fault: Fault) -> None:
        if self._life:
            self._expected = True
            self._life.kill()

    def _stop(self, fault: Fault) -> None:
        if self._life:
            self._expected = True
            self._stop_it()

    def _stop_it(self) -> None:
        assert self._life is not None
        began = time.monotonic()
        if self._life.stop() == -1:
            self._outcome.verdict.problems.append("it did not stop when asked to")
        took = round(time.monotonic() - began, 2)
        figures = self._outcome.verdict.figures
        figures["stop_s"] = max(took, figures.get("stop_s", 0.0))

    def _tear(self, fault: Fault) -> None:
        self._kill(fault)
        touched = tear(self._shop.control.unsynced(), random.Random(fault.detail["chance"]))
        self._shop.control.forget_watches()
        self._outcome.injected["torn_ranges"] += touched

    def _break(self, fault: Fault) -> Callable[[], None]:
        place = self._shop.control.fail(shim.Rule(**fault.detail))
        return lambda: self._shop.control.lift(place)

    def _fill(self, fault: Fault) -> Callable[[], None]:
        disk = self._disks[fault.detail["folder"]]
        disk.fill(fault.detail["leave"])
        return disk.free

    def _step_clock(self, fault: Fault) -> Callable[[], None]:
        self._shop.control.step_clock(timedelta(hours=fault.detail["hours"]))
        return lambda: self._shop.control.step_clock(timedelta())

    def _slow(self, fault: Fault) -> Callable[[], None]:
        self._shop.control.slow_syncs(fault.detail["seconds"])
        return lambda: self._shop.control.slow_syncs(0)

    def _lose_database(self, fault: Fault) -> Callable[[], None]:
        database = self._shop.database()
        database.fail(fault.detail["how"])
        return database.mend

    def _lose_broker(self, fault: Fault) -> Callable[[], None]:
        broker, topic = self._shop.broker(), self._topic
        broker.fail(fault.detail["how"], topic)
        return lambda: broker.mend(topic)

    # ---- its lives

    def _start(self) -> None:
        self._life = Life(self._shop.nursery, self._home, self._settings)
        self._served = self._expected = False
        self._outcome.lives += 1

    def _tend(self) -> None:
        """See to it that somebody lives; the senders learn who."""
        life = self._life
        if life is None:
            return
        if not life.alive:
            self._load.life = None
            if self._served and not self._expected:
                self._outcome.injected["ended_by_itself"] += 1
                self._outcome.verdict.problems.append(f"it ended by itself, with {life.code}")
            self._start()
        elif not self._served and life.listening():
            self._served = True
            self._load.life = life

    def _wait(self, seconds: float, until: Callable[[], bool]) -> bool:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self._tend()
            if until():
                return True
            time.sleep(0.01)
        return False

    # ---- the end

    def _judge(self) -> None:
        verdict = self._outcome.verdict
        if self._plan.restart and self._life:
            self._expected = True
            self._load.life = None
            if self._chance.random() < 0.3:
                self._stop_it()
            else:
                self._life.kill()
        if not self._wait(READY_SECONDS, lambda: self._served) or self._life is None:
            verdict.problems.append("everything is mended, and it does not come up")
            if self._life:
                self._life.tell()
            return
        self._load.finish()
        verdict.problems += self._load.problems[:10]
        with self._life.client(timeout=30) as client:
            found = oracle.check(client, self._load.requests, Maker(self._plan.seed, "probe").request(3, bad=0))
        verdict.figures |= found.figures
        verdict.problems += found.problems
        if any(problem.startswith("not ") for problem in found.problems):
            self._life.tell()

    def _keep_account(self) -> None:
        self._outcome.injected["failed_calls"] += self._shop.control.hits
        if not self._outcome.passed:
            told = {
                "plan": {"sinks": self._plan.sinks, "table": self._plan.table, "disks": self._plan.disks,
                         "guarded": self._plan.guarded, "restart": self._plan.restart, "volume": self._plan.volume,
                         "seconds": self._plan.seconds},
                "faults": [(f"{fault.at:.2f}", fault.kind, f"{fault.lasts:.2f}", fault.detail)
                           for fault in self._plan.faults],
                "problems": self._outcome.verdict.problems,
                "figures": self._outcome.verdict.figures,
                "lives": self._outcome.lives,
                "injected": self._outcome.injected,
            }  # fmt: skip
            (self.folder / "outcome.json").write_text(json.dumps(told, indent=1))


_DO: dict[str, Callable[[Run, Fault], Callable[[], None] | None]] = {
    "kill": Run._kill,
    "kill_early": Run._kill,
    "kill_in_drain": Run._kill,
    "torn_tail": Run._tear,
    "stop": Run._stop,
    "write_error": Run._break,
    "no_space": Run._break,
    "store_error": Run._break,
    "disk_full": Run._fill,
    "clock_step": Run._step_clock,
    "slow_disk": Run._slow,
    "database_down": Run._lose_database,
    "broker_down": Run._lose_broker,
    "broker_slow": Run._lose_broker,
    "broker_rejecting": Run._lose_broker,
}
