"""What a person reads: every section, both languages, nothing struck out, nothing that telemetry could inject."""

from __future__ import annotations

import io
import re
import string
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from markdown_it import MarkdownIt
from rich.console import Console
from rich.markdown import Markdown

from bdp.brief.markdown import bar, display_width, render, table
from bdp.brief.sentences import SENTENCES, WORDS
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
from bdp.model.briefing import Briefing, Chatter, CostTrend, Trend
from bdp.model.decision import Approval
from bdp.model.execution import Execution, Outcome
from bdp.model.incident import Incident, IncidentStatus
from bdp.model.noun import Language

START = datetime(2026, 11, 20, tzinfo=UTC)
LANGUAGES: tuple[Language, ...] = get_args(Language)
_TITLE = "Burst of KeyError in checkout"
LEDGER = {"accepted": 10, "stored": 7, "dead_lettered": 2, "dropped": 0, "in_flight": 1}
EVIL = "x` | [a](http://evil.example) <b>*bold*</b>\n# head\x1b[31m"


def incident(number: int = 1, title: str = _TITLE) -> Incident:
    return Incident(
        incident_id=f"INC{number}", title=title, severity=Severity.HIGH, status=IncidentStatus.AWAITING_APPROVAL,
        subject=Subject(service="checkout"), signature="0" * 16, start_time=START + timedelta(hours=5),
        last_seen=START + timedelta(hours=6), opened_at=START, events=1_128,
    )  # fmt: skip


def analysis(text: str = "128 calls failed.") -> Analysis:
    claims = (
        Claim(text=text, evidence=("E1", "E2"), check=Check.SUPPORTED),
        Claim(text="A wrong number.", evidence=("E3",), check=Check.CONTRADICTED),
        Claim(text="A guess.", check=Check.UNSUPPORTED),
    )
    return Analysis(
        incident_id="INC1", attempt=1, created_at=START, verdict=Verdict.LIKELY, mechanism="deploy", root_cause="",
        summary=f"Since 4.19.0: {text}", claims=claims, actions=(),
        grounding=Grounding(score=1 / 3, supported=1, contradicted=1, unsupported=1, not_checkable=0),
        confidence=Confidence(score=0.61, breakdown={}, reasoning=""),
    )  # fmt: skip


def approval(plan: str = "POST the rollback") -> Approval:
    return Approval(
        approval_id="APR1", incident_id="INC1", workflow_id="w", plan=plan, undo="", requested_at=START,
        action=ActionProposal(type=ActionType.WEBHOOK, description="roll back"), expires_at=START + timedelta(hours=1),
    )  # fmt: skip


def execution(action: str = "notify", outcome: Outcome = Outcome.DRY_RUN) -> Execution:
    return Execution(
        execution_id=action, case_id="", workflow_id="", incident_id="INC1", agent="action", action=action,
        parameters_hash="", started_at=START, duration_ms=1, outcome=outcome,
    )  # fmt: skip


def full(evil: str = "", **changes: object) -> Briefing:
    name = evil or "checkout"
    briefing = Briefing(
        start_time=START,
        end_time=START + timedelta(days=1),
        top=(
            IncidentReport(incident=incident(1, evil or _TITLE), analysis=analysis(evil or "128 calls failed.")),
            IncidentReport(incident=incident(2)),
        ),
        total_incidents=5,
        by_status={"awaiting_approval": 2, "resolved": 3},
        trends=(Trend(service=name, now=400, before=100), Trend(service="cart", now=50, before=0)),
        slowest=((f"{name} /orders", 2_950.0),),
        executions=(execution(evil or "notify"), execution("investigate", Outcome.SUCCESS)),
        waiting=(approval(evil or "POST the rollback"),),
        cost_total=110.0,
        cost_before=100.0,
        currency="USD",
        ledger=LEDGER,
        events=10_000,
        abnormal=450,
        events_before=9_000,
        costs=(CostTrend(service=name, now=80, usual=20), CostTrend(service="flat", now=30, usual=30)),
        chatter=(Chatter(service=name, debug=5_000),),
    )  # fmt: skip
    return briefing.model_copy(update=changes)


