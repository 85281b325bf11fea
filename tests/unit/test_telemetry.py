"""The product's own log: hostile values are escaped, and traces hold no values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from bdp.clock import ManualClock
from bdp.telemetry import Absence, set_up_logs

HOSTILE = "\x1b[2J\x9b31m\u202e\x07"


@pytest.fixture(autouse=True)
def _structlog_as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def fail(password: str) -> None:
    raise RuntimeError("it broke")


@pytest.mark.parametrize("as_json", [False, True])
def test_values_cannot_act_on_the_terminal_and_traces_tell_no_values(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("INFO", json=as_json)
    log = structlog.get_logger("test")
    log.debug("unseen")
    log.info("incident.opened", title=HOSTILE)
    try:
        fail(password="hu" + "sh")
    except RuntimeError:
        log.exception("request.failed")
    told = capsys.readouterr()
    assert told.out == ""
    assert "unseen" not in told.err
    assert not set(HOSTILE) & set("\x1b\x9b\u202e\x07") & set(told.err)
    assert "RuntimeError: it broke" in told.err
    assert "hush" not in told.err
    if as_json:
        assert json.loads(told.err.splitlines()[0])["title"] == HOSTILE


def test_a_level_hides_what_is_below(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("WARNING")
    structlog.get_logger("test").info("quiet")
    structlog.get_logger("test").warning("loud")
    assert "loud" in (told := capsys.readouterr().err)
    assert "quiet" not in told


def test_an_hour_without_a_broker_is_sixty_lines_with_counts_and_its_end_is_told() -> None:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    absence = Absence(structlog.get_logger("test"), "worker.waiting", "worker.joined", clock.monotonic)
    with capture_logs() as told:
        for _ in range(600):
            absence.met("no broker")
            clock.advance(timedelta(seconds=6))
        absence.over()
        absence.over()
    waiting, back = told[:-1], told[-1]
    assert len(waiting) == 60
    assert "times" not in waiting[0]
    assert {entry["times"] for entry in waiting[1:]} == {10}
    assert (back["event"], back["log_level"], back["seconds"]) == ("worker.joined", "info", 3600.0)


def test_a_change_of_state_is_told_at_once_and_flapping_is_not_told_each_time() -> None:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    absence = Absence(structlog.get_logger("test"), "sink.failed", "sink.back", clock.monotonic, sink="kafka")
    with capture_logs() as told:
        for state in ("closed", "closed", "open", "open"):
            absence.met("away", state=state)
        absence.over()
        for _ in range(10):  # every second call fails: within the minute nothing new
            absence.met("away", state="closed")
            absence.over()
    assert [(entry["event"], entry.get("state")) for entry in told] == [
        ("sink.failed", "closed"),
        ("sink.failed", "open"),
        ("sink.back", None),
    ]
    assert all(entry["sink"] == "kafka" for entry in told)
