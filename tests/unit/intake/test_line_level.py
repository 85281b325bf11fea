"""The level that a line says of itself."""

from __future__ import annotations

import pytest

from bdp.intake.line_level import first_level


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("ERROR: no such table", "ERROR"),
        ("[WARN] disk is full", "WARN"),
        ("[error] upstream timed out", "ERROR"),
        ("[core:crit] no more workers", "FATAL"),
        ("2026-11-21 10:00:00 UTC [17] FATAL:  too many clients", "FATAL"),
        ('time="2026-11-21" severity="warning" msg=x', "WARN"),
        ("ts=2026-11-21T10:00:00Z caller=main.go:7 lvl=E", "ERROR"),
        ("<ERR> x", "ERROR"),
        ("DEBUG then ERROR", "DEBUG"),
        ("an error is what this is not", ""),
        ("my-level=error", ""),
        ("level=", ""),
        ("level=12 of the game", ""),
        ("error=level", ""),
        ("[error]x", ""),
        ("one two three four five six ERROR", ""),
        ("x" * 200 + " ERROR", ""),
        ("OK", ""),
        ("", ""),
        ("= [ ] [] == [=", ""),
    ],
)
def test_a_level_is_a_word_in_capitals_or_in_brackets_or_under_its_key(line: str, level: str) -> None:
    assert first_level(line) == level
