"""What a worker does: it shares the lanes of the stream with other workers, and moves the records of its own.

Each lane has a thread, a pipeline and a detector, which starts from what the lane's last reader committed. Lanes take
turns at the store, so that memory is bounded by `ranges_at_once` ranges however many lanes there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from pydantic import BaseModel, ConfigDict, Field

from bdp.clock import Clock
from bdp.errors import Refuse, Retry, StreamUnavailable
from bdp.flow.pipeline import Pipeline, told
from bdp.ports import Stream
from bdp.telemetry import PIPELINE_RETRIES, Absence

log = structlog.get_logger(__name__)
_POLL = 0.5
_LONGEST_PAUSE = 30.0


class WorkSettings(BaseModel):
    """How one worker shares itself among its lanes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    in_serve: bool = Field(default=True, description="`bdp serve` takes a share of the lanes as well")
    ranges_at_once: int = Field(default=4, ge=1, le=64, description="lanes that store a range at the same time")
    linger_seconds: float = Field(default=0.5, ge=0, le=5, description="wait for more records before storing a few")
    full_records: int = Field(default=10_000, ge=1, description="a lane whose last range was so large does not wait")
    retry_seconds: float = Field(default=1.0, gt=0, description="first wait after an error; doubles to 30")
    revoke_seconds: float = Field(default=20.0, gt=0, description="longest wait for a range when a lane is given away")
    tend_seconds: float = Field(default=60.0, gt=0, description="how often the books are tidied")


class LaneStream(Stream, Protocol):
    """A lane as the worker uses it; see `bdp.stream.shared.lane`."""

    lost: bool
    """Another reader has it; this one can do nothing more."""

    def stop(self) -> None:
        """Make `wait` return; from any thread."""


class Group(Protocol):
    """Membership in the group of workers; see `bdp.stream.kafka.membership`."""

    def poll(self, seconds: float) -> None: ...
    def close(self) -> None: ...


Join = Callable[[Callable[[Sequence[int]], None], Callable[[Sequence[int], bool], None]], Group]
"""join(gained, lost) -> group; waits for nothing"""


class Worker:
    """One process's share of the lanes. `run` from one thread, `stop` from any.

    Args:
        open_lane: opens a lane by its number; every earlier reader of it can write no more.
        open_pipeline: makes a pipeline with a fresh detector.
        tend: called now and then.
        changed: told the lanes that are ours, when that changes.
    """

    def __init__(
        self,
        join: Join,
        open_lane: Callable[[int], LaneStream],
        open_pipeline: Callable[[Stream], Pipeline],
        clock: Clock,
        settings: WorkSettings | None = None,
        tend: Callable[[], None] = lambda: None,
        changed: Callable[[Sequence[int]], None] = lambda lanes: None,
    ) -> None:
        self._join = join
        self._open_lane = open_lane
        self._open_pipeline = open_pipeline
        self._clock = clock
        self._settings = settings or WorkSettings()
        self._tend = tend
        self._changed = changed
        self._turns = threading.Semaphore(self._settings.ranges_at_once)
        self._shifts: dict[int, _Shift] = {}
        self._stopping = threading.Event()
        self._absence = Absence(log, "worker.waiting", "worker.joined", clock.monotonic)
        self._trouble = ""
        self._away = False

    def run(self) -> None:
        """Work until `stop` is called; what is away is waited for.

        Raises:
            Refuse: it cannot work as it is set up.
        """
        group: Group | None = None
        tended = self._clock.monotonic()
        while not self._stopping.is_set():
            try:
                group = group or self._join(self._gain, self._lose)
                group.poll(_POLL)
                if self._clock.monotonic() - tended >= self._settings.tend_seconds:
                    tended = self._clock.monotonic()
                    self._tend()
            except Refuse:
                raise
            except Exception as error:
                # Also a defect of ours must not end the thread: see `_Shift._patiently`.
                self._trouble, self._away = told(error), isinstance(error, StreamUnavailable)
                self._absence.met(self._trouble, trace=not isinstance(error, Retry))
                self._stopping.wait(self._settings.retry_seconds)
            else:
                self._trouble = ""
                self._absence.over()
        # The lanes first: nobody else gets them before we have left the group.
        self._lose(list(self._shifts), False)
        if group:
            group.close()

    def stop(self) -> None:
        """Make `run` finish the present ranges and return."""
        self._stopping.set()

    @property
    def trouble(self) -> str:
        """Why it has no part in the sharing, or a lane of its own makes no progress; empty while all is well."""
        lanes = (f"partition {number}: {reason}" for number, reason in sorted(self.troubles().items()))
        return self._trouble or next(lanes, "")

    @property
    def away(self) -> bool:
        """Say whether all that is wrong is that the stream is not reached: what is taken in waits elsewhere."""
        causes = [shift.away for shift in list(self._shifts.values()) if shift.trouble]
        if self._trouble:
            causes.append(self._away)
        return bool(causes) and all(causes)

    def troubles(self) -> dict[int, str]:
        """Return why lanes of ours make no progress, by number; empty while all do."""
        return {number: shift.trouble for number, shift in list(self._shifts.items()) if shift.trouble}

    def _gain(self, lanes: Sequence[int]) -> None:
        for number in lanes:
            shift = _Shift(number, self._open_lane, self._open_pipeline, self._turns, self._settings)
            self._shifts[number] = shift
            shift.start()
        self._changed(sorted(self._shifts))

    def _lose(self, lanes: Sequence[int], already: bool) -> None:
        ending = [self._shifts.pop(number) for number in lanes if number in self._shifts]
        for shift in ending:
            shift.stop()
        until = self._clock.monotonic() + (0 if already else self._settings.revoke_seconds)
        for shift in ending:
            # One that does not end in time does no harm: its lane's next reader shuts it out.
            shift.join(max(until - self._clock.monotonic(), 0))
        if ending:
            self._changed(sorted(self._shifts))


