from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdp.clock import ManualClock
from bdp.intake.load import Load, Machine, Steps, container_memory
from bdp.intake.sampling import SamplingPolicy

POLICY = SamplingPolicy(adaptive=True)


class Watched:
    """Steps that look once a second."""

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
        self.steps = Steps(self.clock)

    def at(self, load: float, seconds: int, policy: SamplingPolicy = POLICY) -> int:
        """The level after so many looks at one load."""
        for _ in range(seconds):
            self.steps.observe(load, policy, policy.lowest_level)
            self.clock.advance(timedelta(seconds=1))
        return self.steps.level


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_high_load_that_lasts_is_a_step_down_and_each_further_one_waits_as_long(watched: Watched) -> None:
    assert [watched.at(0.9, 1) for _ in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert watched.at(1.0, 60) == POLICY.lowest_level == 3


def test_a_peak_that_passes_changes_nothing(watched: Watched) -> None:
    assert [watched.at(load, 1) for load in (0.9, 0.9, 0.6, 0.9, 0.9, 0.7)] == [0] * 6


def test_the_rate_comes_back_slowly_one_step_at_a_time(watched: Watched) -> None:
    watched.at(0.9, 5)
    assert (watched.at(0.3, 30), watched.at(0.3, 1)) == (2, 1)
    assert (watched.at(0.3, 29), watched.at(0.3, 1)) == (1, 0)
    assert watched.at(0.0, 100) == 0


def test_between_the_marks_the_level_stays(watched: Watched) -> None:
    watched.at(0.9, 3)
    assert watched.at(0.65, 3600) == 1


def test_low_load_must_last_without_a_break(watched: Watched) -> None:
    watched.at(0.9, 3)
    for _ in range(10):
        watched.at(0.2, 29)
        assert watched.at(0.55, 1) == 1


def test_a_load_that_swings_every_second_does_not_make_the_rate_swing(watched: Watched) -> None:
    assert {watched.at(load, 1) for load in (0.95, 0.2) * 300} == {0}


def test_a_policy_that_is_not_adaptive_has_no_steps(watched: Watched) -> None:
    watched.at(0.9, 10)
    assert watched.at(0.9, 1, SamplingPolicy()) == 0


def test_steps_that_would_change_nothing_are_not_taken(watched: Watched) -> None:
    watched.at(0.9, 60)
    short = SamplingPolicy(adaptive=True, base_rate=0.01)
    assert watched.at(0.9, 60, short) == 1


def test_the_scarcest_means_counts() -> None:
    assert Load(buffer=0.1, cpu=0.9, memory=0.3).highest == 0.9


def test_the_machine_answers_in_shares() -> None:
    machine = Machine(lambda: 7.0)
    load = machine()
    assert load.buffer == 1.0
    assert 0 <= load.cpu <= 1
    assert 0 < load.memory <= 1


def test_a_containers_limit_counts_without_the_page_cache(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 300\n")
    assert container_memory(tmp_path) == 0.6
    (tmp_path / "memory.max").write_text("max\n")
    assert container_memory(tmp_path) == 0.0
    assert container_memory(tmp_path / "none") == 0.0