def empty() -> Briefing:
    zero = dict.fromkeys(("total_incidents", "cost_total", "cost_before", "events", "abnormal"), 0)
    lists = dict.fromkeys(("top", "trends", "slowest", "executions", "waiting", "costs", "chatter"), ())
    return full().model_copy(update={**zero, **lists, "by_status": {}})


def section(text: str, name: str) -> str:
    return text.split(f"## {name}\n")[1].split("\n## ", maxsplit=1)[0]


def test_title_and_lead() -> None:
    lines = render(full()).splitlines()
    assert lines[0] == "# Daily briefing, 2026-11-20"
    assert lines[2] == (
        "450 of 10,000 events were abnormal; there were 5 incidents (2 awaiting approval, 3 resolved). "
        "1 question waits for you."
    )


def test_a_part_of_a_day_says_from_when_to_when() -> None:
    text = render(full(end_time=START + timedelta(hours=6)))
    assert text.startswith("# Briefing, 2026-11-20 00:00 to 2026-11-20 06:00 UTC\n")


def test_an_issue_has_verdict_summary_supported_claims_and_trust() -> None:
    top = section(render(full()), "Top issues")
    assert "### 1. Burst of KeyError in checkout\n" in top
    assert "**LIKELY** · high · awaiting approval · 11-20 05:00 to 06:00 UTC, 1,128 events · `INC1`" in top
    assert "- 128 calls failed. (E1, E2)" in top
    assert "Confidence 0.61, grounding 0.33 (1 of 3 checked claims hold); 1 struck out as contradicted." in top
    assert "Not analysed yet." in top
    assert "3 more: `bdp incidents`." in top


@pytest.mark.parametrize("language", LANGUAGES)
def test_claims_that_do_not_hold_are_not_told(language: Language) -> None:
    text = render(full(), language)
    assert "A wrong number." not in text
    assert "A guess." not in text


def test_an_analysis_is_told_in_korean_where_it_is_there() -> None:
    known, english = analysis(), analysis()
    claims = [one.model_copy(update={"text_ko": "호출 128건이 실패했습니다."}) for one in known.claims[:1]]
    korean = known.model_copy(update={"summary_ko": "4.19.0 이후: 실패 128건", "claims": tuple(claims)})
    reports = tuple(IncidentReport(incident=incident(), analysis=one) for one in (korean, english))
    page = render(full(top=reports), "ko")
    first, second = page[page.index("### 1.") : page.index("### 2.")], page[page.index("### 2.") :]
    assert "4.19.0 이후: 실패 128건" in first
    assert "- 호출 128건이 실패했습니다. (E1, E2)" in first
    assert "128 calls failed" not in first
    assert "- 128 calls failed. (E1, E2)" in second


def test_templates_in_claims_are_code() -> None:
    top = section(render(full("5 of 5 read `user <*> at [0]`.")), "Top issues")
    assert "- 5 of 5 read `user <*> at [0]`. (E1, E2)" in top


def test_trends_compare_with_the_stretch_before() -> None:
    trends = section(render(full()), "Abnormal events by service")
    assert re.search(r"\| checkout +\| +400 \| +100 \| +×4\.0 \| ████████████ \|", trends)
    assert re.search(r"\| cart +\| +50 \| +0 \| +new \| █▌ +\|", trends)
    alone = section(render(full(events_before=0.0)), "Abnormal events by service")
    assert "no events of the stretch before" in alone
    assert "Before" not in alone


