"""A worker that cannot work says so, and says whether it is the stream that is not reached."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
import structlog
from structlog.testing import capture_logs

from bdp.clock import SystemClock
from bdp.errors import BadSetting, StoreUnavailable, StreamUnavailable
from bdp.flow.pipeline import Pipeline
from bdp.flow.shared import SharedPipeline
from bdp.flow.work import LaneStream, Worker, WorkSettings
from bdp.ports import Stream

AWAY = StreamUnavailable("Kafka does not answer: no broker.", "Check the broker.")
SOON = WorkSettings(retry_seconds=0.01)


class Crew:
    """A group of one, whose lanes do not open, and whose joining fails while there is a reason."""

    def __init__(self, joining: Exception | None = None, opening: Exception | None = None) -> None:
        self.joining = joining
        self.opening = opening
        self.tries = 0
        self.worker = Worker(self.join, self.lane, self.pipeline, SystemClock(), SOON)
        self.pipelined = SharedPipeline(self.worker)

    def join(self, gained: Callable[[Sequence[int]], None], lost: Callable[[Sequence[int], bool], None]) -> Crew:
        self.tries += 1
        if self.joining:
            raise self.joining
        if self.opening:
            gained([2])
        return self

    def poll(self, seconds: float) -> None:
        time.sleep(0.001)

    def close(self) -> None:
        """Nothing to leave."""

    def lane(self, number: int) -> LaneStream:
        assert self.opening
        raise self.opening

    def pipeline(self, lane: Stream) -> Pipeline:
        raise NotImplementedError


Start = Callable[..., Crew]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[tuple[Crew, threading.Thread]] = []

    def begin(**troubles: Exception) -> Crew:
        crew = Crew(**troubles)
        thread = threading.Thread(target=crew.pipelined.run)
        thread.start()
        running.append((crew, thread))
        return crew

    yield begin
    for crew, thread in running:
        crew.pipelined.stop()
        thread.join()


def until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < limit, "it did not come to that in time"
        time.sleep(0.005)


def test_a_worker_without_a_broker_says_so_until_it_has_joined(start: Start) -> None:
    crew = start(joining=AWAY)
    until(lambda: crew.pipelined.trouble != "")
    assert crew.pipelined.trouble == "Kafka does not answer: no broker."
    assert crew.pipelined.away
    crew.joining = None
    until(lambda: crew.pipelined.trouble == "")
    assert not crew.pipelined.away


def test_a_lane_that_cannot_go_on_for_want_of_the_store_is_no_absence_of_the_stream(start: Start) -> None:
    crew = start(opening=StoreUnavailable("The store is gone.", ""))
    until(lambda: crew.pipelined.trouble == "partition 2: The store is gone.")
    assert not crew.pipelined.away
    crew = start(opening=AWAY)
    until(lambda: crew.pipelined.trouble == "partition 2: Kafka does not answer: no broker.")
    assert crew.pipelined.away


def test_a_defect_while_joining_is_told_and_tried_again(start: Start) -> None:
    crew = start(joining=ZeroDivisionError("a defect"))
    until(lambda: crew.tries > 2)
    assert crew.pipelined.trouble == "a defect"
    assert not crew.pipelined.away


def test_a_worker_that_is_set_up_wrongly_ends_and_the_product_says_so(start: Start) -> None:
    crew = start(joining=BadSetting("There is no region.", "Set it."))
    until(lambda: crew.pipelined.trouble == "There is no region.")
    assert not crew.pipelined.away
    assert crew.tries == 1
    with pytest.raises(BadSetting):
        crew.worker.run()


def test_who_leaves_the_work_to_others_knows_whether_the_stream_is_there() -> None:
    reasons: list[Exception] = [AWAY]

    def look() -> None:
        if reasons:
            raise reasons[0]

    pipeline = SharedPipeline(None, look)
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    until(lambda: pipeline.trouble == "Kafka does not answer: no broker.")
    assert pipeline.away
    pipeline.stop()
    thread.join()


def test_an_absent_broker_is_not_told_at_each_try(monkeypatch: pytest.MonkeyPatch, start: Start) -> None:
    structlog.reset_defaults()
    with capture_logs() as told:
        crew = start(joining=AWAY)
        until(lambda: crew.tries > 20)
        crew.joining = None
        until(lambda: crew.pipelined.trouble == "")
    assert [entry["event"] for entry in told] == ["worker.waiting", "worker.joined"]
    assert told[0]["reason"] == "Kafka does not answer: no broker."


class Line:
    """A lane that always has something, until another reader takes it."""

    def __init__(self, defect: str = "") -> None:
        self.lost = False
        self.closed = 0
        self._defect = defect

    def committed(self) -> int:
        if self.lost or self.closed:
            raise StreamUnavailable("This process has lost the lane.", "")
        return 0

    def plan(self) -> int:
        return 1

    def stop(self) -> None:
        """It never waits."""

    def close(self) -> None:
        self.closed += 1
        if self._defect:
            raise RuntimeError(self._defect)


class Belt:
    """A pipeline that says whose records it moved."""

    def __init__(self, line: Line, moved: list[Line]) -> None:
        self._line = line
        self._moved = moved

    def step(self) -> int:
        self._line.committed()
        self._moved.append(self._line)
        time.sleep(0.001)
        return 1


class Floor(Crew):
    """A group of one with one lane that can be taken away, and pipelines that cannot be made while there is a reason.

    Attributes:
        lines: every lane that was opened, in order.
        moved: the lane of each range that was moved.
    """

    def __init__(self, defect: str = "") -> None:
        super().__init__(opening=AWAY)
        self.lines: list[Line] = []
        self.moved: list[Line] = []
        self.making: Exception | None = None
        self._defect = defect
        settings = WorkSettings(retry_seconds=0.01, linger_seconds=0)
        self.worker = Worker(self.join, self.lane, self.pipeline, SystemClock(), settings)

    def lane(self, number: int) -> LaneStream:
        self.lines.append(Line(self._defect))
        return self.lines[-1]  # type: ignore[return-value]

    def pipeline(self, lane: Stream) -> Pipeline:
        if self.making:
            raise self.making
        return Belt(lane, self.moved)  # type: ignore[arg-type, return-value]


@pytest.fixture
def floor(request: pytest.FixtureRequest) -> Iterator[Floor]:
    made = Floor(getattr(request, "param", ""))
    thread = threading.Thread(target=made.worker.run)
    thread.start()
    until(lambda: bool(made.moved))
    yield made
    made.worker.stop()
    thread.join()


def test_a_lane_that_was_lost_gets_a_pipeline_of_its_own_even_if_that_fails_at_first(floor: Floor) -> None:
    (first,) = floor.lines
    floor.making = StoreUnavailable("The store is gone.", "")
    first.lost = True
    until(lambda: len(floor.lines) > 3)
    assert floor.worker.trouble == "partition 2: The store is gone."
    floor.making = None
    until(lambda: floor.moved[-1] is not first)
    until(lambda: floor.worker.trouble == "")
    assert floor.moved[-1] is floor.lines[-1]
    assert [line.closed for line in floor.lines] == [1] * (len(floor.lines) - 1) + [0]


@pytest.mark.parametrize("floor", ["it does not close"], indirect=True)
def test_a_lane_that_does_not_close_is_opened_again_all_the_same(floor: Floor) -> None:
    (first,) = floor.lines
    first.lost = True
    until(lambda: floor.moved[-1] is not first)
    floor.lines[-1].lost = True
    until(lambda: floor.moved[-1] is not floor.lines[1])
    assert [line.closed for line in floor.lines] == [1, 1, 0]
    assert floor.worker.trouble == ""
