"""The product's own log: hostile values are escaped, and traces hold no values."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from bdp.telemetry import set_up_logs

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
