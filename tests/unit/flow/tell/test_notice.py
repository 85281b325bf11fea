"""What people read: it says what to do, and nothing that telemetry says acts in a chat, a terminal or a shell."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from bdp.flow.tell.notice import alert_of, digest_of, summary_of
from bdp.model.insight import TTL, AlertState, DueAlert, Insight, InsightSource, Opinion, PredictionType, QuietInsights

AT = datetime(2026, 3, 1, 12, 0, 3, tzinfo=UTC)
HOUR = datetime(2026, 3, 1, 13, tzinfo=UTC)
HOSTILE = "\x1b[2Ja`b|c*d [x](http://evil) <img> $(rm -rf ~); 'q' \u202e\n# big"


def insight(stream: str = "leaf1/port3", risk: int = 92, explanation: str = "P99 14.2 µs, baseline 4.6 µs") -> Insight:
    return Insight(
        entity_id=f"alert_{stream}_{AT.timestamp():.0f}",
        timestamp=AT,
        prediction_type=PredictionType.LATENCY_SPIKE,
        risk_score=risk,
        explanation=explanation,
        recommendations=("Look at the congestion counters", explanation),
        confidence=0.87,
        model_used="rules",
        source=InsightSource.RULES,
        related_entity=stream,
        ttl=AT + TTL,
    )


def due(one: Insight) -> DueAlert:
    return DueAlert(one.entity_id, one.related_entity, one.prediction_type, one.risk_score, one.timestamp, AT)


def quiet(*rows: Insight) -> QuietInsights:
    return QuietInsights(
        since=AT,
        states={AlertState.BELOW: 20, AlertState.OLD: 1},
        types={PredictionType.LATENCY_SPIKE: 21},
        streams=[(one.related_entity, 3) for one in rows],
        stream_count=7,
        worst=list(rows),
    )


def test_an_alert_says_all_that_one_has_to_know() -> None:
    told = alert_of(insight(), AT + timedelta(seconds=4))
    assert (told.key, told.severity) == ("insight:alert_leaf1/port3_1772366403", "critical")
    assert told.title == "Risk 92, critical: latency spike at leaf1/port3"
    assert told.body.splitlines() == [
        "Where: `leaf1/port3`",
        "When: 2026-03-01 12:00:03 UTC, detected 4 s later",
        "What: P99 14.2 µs, baseline 4.6 µs",
        "Do next:",
        "1. Look at the congestion counters",
        "2. P99 14.2 µs, baseline 4.6 µs",
        "Confidence 0.87, by rules.",
        "More: `bdp insight alert_leaf1/port3_1772366403`",
    ]


def test_a_summary_counts_and_shows_the_worst() -> None:
    rows = [insight(f"s{number}", 99 - number) for number in range(15)]
    told = summary_of([due(one) for one in rows], rows[:10], AT)
    assert told.title == "Risk 99, critical: 15 alerts of 15 streams"
    assert "By type: latency spike 15" in told.body
    assert re.findall(r"^- (\d+) latency spike at `(s\d)`", told.body, re.MULTILINE)[:2] == [("99", "s0"), ("98", "s1")]
    assert told.body.endswith("All: `bdp insights --min-risk 80 --since 2026-03-01T12:00:03Z`")
    again = summary_of([due(one) for one in rows[::-1]], rows[:10], AT)
    assert again.key == told.key != summary_of([due(one) for one in rows[1:]], rows, AT).key


def test_a_digest_says_why_nobody_was_told() -> None:
    told = digest_of(quiet(insight("a", 79), insight("b", 41)), HOUR)
    assert (told.key, told.severity) == ("digest:2026-03-01T12", "low")
    assert told.title == "Digest of 2026-03-01 12:00 to 13:00 UTC: 21 insights, none told at once"
    assert "- 20 of risk 40 to 79\n- 1 critical, but long over when they were found" in told.body
    assert "By stream: `a` 3, `b` 3 and 5 more" in told.body
    assert told.body.index("79 latency spike at `a`") < told.body.index("41 latency spike at `b`")


@pytest.mark.parametrize("stream", [HOSTILE, "", "`" * 50, "x" * 5000, "a\ud800b"])
def test_hostile_names_and_texts_do_nothing(stream: str) -> None:
    hostile = insight(stream, explanation=HOSTILE)
    for told in (
        alert_of(hostile, AT),
        summary_of([due(hostile), due(insight())], [hostile], AT),
        digest_of(quiet(hostile), HOUR),
    ):
        text = told.title + told.body
        assert not set(text) & set("\x1b\u202e")
        assert "\n" not in told.title
        # Outside of code every sign that markdown acts on is escaped.
        outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", told.body)
        assert not re.search(r"(?<!\\)(\]\(|<img|\*d|\[x)", outside), outside
        assert len(text) < 6000


def test_the_command_can_be_copied_into_a_shell() -> None:
    told = alert_of(insight("a b; $(rm -rf ~) 'c'"), AT).body
    (command,) = re.findall(r"^More: `+(.*?)`+$", told, re.MULTILINE)
    assert shlex.split(command) == ["bdp", "insight", "alert_a b; $(rm -rf ~) 'c'_1772366403"]


def test_an_alert_leads_with_the_critical_opinion_and_tells_the_other() -> None:
    rules = insight()
    said = {name: getattr(rules, name) for name in Opinion.model_fields}
    calmer = {"risk_score": 30, "source": InsightSource.AI, "model_used": "m-1", "explanation": "It is over"}
    lowered = rules.model_copy(update={**calmer, "beside": Opinion(**said)})
    raised = rules.model_copy(
        update={"source": InsightSource.AI, "model_used": "m-1", "beside": Opinion(**said | {"risk_score": 65})}
    )
    told = alert_of(lowered, AT)
    assert told.title == "Risk 92, critical: latency spike at leaf1/port3"
    assert "by rules." in told.body
    assert "Besides, ai (m-1) says: latency spike, risk 30." in told.body
    assert "Besides, rules say: latency spike, risk 65." in alert_of(raised, AT).body
    assert "- 92 latency spike" in summary_of([due(rules)], [lowered], AT).body
