"""Durable workflows: a thin interface over DBOS, so that no other file knows it.

What it adds to DBOS, each because of a measured hazard (docs/decisions/workflows.md):

- Workflows are coroutines on one event loop of our own, so that closing can cancel them cleanly: the row stays pending
  and the next start goes on with it.
- A pinned application version and a stable executor id, else a restart finds nothing to recover.
- Portable JSON instead of pickle; SQLite's WAL set once; no telemetry, no conductor, no network.
- A watchdog: pending rows that nothing runs are resumed, those of workers that died as well.
- Waiting is our own: a clock that is set back must not make a workflow wait for the difference.

DBOS keeps one global instance per process, so at most one `Workflows` is open at a time.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID

from bdp.clock import Clock
from bdp.errors import BadSetting, HomeInUse, Retry
from bdp.flow.mend.colleagues import Colleagues
from bdp.flow.mend.run import Body, Json
from bdp.flow.settings import EngineSettings
from bdp.telemetry import Absence

APPLICATION = "bdp"
APPLICATION_VERSION = "bdp-2"
"""Raise it where `Run.version` does not suffice: the sweep then begins anew what is in flight."""
SQLITE = "sqlite:///"
MOST_RESUMES = 3
_LOST = ["ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_MOST_ROWS = 10_000

T = TypeVar("T")
_log = structlog.get_logger(__name__)
_open_lock = threading.Lock()


class Workflows:
    """The engine of this process: starts, recovers, watches and closes workflows.

    Args:
        settings: `url` must not be empty here.
        clock: tells which finished workflows are old.
        colleagues: the other workers on the same database; None where there are none.
        code: version of the workflow's code, kept with each workflow that begins.
    """

    def __init__(
        self, settings: EngineSettings, clock: Clock, colleagues: Colleagues | None = None, code: int = 1
    ) -> None:
        self._url = settings.url.get_secret_value()
        if not self._url:
            raise BadSetting("The workflow engine has no database.", "Set workflows.engine.url.")
        self.version = APPLICATION_VERSION
        self._settings = settings
        self._clock = clock
        self._colleagues = colleagues
        self._code = code
        # Counted: for a moment two executions of one workflow may run here, of which DBOS lets one go on.
        self._live: Counter[str] = Counter()
        self._missing: dict[str, float] = {}
        self._resumes: Counter[str] = Counter()
        self._steps = _Gauge()
        self._stop = threading.Event()
        self._loop_thread: threading.Thread | None = None
        self._rounds: list[threading.Thread] = []
        self._is_open = False

    def open(
        self, body: Body, sweep: Callable[[], object] = lambda: None, look: Callable[[], object] = lambda: None
    ) -> None:
        """Start the engine and go on with what an earlier process left.

        Args:
            body: the one workflow; called with a run and the incident's id.
            sweep: called by the watchdog in each of its rounds, the first at once.
            look: called every `look_seconds`.

        Raises:
            HomeInUse: another engine is open in this process.
        """
        if not _open_lock.acquire(blocking=False):
            raise HomeInUse("A workflow engine is already open in this process.", "Close it first.")
        self._loop = asyncio.new_event_loop()
        self._turns = asyncio.Semaphore(self._settings.steps_at_once)
        try:
            _set_wal(self._url)
            DBOS(config=_config(self._settings))
            self._workflow = DBOS.workflow(name="incident", max_recovery_attempts=self._settings.max_restarts)(
                self._tracked(body)
            )
            self._loop_thread = _thread("bdp-workflows", self._loop.run_forever)
            self._call(_launch())
            self._is_open = True
        except BaseException:
            self._stop_engine()
            raise
        settings = self._settings
        self._rounds = [
            _thread("bdp-watchdog", lambda: self._again("watchdog", settings.watchdog_seconds, self._watchdog(sweep))),
            _thread("bdp-answers", lambda: self._again("answers", settings.look_seconds, look)),
        ]

    def start(self, workflow_id: str, incident_id: str) -> None:
        """Start the workflow, durably; starting the same id again does nothing."""

        async def begin() -> None:
            with SetWorkflowID(workflow_id):
                await DBOS.start_workflow_async(self._workflow, incident_id, self._code)

        self._call(begin())

    def status(self, workflow_id: str) -> str:
        """Return DBOS's status, such as PENDING, SUCCESS or ERROR; empty for an unknown id."""
        found = DBOS.get_workflow_status(workflow_id)
        return found.status if found else ""

    def running(self) -> frozenset[str]:
        """Return the ids that really run or wait in this process."""
        return frozenset(tuple(self._live))

    def pending(self) -> list[str]:
        """Return the ids that the database holds as not finished, at most 10,000."""
        return [row.workflow_id for row in _rows(status=["PENDING", "ENQUEUED"])]

    def lost(self) -> dict[str, str]:
        """Return the ids that ended without a result, and how, at most 10,000; those of other versions are not."""
        return {row.workflow_id: row.status for row in _rows(status=_LOST, app_version=self.version)}

    def outdated(self) -> list[str]:
        """End what was begun by a version that cannot go on, and whose worker is gone; return the ids.

        What such a version cancelled is returned until it is forgotten, for a crash may come before it is begun anew.
        """
        rows = _rows(status=["PENDING", "ENQUEUED", "CANCELLED"])
        old = [row for row in rows if row.app_version not in (None, self.version)]
        gone = [row for row in old if row.status == "CANCELLED" or self._is_gone(row.executor_id or "")]
        for row in gone:
            if row.status != "CANCELLED":
                _log.warning("workflow of another version, beginning anew", workflow_id=row.workflow_id)
                DBOS.cancel_workflow(row.workflow_id)
        return [row.workflow_id for row in gone]

    def watch(self) -> list[str]:
        """Resume what is pending but runs nowhere here for `stranded_seconds`; return those ids.

        Work that was just taken from the queue is pending before it runs, under load for seconds: hence the wait. What
        strands again after each of `MOST_RESUMES` resumptions is cancelled, so that the sweep hands it over.
        """
        now, running = self._clock.monotonic(), self.running()
        missing = set(self._pending_here()) - running
        self._missing = {workflow_id: self._missing.get(workflow_id, now) for workflow_id in missing}
        stranded = [key for key, since in self._missing.items() if now - since >= self._settings.stranded_seconds]
        for workflow_id in running:
            self._resumes.pop(workflow_id, None)
        for workflow_id in stranded:
            del self._missing[workflow_id]
            self._resume(workflow_id)
        return stranded

    def adopt(self) -> list[str]:
        """Resume what workers had in their hands that are gone; any worker goes on with it. Return those ids."""
        if self._url.startswith(SQLITE):
            return []
        rows = _rows(status="PENDING", app_version=self.version)
        theirs = {row.executor_id for row in rows if row.executor_id != self._settings.executor_id}
        gone = {executor_id for executor_id in theirs if self._is_gone(executor_id or "")}
        adopted = [row.workflow_id for row in rows if row.executor_id in gone]
        for workflow_id in adopted:
            _log.warning("worker gone, going on with its work", workflow_id=workflow_id)
            DBOS.resume_workflow(workflow_id)
        return adopted

    def prune(self, limit: int = 500) -> int:
        """Forget finished workflows older than `keep_days`; return how many."""
        before = (self._clock.now() - timedelta(days=self._settings.keep_days)).isoformat()
        finished = ["SUCCESS", "ERROR", "CANCELLED"]
        rows = _rows(limit=limit, status=finished, completed_before=before)
        DBOS.delete_workflows([row.workflow_id for row in rows])
        return len(rows)

    def close(self) -> None:
        """Stop; what waits or runs stays pending and goes on at the next `open`. Closing twice does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        self._stop.set()
        for thread in self._rounds:
            thread.join(self._settings.close_seconds)
        logging.getLogger("dbos").setLevel(logging.ERROR)  # it warns about each workflow that is cancelled here
        self._call(_cancel_all())
        if not self._steps.wait_for_zero(self._settings.close_seconds):
            _log.warning("closing while a step still runs; it runs again at the next start")
        self._stop_engine()
        if self._colleagues:
            self._colleagues.leave()

    def _stop_engine(self) -> None:
        DBOS.destroy(destroy_registry=True)
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            if self._loop_thread:
                self._loop_thread.join(10)
        if not self._loop.is_running():
            self._loop.close()
        _open_lock.release()

    def _tracked(self, body: Body) -> Callable[[str, int], Coroutine[Any, Any, str]]:
        async def incident(incident_id: str, code: int = 0) -> str:
            workflow_id = DBOS.workflow_id or ""
            self._live[workflow_id] += 1
            try:
                patience = self._settings.step_patience_seconds
                run = _DurableRun(workflow_id, code, patience, self._steps, self._turns, self._clock)
                return await body(run, incident_id)
            finally:
                self._live[workflow_id] -= 1
                self._live += Counter()  # drops what is at 0

        return incident

    def _resume(self, workflow_id: str) -> None:
        self._resumes[workflow_id] += 1
        if self._resumes[workflow_id] > MOST_RESUMES:
            del self._resumes[workflow_id]
            _log.error("workflow strands again and again, giving it up", workflow_id=workflow_id)
            DBOS.cancel_workflow(workflow_id)
            return
        _log.warning("workflow stranded, resuming", workflow_id=workflow_id)
        DBOS.resume_workflow(workflow_id)

    def _pending_here(self) -> list[str]:
        # A SQLite file belongs to one process, so every pending row is ours, whatever name wrote it.
        mine = None if self._url.startswith(SQLITE) else self._settings.executor_id
        return [row.workflow_id for row in _rows(status="PENDING", executor_id=mine, app_version=self.version)]

    def _is_gone(self, executor_id: str) -> bool:
        """Return whether no worker has this name any more."""
        if self._url.startswith(SQLITE) or executor_id == self._settings.executor_id:
            return True  # the file is ours alone; what had our name before us has ended
        return self._colleagues is not None and self._colleagues.is_gone(executor_id)

    def _watchdog(self, sweep: Callable[[], object]) -> Callable[[], None]:
        rounds = 0

        def once() -> None:
            nonlocal rounds
            if self._colleagues:
                self._colleagues.beat()
                self.adopt()
            self.watch()
            sweep()
            if rounds % 1000 == 0:
                self.prune()
            rounds += 1

        return once

    def _again(self, name: str, seconds: float, do: Callable[[], object]) -> None:
        """Do it until closed. It outlives an outage of the database: that is when it is needed."""
        absence = Absence(_log, f"{name}.broken", f"{name}.mended", self._clock.monotonic)
        while not self._stop.is_set():
            try:
                do()
                absence.over()
            except Exception as error:
                absence.met(f"{type(error).__name__}: {error}", trace=not isinstance(error, Retry))
            self._stop.wait(seconds)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _DurableRun:
    """One execution of the workflow's body."""

    def __init__(
        self, workflow_id: str, version: int, patience: float, steps: _Gauge, turns: asyncio.Semaphore, clock: Clock
    ) -> None:
        self.workflow_id = workflow_id
        self.version = version
        self._patience = patience
        self._steps = steps
        self._turns = turns
        self._clock = clock

    async def step(self, name: str, do: Callable[[], Json], patience: float | None = None) -> Json:
        left = self._patience if patience is None else patience
        return await DBOS.run_step_async({"name": name}, self._attempts, do, left)

    async def _attempts(self, do: Callable[[], Json], patience: float) -> Json:
        pause = 0.25
        while True:
            try:
                async with self._turns:
                    return await asyncio.to_thread(self._steps.counted, do)
            except Retry as error:
                if patience <= 0:
                    raise
                _log.warning("step tried again", seconds=pause, error=str(error))
            await asyncio.sleep(pause)
            patience, pause = patience - pause, min(pause * 2, 30.0)

    async def sleep(self, seconds: float) -> None:
        end = timedelta(seconds=seconds)
        until = await self.step("sleep", lambda: {"until": (self._clock.now() + end).isoformat()})
        left = (datetime.fromisoformat(until["until"]) - self._clock.now()).total_seconds()
        await asyncio.sleep(min(max(left, 0.0), seconds))


