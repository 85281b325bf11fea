"""What people see, on narrow and wide terminals."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from bdp.cli import screen
from bdp.cli.labels import LABELS
from bdp.model.analysis import (
    ActionProposal,
    ActionType,
    Analysis,
    Check,
    Claim,
    Confidence,
    Grounding,
    IncidentReport,
    Verdict,
)
from bdp.model.anomaly import Severity, Subject
from bdp.model.evidence import Evidence, EvidenceKind
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


def report(**korean: str) -> IncidentReport:
    """A report whose analysis has these texts in Korean besides its English ones."""
    claims = (
        Claim(text="40 of 41 calls fail.", text_ko=korean.get("claim", ""), evidence=("E1",), check=Check.SUPPORTED),
        Claim(text="It is 99.", text_ko=korean.get("claim", ""), evidence=("E1",), check=Check.CONTRADICTED),
    )
    fact = Evidence(
        id="E1", kind=EvidenceKind.COUNT, value={}, text="41 events.", text_ko=korean.get("fact", ""), source="events",
        start_time=AT, end_time=AT,
    )  # fmt: skip
    analysis = Analysis(
        incident_id=ID, attempt=1, created_at=AT, verdict=Verdict.LIKELY, mechanism="timeout",
        root_cause="Likely: slow.", root_cause_ko=korean.get("cause", ""), summary="slow",
        claims=claims, evidence=(fact,),
        grounding=Grounding(score=0.5, supported=1, contradicted=1, unsupported=0, not_checkable=0),
        confidence=Confidence(score=0.61, breakdown={}, reasoning=""),
        actions=(ActionProposal(type=ActionType.NOTIFY, description="Tell them."),),
    )  # fmt: skip
    return IncidentReport(incident=incident("checkout"), analysis=analysis)


LONG = "`checkout`에서 비정상 이벤트 40건이 발생했으며, 직전 구간에는 1건이었습니다. " * 3


@pytest.mark.parametrize("width", [60, 100])
def test_a_report_in_korean_keeps_its_frame(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen.out, "width", width)
    screen.out.print(screen.report_panel(report(claim=LONG, fact=LONG, cause=LONG), full=True, language="ko"))
    told = capsys.readouterr().out
    assert {cell_len(line) for line in told.splitlines()} == {width}
    for words in (
        "높음",
        "유력",
        "신뢰도 0.61",
        "주장",
        "근거와 모순",
        "다음 조치 제안",
        "알림: Tell",
        "타임라인",
    ):
        assert words in told
    for words in ("Likely", "Claims", "Evidence", "Proposed", "confidence", "contradicted", "calls fail", "41 events"):
        assert words not in told


def test_what_has_no_korean_is_told_in_english(capsys: pytest.CaptureFixture[str]) -> None:
    screen.out.print(screen.report_panel(report(), full=True, language="ko"))
    told = capsys.readouterr().out
    for words in ("Likely: slow.", "40 of 41 calls fail.", "41 events."):
        assert words in told


def test_incidents_are_listed_in_korean(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for width in (80, 120):
        monkeypatch.setattr(screen.out, "width", width)
        screen.out.print(screen.incident_table([incident("checkout")], "ko"))
        told = capsys.readouterr().out
        assert "높음" in told
        assert "승인 대기" in told
        assert "awaiting" not in told
        assert max(map(cell_len, told.splitlines())) <= width


@pytest.mark.parametrize("key", LABELS)
def test_labels_are_there_in_both_languages(key: str) -> None:
    fields = [re.findall(r"{(\w+)}", LABELS[key][language]) for language in ("en", "ko")]
    assert sorted(fields[0]) == sorted(fields[1])
    assert re.search(r"[가-힣]", LABELS[key]["ko"])