def test_advice_names_the_numbers() -> None:
    advice = section(render(full()), "What could cost less")
    assert "checkout cost 80.00 USD, 300 % above its usual 20.00." in advice
    assert "checkout wrote 5,000 DEBUG lines, 50 % of all events." in advice
    assert "checkout /orders: one call in twenty takes longer than 2.95 s (P95)." in advice


def test_what_waits_comes_with_the_commands_to_answer() -> None:
    waiting = section(render(full()), "Waiting for you")
    assert "POST the rollback (until 2026-11-20 01:00 UTC)" in waiting
    assert "`bdp approve APR1` or `bdp reject APR1`" in waiting


def test_cost_ledger_and_models() -> None:
    text = render(full())
    assert "110.00 USD, +10 % against 100.00 before." in section(text, "Cloud cost")
    assert "10 records accepted so far: 7 stored, 2 dead-lettered, 0 dropped, 1 in flight." in text
    assert "`bdp dead-letters`" in text
    assert "No language model was used: 0 tokens, 0.00 USD." in text
    assert "Models used 1,200 tokens for 0.31 USD." in render(full(tokens=1_200, money_usd=0.3149))


def test_a_ledger_that_does_not_balance_is_told() -> None:
    assert "does not balance" not in render(full())
    assert "The ledger does not balance." in render(full(ledger={**LEDGER, "stored": 6}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_day_teaches(language: Language) -> None:
    text = render(empty(), language)
    assert "2026-11-20" in text
    for command in ("bdp ingest app.log", "bdp serve", "bdp demo --once"):
        assert f"`{command}`" in text
    assert text.count("## ") == 2
    if language == "en":
        assert "No events on 2026-11-20; send some:" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_text_makes_no_markup(language: Language) -> None:
    parser = MarkdownIt("commonmark").enable("table")
    honest, hostile = (parser.parse(render(briefing, language)) for briefing in (full(), full(EVIL)))
    assert [token.type for token in hostile] == [token.type for token in honest]
    children = [child.type for token in hostile for child in token.children or []]
    assert not {"link_open", "image", "html_inline", "em_open"} & set(children)
    assert "\x1b" not in render(full(EVIL), language)


def test_korean_has_no_english_sentence_left() -> None:
    text = render(full(), "ko")
    for english in (phrase["en"] for phrase in SENTENCES.values()):
        assert not (len(english) > 12 and english in text)
    assert "# 일일 브리핑, 2026-11-20" in text
    assert "승인 대기 2, 해결됨 3" in text


@pytest.mark.parametrize("key", SENTENCES)
def test_both_languages_take_the_same_values(key: str) -> None:
    fields = [{name for _, name, _, _ in string.Formatter().parse(SENTENCES[key][each]) if name} for each in LANGUAGES]
    counted = {"count"} if key.endswith("_one") else set()
    assert fields[0] | counted == fields[1] | counted


def test_every_word_of_ours_has_a_korean_one() -> None:
    values = [each.value for kind in (IncidentStatus, Severity, Verdict, Outcome) for each in kind]
    assert set(values) <= WORDS["ko"].keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_terminal_of_80_columns_shows_tables_whole(language: Language) -> None:
    screen = io.StringIO()
    Console(file=screen, width=80, force_terminal=False).print(Markdown(render(full(), language)))
    lines = screen.getvalue().splitlines()
    assert any(re.search(r"checkout +400 +100 +×4\.0 +█{12}", line) for line in lines)
    assert max(map(display_width, lines)) <= 80


def test_a_table_is_aligned_as_it_is_also_with_wide_signs() -> None:
    lines = list(table(("서비스", "n"), [("shop", "1,000"), ("결제", "2")], right=(1,)))
    assert {display_width(line) for line in lines} == {display_width(lines[0])}


@pytest.mark.parametrize(
    ("value", "drawn"), [(0, ""), (0.001, "▏"), (50, "██████"), (100, "████████████"), (55, "██████▋")]
)
def test_bars(value: float, drawn: str) -> None:
    assert bar(value, 100) == drawn