class _Gauge:
    """How many steps run now."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def counted(self, do: Callable[[], Json]) -> Json:
        with self._changed:
            self._count += 1
        try:
            return do()
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def wait_for_zero(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, seconds)


async def _launch() -> None:
    # Inside our loop, so that DBOS runs recovered coroutines on it.
    DBOS.launch()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _rows(limit: int = _MOST_ROWS, **chosen: Any) -> list[Any]:
    return DBOS.list_workflows(load_input=False, load_output=False, limit=limit, **chosen)


def _thread(name: str, target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


def _config(settings: EngineSettings) -> DBOSConfig:
    return {
        "name": APPLICATION,
        "system_database_url": settings.url.get_secret_value(),
        "application_version": APPLICATION_VERSION,
        "executor_id": settings.executor_id,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
        "enable_otlp": False,
        # Nothing waits for messages of DBOS, so that its listener asks nothing; closing waits for its sleep.
        "notification_listener_polling_interval_sec": 0.5,
        "scheduler_polling_interval_sec": 3600.0,  # nothing is scheduled through DBOS
    }


def _set_wal(url: str) -> None:
    if url.startswith(SQLITE):
        with closing(sqlite3.connect(url.removeprefix(SQLITE))) as database:
            database.execute("PRAGMA journal_mode=WAL")
