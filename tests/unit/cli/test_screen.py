"""What people see, on narrow and wide terminals."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bdp.cli import screen
from bdp.model.anomaly import Severity, Subject
from bdp.model.incident import Incident, IncidentStatus
from tests.unit.cli.conftest import HOSTILE

AT = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
ID = "01KC3JHJ601BVJTZC815JH61X2"


def incident(title: str) -> Incident:
    return Incident(
        incident_id=ID, title=title, severity=Severity.HIGH, status=IncidentStatus.AWAITING_APPROVAL, subject=Subject(),
        signature="s", start_time=AT, last_seen=AT, opened_at=AT, events=1234, sightings=3,
    )  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_an_incident_keeps_its_id_and_words_at_any_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen.out, "width", width)
    screen.out.print(screen.incident_table([incident("Burst of [/red] in a service with a name that is long enough")]))
    told = capsys.readouterr().out
    assert ID in told
    for words in ("high", "awaiting approval", "05-01 12:30", "1,234", "Burst of [/red] in", "(3x)"):
        assert words in told
    assert max(map(len, told.splitlines())) <= width


def test_plain_text_cannot_act() -> None:
    assert screen.plain(HOSTILE) == (
        "\ufffd[2J\ufffd]0;owned\ufffd\ufffd31m[red]x[/nope] :smile: \ufffdgnp.exe\ufffdend"
    )
    assert screen.plain("two\nlines") == "two lines"
    assert screen.plain("한국어 ✓ é") == "한국어 ✓ é"


def test_json_keeps_every_character_but_escapes_what_acts(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": HOSTILE + "\ud800\x7f한"}
    screen.print_json(value)
    told = capsys.readouterr().out
    assert json.loads(told) == value
    assert "\\u009b31m" in told
    assert "\x9b" not in told
    assert "한" in told


@pytest.mark.parametrize(("number", "words"), [(0, "0 records"), (1, "1 record"), (2000, "2,000 records")])
def test_numbers_have_their_nouns(number: int, words: str) -> None:
    assert screen.counted(number, "record") == words


@pytest.mark.parametrize(
    ("ledger", "lost"), [((5, 3, 2, 0, 0), False), ((5, 3, 1, 1, 0), True), ((5, 3, 1, 0, 1), True)]
)
def test_the_ledger_says_whether_something_is_missing(
    ledger: tuple[int, ...], lost: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("accepted", "stored", "dead_lettered", "dropped", "in_flight")
    screen.out.print(screen.ledger_line(dict(zip(names, ledger, strict=True))))
    told = " ".join(capsys.readouterr().out.split())
    assert ("nothing lost" not in told) == lost
    assert f"accepted 5 = stored 3 + dead letters {ledger[2]} + dropped {ledger[3]} + in flight {ledger[4]}" in told
