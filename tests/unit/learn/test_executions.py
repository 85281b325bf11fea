"""The execution log: one row for every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bdp.clock import ManualClock
from bdp.errors import StoreUnavailable
from bdp.learn.executions import Ending, Running, parameters_hash, recorded
from bdp.model.execution import Outcome
from bdp.store.state import State, open_state

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
RUNNING = Running(
    origin=AT,
    workflow_id="w",
    incident_id="I",
    agent="action",
    action="webhook",
    attempt=1,
    parameters={"b": 1, "a": 2},
)


@pytest.fixture
def state() -> Iterator[State]:
    opened = open_state("sqlite://")
    yield opened
    opened.close()


def test_a_run_is_one_row_with_its_duration(state: State) -> None:
    clock = ManualClock(AT)

    def do() -> str:
        clock.advance(timedelta(seconds=2.5))
        return "done"

    assert recorded(RUNNING, state.executions, clock, do, lambda _: Ending(Outcome.DRY_RUN, case_id="pool")) == "done"
    recorded(RUNNING, state.executions, clock, do)
    [row] = state.executions.list()
    assert (row.outcome, row.case_id, row.duration_ms, row.started_at) == (Outcome.DRY_RUN, "pool", 2500.0, AT)
    assert row.parameters_hash == parameters_hash({"a": 2, "b": 1})


def test_another_attempt_or_parameter_is_another_row(state: State) -> None:
    clock = ManualClock(AT)
    for running in (RUNNING, replace(RUNNING, attempt=2), replace(RUNNING, parameters={})):
        recorded(running, state.executions, clock, lambda: None)
    assert len(state.executions.list()) == 3


def test_an_error_is_a_failure_and_passes_through(state: State) -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        recorded(RUNNING, state.executions, ManualClock(AT), fail)
    [row] = state.executions.list()
    assert (row.outcome, row.error_type) == (Outcome.FAILURE, "KeyError")


def test_a_run_that_will_be_tried_again_is_not_over(state: State) -> None:
    def fail() -> None:
        raise StoreUnavailable("busy")

    with pytest.raises(StoreUnavailable):
        recorded(RUNNING, state.executions, ManualClock(AT), fail)
    assert state.executions.list() == []
