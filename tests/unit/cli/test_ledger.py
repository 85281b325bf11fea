"""`bdp ledger`: what a person reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bdp.cli import lanes, ledger, screen

AWAY = "Kafka does not answer: broker.example.internal:9092 refused the connection. Check the broker."


def test_why_a_sink_is_away_stands_under_the_chain_not_in_a_narrow_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen.out, "width", 80)
    sinks: list[dict[str, Any]] = [
        {"name": "kafka", "state": "open", "waiting": 0, "reason": AWAY, "takes_from": "normal"},
        {"name": "table", "state": "probing", "waiting": 12000, "reason": "", "takes_from": ""},
    ]
    ledger._show_sinks(sinks)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "kafka away 0" in lines
    assert "table being tried 12,000" in lines
    assert "table disk short: takes nothing" in lines
    assert AWAY in " ".join(lines)
    assert sum(line.startswith("kafka ") for line in lines) == 2


def test_a_sink_that_cannot_be_asked_is_shown_as_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    rest = {"state": "closed", "reason": "", "takes_from": "normal"}
    ledger._show_sinks([{"name": "journal", "waiting": 0} | rest, {"name": "table", "waiting": None} | rest])
    assert "table in use unknown" in [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_who_has_which_partition_stands_in_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen.out, "width", 100)
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    seen = {"since": "2026-05-01T11:00:00Z", "committed": 12345, "readers": 2}
    found: list[dict[str, Any]] = [
        seen | {"lane": "bdp/records/0", "reader": "one\x1b[2J:1", "seen_at": "2026-05-01T11:59:30Z"},
        seen | {"lane": "bdp/records/1", "reader": "two:2", "seen_at": "2026-05-01T11:50:00Z"},
        seen | {"lane": "bdp/records/2", "reader": "", "seen_at": None, "since": None},
    ]
    screen.out.print(lanes.table(found, now))
    told = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "0 one\ufffd[2J:1 2026-05-01 11:00:00 12,345 2 times" in lines
    assert "1 nobody; last two:2 12,345 2 times" in lines
    assert "2 nobody 12,345 2 times" in lines
    assert lanes.holder(found[0], now + timedelta(minutes=3)) == ""
