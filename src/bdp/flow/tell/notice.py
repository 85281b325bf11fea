"""What people read of insights: an alert, a summary of many, the hourly digest.

Names and explanations come from telemetry: in a title they are plain text, in a body they are escaped as markdown, and
in a command to copy they are quoted for a shell.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bdp.brief.escape import code, escape, plain
from bdp.ids import derived
from bdp.model.action import Message
from bdp.model.insight import (
    CRITICAL_RISK,
    MEDIUM_RISK,
    AlertState,
    DueAlert,
    Insight,
    InsightSource,
    Opinion,
    QuietInsights,
)

SHOWN = 10
"""Insights told one by one in a summary or digest."""
_LONGEST = 500
_STREAM = 120
_WHY_QUIET = {
    AlertState.BELOW: "of risk 40 to 79",
    AlertState.DUPLICATE: "critical, told already minutes before",
    AlertState.OLD: "critical, but long over when they were found",
    AlertState.UNREACHABLE: "critical, and nobody could be reached",
}


def alert_of(insight: Insight, detected_at: datetime) -> Message:
    """Return the message of one critical insight: risk, what, where, numbers, what to do, how to see more."""
    insight = _pressing(insight)
    advice = (f"{number}. {escape(text, _LONGEST)}" for number, text in enumerate(insight.recommendations, 1))
    lines = (
        f"Where: {code(insight.related_entity)}",
        f"When: {_when(insight.timestamp)} UTC, detected {_lag(detected_at - insight.timestamp)}",
        f"What: {escape(insight.explanation, _LONGEST)}",
        "Do next:",
        *advice,
        f"Confidence {insight.confidence:.2f}, by {_by(insight)}.",
        *_beside(insight.beside),
        f"More: {_command('bdp insight', insight.entity_id)}",
    )
    return Message(
        key=f"insight:{insight.entity_id}",
        title=f"Risk {insight.risk_score}, critical: {_kind(insight)} at {plain(insight.related_entity, _STREAM)}",
        body="\n".join(lines),
        severity="critical",
        event="CRITICAL_INSIGHT",
    )


def summary_of(due: Sequence[DueAlert], worst: Sequence[Insight], now: datetime) -> Message:
    """Return the message of many critical insights at once.

    Args:
        due: all of them.
        worst: those to show one by one, worst first.
    """
    streams = {one.related_entity for one in due}
    first, last = (end(one.timestamp for one in due) for end in (min, max))
    kinds = _tally(one.prediction_type.replace("_", " ") for one in due)
    lines = [
        f"{len(due):,} critical insights of {len(streams):,} streams, {_when(first)} to {_when(last)} UTC.",
        "They come in one message because there are so many.",
        f"By type: {_counted(kinds)}",
        "The worst:",
        *(_line(_pressing(insight)) for insight in worst),
        f"All: {_since(CRITICAL_RISK, first)}",
    ]
    return Message(
        key=f"summary:{derived(now, 'summary', *sorted(one.entity_id for one in due))}",
        title=f"Risk {max(one.risk_score for one in due)}, critical: {len(due):,} alerts of {len(streams):,} streams",
        body="\n".join(lines),
        severity="critical",
        event="CRITICAL_INSIGHTS",
    )


def digest_of(quiet: QuietInsights, until: datetime) -> Message:
    """Return the digest of an hour: what nobody was told at once.

    Args:
        until: end of the hour, UTC.
    """
    total, start = sum(quiet.states.values()), until - timedelta(hours=1)
    reasons = [f"- {quiet.states[state]:,} {why}" for state, why in _WHY_QUIET.items() if quiet.states.get(state)]
    since = min(quiet.since, start)
    span = f"detected {_when(since)} to {_when(until)} UTC"
    lines = [
        f"{total:,} insights of {quiet.stream_count:,} streams were not told at once, {span}:",
        *reasons,
        f"By type: {_counted((kind.replace('_', ' '), count) for kind, count in quiet.types.items())}",
        f"By stream: {_counted((code(plain(name, _STREAM)), count) for name, count in quiet.streams)}"
        + (f" and {quiet.stream_count - len(quiet.streams):,} more" * (quiet.stream_count > len(quiet.streams))),
        "The worst:",
        *(_line(insight) for insight in quiet.worst),
        f"More: {_since(MEDIUM_RISK, min((one.timestamp for one in quiet.worst), default=since))}",
    ]
    return Message(
        key=digest_key(until),
        title=f"Digest of {start:%Y-%m-%d %H:%M} to {until:%H:%M} UTC: {total:,} insights, none told at once",
        body="\n".join(lines),
        severity="low",  # nothing in it is for now, whatever its risk was
        event="INSIGHT_DIGEST",
    )


def digest_key(until: datetime) -> str:
    """Return the key of an hour's digest, by the hour's beginning."""
    return f"digest:{until - timedelta(hours=1):%Y-%m-%dT%H}"


def _pressing(insight: Insight) -> Insight:
    """Return why people are told first: what the rules call critical in the rules' words, else what is critical."""
    other = insight.beside
    if other is None or other.prediction_type is None or other.risk_score < CRITICAL_RISK:
        return insight
    if insight.risk_score >= CRITICAL_RISK and other.source is not InsightSource.RULES:
        return insight
    first = Opinion(**{name: getattr(insight, name) for name in Opinion.model_fields})
    return insight.model_copy(update={**dict(other), "beside": first})


def _beside(opinion: Opinion | None) -> Iterable[str]:
    if opinion is not None:
        kind = opinion.prediction_type.replace("_", " ") if opinion.prediction_type else "nothing wrong"
        says = "say" if opinion.source is InsightSource.RULES else "says"
        yield f"Besides, {_by(opinion)} {says}: {kind}, risk {opinion.risk_score}."


def _by(insight: Insight | Opinion) -> str:
    named = insight.model_used != insight.source
    return f"{insight.source} ({escape(insight.model_used, 80)})" if named else insight.source


def _line(insight: Insight) -> str:
    return (
        f"- {insight.risk_score} {_kind(insight)} at {code(plain(insight.related_entity, _STREAM))}, "
        f"{insight.timestamp:%H:%M:%S}: {escape(insight.explanation, 160)}"
    )


def _kind(insight: Insight) -> str:
    return insight.prediction_type.replace("_", " ")


def _tally(names: Iterable[str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts)


def _since(risk: int, since: datetime) -> str:
    return code(f"bdp insights --min-risk {risk} --since {since:%Y-%m-%dT%H:%M:%SZ}")


def _command(verb: str, name: str) -> str:
    return code(f"{verb} {shlex.quote(plain(name, 450))}")


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _lag(behind: timedelta) -> str:
    seconds = behind.total_seconds()
    if seconds < 1:
        return "at once"
    return f"{seconds:,.0f} s later" if seconds < 120 else f"{seconds / 60:,.0f} min later"
