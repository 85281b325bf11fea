"""Durable workflows: a thin interface over DBOS, so that no other file knows it.

What it adds to DBOS, each because of a measured hazard (docs/decisions/workflows.md):

- Workflows are coroutines on one event loop of our own. A waiting approval then holds no thread, and closing can cancel
  it cleanly: the row stays pending and the next start goes on with it. (A thread inside `DBOS.recv` keeps a process
  from ending; a coroutine that DBOS runs for a thread is written down as failed when it is cancelled.)
- A pinned application version and a stable executor id, else a restart finds nothing to recover.
- Portable JSON instead of pickle; SQLite's WAL set once; no telemetry, no conductor, no network.
- A watchdog: pending rows that nothing runs are resumed.

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
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error

from bdp.clock import Clock
from bdp.errors import BadSetting, HomeInUse, NotFound, Retry
from bdp.flow.run import Body, Json
from bdp.flow.settings import EngineSettings

APPLICATION = "bdp"
APPLICATION_VERSION = "bdp-1"
"""Raise it only with a plan for what is in flight: workflows of another version are not recovered."""
SQLITE = "sqlite:///"
MOST_RESUMES = 3

T = TypeVar("T")
_log = structlog.get_logger(__name__)
_open_lock = threading.Lock()


class Workflows:
    """The engine of this process: starts, recovers, watches and closes workflows.

    Args:
        settings: `url` must not be empty here.
        clock: tells which finished workflows are old.
    """

    def __init__(self, settings: EngineSettings, clock: Clock) -> None:
        self._url = settings.url.get_secret_value()
        if not self._url:
            raise BadSetting("The workflow engine has no database.", "Set workflows.engine.url.")
        self._settings = settings
        self._clock = clock
        # Counted: for a moment two executions of one workflow may run here, of which DBOS lets one go on.
        self._live: Counter[str] = Counter()
        self._missing: dict[str, float] = {}
        self._resumes: Counter[str] = Counter()
        self._steps = _Gauge()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._is_open = False

    def open(self, body: Body, sweep: Callable[[], None] = lambda: None) -> None:
        """Start the engine and go on with what an earlier process left.

        Args:
            body: the one workflow; called with a run and the incident's id.
            sweep: called by the watchdog in each of its rounds, the first at once.

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
            self._spawn("bdp-workflows", self._loop.run_forever)
            self._call(_launch())
            self._is_open = True
        except BaseException:
            self._stop_engine()
            raise
        self._spawn("bdp-watchdog", lambda: self._watch_until_closed(sweep))

    def start(self, workflow_id: str, incident_id: str) -> None:
        """Start the workflow, durably; starting the same id again does nothing."""

        async def begin() -> None:
            with SetWorkflowID(workflow_id):
                await DBOS.start_workflow_async(self._workflow, incident_id)

        self._call(begin())

    def signal(self, workflow_id: str, topic: str, key: str) -> None:
        """Wake the workflow; the same key wakes once."""
        try:
            DBOS.send(workflow_id, topic, topic=topic, idempotency_key=key)
        except dbos_error.DBOSNonExistentWorkflowError as error:
            raise NotFound(f"There is no workflow {workflow_id}.") from error

    def status(self, workflow_id: str) -> str:
        """Return DBOS's status, such as PENDING, SUCCESS or ERROR; empty for an unknown id."""
        found = DBOS.get_workflow_status(workflow_id)
        return found.status if found else ""

    def running(self) -> frozenset[str]:
        """Return the ids that really run or wait in this process."""
        return frozenset(tuple(self._live))

    def pending(self) -> list[str]:
        """Return the ids that the database holds as not finished, at most 10,000."""
        rows = DBOS.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False, limit=10_000)
        return [row.workflow_id for row in rows]

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

    def _resume(self, workflow_id: str) -> None:
        self._resumes[workflow_id] += 1
        if self._resumes[workflow_id] > MOST_RESUMES:
            del self._resumes[workflow_id]
            _log.error("workflow strands again and again, giving it up", workflow_id=workflow_id)
            DBOS.cancel_workflow(workflow_id)
            return
        _log.warning("workflow stranded, resuming", workflow_id=workflow_id)
        DBOS.resume_workflow(workflow_id)

    def prune(self, limit: int = 500) -> int:
        """Forget finished workflows older than `keep_days`; return how many."""
        before = (self._clock.now() - timedelta(days=self._settings.keep_days)).isoformat()
        finished = ["SUCCESS", "ERROR", "CANCELLED"]
        rows = DBOS.list_workflows(
            status=finished, completed_before=before, load_input=False, load_output=False, limit=limit
        )
        DBOS.delete_workflows([row.workflow_id for row in rows])
        return len(rows)

    def close(self) -> None:
        """Stop; what waits or runs stays pending and goes on at the next `open`. Closing twice does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        self._stop.set()
        self._threads[1].join(self._settings.close_seconds)
        logging.getLogger("dbos").setLevel(logging.ERROR)  # it warns about each workflow that is cancelled here
        self._call(_cancel_all())
        if not self._steps.wait_for_zero(self._settings.close_seconds):
            _log.warning("closing while a step still runs; it runs again at the next start")
        self._stop_engine()

    def _stop_engine(self) -> None:
        DBOS.destroy(destroy_registry=True)
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._threads[0].join(10)
        if not self._loop.is_running():
            self._loop.close()
        _open_lock.release()

    def _tracked(self, body: Body) -> Callable[[str], Coroutine[Any, Any, str]]:
        async def incident(incident_id: str) -> str:
            workflow_id = DBOS.workflow_id or ""
            self._live[workflow_id] += 1
            try:
                run = _DurableRun(workflow_id, self._settings.step_patience_seconds, self._steps, self._turns)
                return await body(run, incident_id)
            finally:
                self._live[workflow_id] -= 1
                self._live += Counter()  # drops what is at 0

        return incident

    def _pending_here(self) -> list[str]:
        # A SQLite file belongs to one process, so every pending row is ours, whatever name wrote it.
        mine = None if self._url.startswith(SQLITE) else self._settings.executor_id
        rows = DBOS.list_workflows(
            status="PENDING", executor_id=mine, load_input=False, load_output=False, limit=10_000
        )
        return [row.workflow_id for row in rows]

    def _watch_until_closed(self, sweep: Callable[[], None]) -> None:
        rounds = 0
        while not self._stop.is_set():
            try:
                self.watch()
                sweep()
                if rounds % 1000 == 0:
                    self.prune()
            except Exception:
                # The watchdog outlives an outage of the database: that is when it is needed.
                _log.exception("watchdog round failed")
            rounds += 1
            self._stop.wait(self._settings.watchdog_seconds)

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class WorkflowClient:
    """Wakes workflows from a process that runs none, such as the command line."""

    def __init__(self, url: str) -> None:
        self._client = DBOSClient(
            system_database_url=url, serializer=DBOSPortableJSONSerializer(), application_name=APPLICATION
        )

    def signal(self, workflow_id: str, topic: str, key: str) -> None:
        """Wake the workflow; the same key wakes once."""
        try:
            self._client.send(workflow_id, topic, topic=topic, idempotency_key=key)
        except dbos_error.DBOSNonExistentWorkflowError as error:
            raise NotFound(f"There is no workflow {workflow_id}.") from error

    def close(self) -> None:
        """Let go of the database."""
        self._client.destroy()


class _DurableRun:
    """One execution of the workflow's body."""

    def __init__(self, workflow_id: str, patience: float, steps: _Gauge, turns: asyncio.Semaphore) -> None:
        self.workflow_id = workflow_id
        self._patience = patience
        self._steps = steps
        self._turns = turns

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

    async def wake(self, topic: str, seconds: float) -> bool:
        return await DBOS.recv_async(topic, timeout_seconds=seconds) is not None

    async def sleep(self, seconds: float) -> None:
        await DBOS.sleep_async(seconds)


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


def _config(settings: EngineSettings) -> DBOSConfig:
    return {
        "name": APPLICATION,
        "system_database_url": settings.url.get_secret_value(),
        "application_version": APPLICATION_VERSION,
        "executor_id": settings.executor_id,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "WARNING",
        "enable_otlp": False,
        "notification_listener_polling_interval_sec": settings.poll_seconds,
        "scheduler_polling_interval_sec": 3600.0,  # nothing is scheduled through DBOS
    }


def _set_wal(url: str) -> None:
    if url.startswith(SQLITE):
        with closing(sqlite3.connect(url.removeprefix(SQLITE))) as database:
            database.execute("PRAGMA journal_mode=WAL")