class _Shift(threading.Thread):
    """The work on one lane, from when it is ours until it is not."""

    def __init__(
        self,
        number: int,
        open_lane: Callable[[int], LaneStream],
        open_pipeline: Callable[[Stream], Pipeline],
        turns: threading.Semaphore,
        settings: WorkSettings,
    ) -> None:
        super().__init__(name=f"lane-{number}", daemon=True)
        self._number = number
        self._open_lane = open_lane
        self._open_pipeline = open_pipeline
        self._turns = turns
        self._settings = settings
        self._stopping = threading.Event()
        self._lane: LaneStream | None = None
        self._pipeline: Pipeline | None = None
        self._pause = settings.retry_seconds
        self._full = False
        self._absence = Absence(log, "lane.waiting", "lane.moving", lane=number)
        self.trouble = ""
        self.away = False
        """The trouble is that the stream is not reached."""

    def stop(self) -> None:
        """Make the thread end after its present range."""
        self._stopping.set()
        lane = self._lane
        if lane:
            lane.stop()

    def run(self) -> None:
        """Open the lane and move what comes; a lane that was lost is opened again if it is still ours."""
        while not self._stopping.is_set():
            self._patiently(self._open)
            lane, pipeline = self._lane, self._pipeline
            if lane and pipeline:
                self._stay(lane, pipeline)
                self._let_go()

    def _stay(self, lane: LaneStream, pipeline: Pipeline) -> None:
        """Move what comes until the lane is given away or lost."""
        while not self._stopping.is_set() and not lane.lost:
            self._patiently(lambda: self._move(lane, pipeline))

    def _patiently(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            # Also a defect of ours must not end the thread: records would pile up behind a worker that looks well.
            self.trouble, self.away = told(error), isinstance(error, StreamUnavailable)
            PIPELINE_RETRIES.inc()
            self._absence.met(self.trouble, trace=not isinstance(error, Retry))
            self._stopping.wait(self._pause)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        else:
            self._pause, self.trouble = self._settings.retry_seconds, ""
            self._absence.over()

    def _open(self) -> None:
        self._lane = lane = self._open_lane(self._number)
        try:
            self._pipeline = self._open_pipeline(lane)
        except Exception:
            self._let_go()
            raise

    def _let_go(self) -> None:
        """Close the lane; neither it nor its pipeline, which reads from it, is ever used again."""
        lane, self._lane, self._pipeline = self._lane, None, None
        try:
            if lane:
                lane.close()
        except Exception as error:
            # Its next opening shuts it out whatever became of it, so nothing waits for it to close.
            log.warning("lane.not_closed", lane=self._number, reason=told(error), exc_info=not isinstance(error, Retry))

    def _move(self, lane: LaneStream, pipeline: Pipeline) -> None:
        after = lane.committed()
        if lane.plan() == after and not lane.wait(after, 1.0):
            pipeline.idle()
            return
        if not self._full:
            self._stopping.wait(self._settings.linger_seconds)
        with self._turns:
            self._full = pipeline.step() >= self._settings.full_records
