"""What people read in the hourly digest: insights, messages about incidents, questions that wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from bdp.brief.escape import code
from bdp.flow.tell.incident_notice import listed
from bdp.flow.tell.notice import digest_key, digest_of
from bdp.model.action import Message, MessageForm, QuietMessages
from bdp.model.insight import AlertState, QuietInsights
from bdp.model.noun import Language

_REASONS: Final[dict[AlertState, dict[Language, str]]] = {
    AlertState.DUPLICATE: {"en": "told already minutes before", "ko": "몇 분 전에 이미 알림"},
    AlertState.BELOW: {"en": "less severe than is told at once", "ko": "즉시 알림 기준보다 낮은 심각도"},
    AlertState.OLD: {"en": "long over when they were found", "ko": "발견했을 때 이미 지난 일"},
    AlertState.UNREACHABLE: {"en": "that reached nobody", "ko": "아무에게도 전달되지 않음"},
}
_FORMS: Final[dict[MessageForm, dict[Language, str]]] = {
    MessageForm.OPENED: {"en": "incidents began", "ko": "인시던트 발생"},
    MessageForm.EVENT: {"en": "events of workflows", "ko": "워크플로 이벤트"},
    MessageForm.QUESTION: {"en": "questions", "ko": "승인 요청"},
    MessageForm.REMINDER: {"en": "reminders", "ko": "재알림"},
    MessageForm.TOLD: {"en": "notes", "ko": "안내"},
}


class Quiet(NamedTuple):
    """What nobody was told at once.

    Attributes:
        questions: that wait for an answer now.
    """

    insights: QuietInsights | None
    messages: QuietMessages | None
    questions: int = 0

    @property
    def since(self) -> datetime | None:
        """The earliest detection among them; None if there is nothing to tell."""
        return min((part.since for part in (self.insights, self.messages) if part is not None), default=None)


def hourly_message(quiet: Quiet, until: datetime) -> Message:
    """Return the digest of an hour.

    Args:
        until: end of the hour, UTC.
    """
    about_insights = digest_of(quiet.insights, until) if quiet.insights else None
    if about_insights and not quiet.messages and not quiet.questions:
        return about_insights
    body = [*_messages(quiet, "en"), *([about_insights.body] if about_insights else [])]
    body_ko = [*_messages(quiet, "ko"), *_insights_ko(quiet.insights)]
    return Message(
        key=digest_key(until),
        title=_title(quiet, until, "en"),
        title_ko=_title(quiet, until, "ko"),
        body="\n".join(body),
        body_ko="\n".join(body_ko),
        severity="low",  # nothing in it is for now, whatever its severity was
        event="DIGEST" if quiet.messages else "INSIGHT_DIGEST",
    )


def _title(quiet: Quiet, until: datetime, language: Language) -> str:
    start = until - timedelta(hours=1)
    insights = sum(quiet.insights.states.values()) if quiet.insights else 0
    messages = sum(quiet.messages.reasons.values()) if quiet.messages else 0
    span = f"{start:%Y-%m-%d %H:%M}"
    if language == "ko":
        counts = [f"인시던트 알림 {messages:,}건"] * bool(messages) + [f"인사이트 {insights:,}건"] * bool(insights)
        return f"{span}–{until:%H:%M} UTC 요약: {', '.join(counts)} (즉시 알리지 않음)"
    counts = [f"{messages:,} messages about incidents"] * bool(messages) + [f"{insights:,} insights"] * bool(insights)
    return f"Digest of {span} to {until:%H:%M} UTC: {' and '.join(counts)}, none told at once"


def _messages(quiet: Quiet, language: Language) -> Iterable[str]:
    if quiet.messages:
        yield from _counts(quiet.messages, language)
        yield "가장 심각한 것:" if language == "ko" else "The worst:"
        yield from (listed(message, language) for message in quiet.messages.worst)
        yield f"{'더 보기' if language == 'ko' else 'More'}: {code('bdp incidents')}"
    if quiet.questions:
        more = code("bdp approvals")
        yield (
            f"답변을 기다리는 승인 요청이 {quiet.questions:,}건 있습니다: {more}"
            if language == "ko"
            else f"Waiting for an answer: {quiet.questions:,} questions, see {more}"
        )


def _counts(messages: QuietMessages, language: Language) -> Sequence[str]:
    forms = ", ".join(f"{_FORMS[form][language]} {count:,}" for form, count in messages.forms.items() if form in _FORMS)
    if language == "ko":
        head = f"즉시 알리지 않은 인시던트 알림 ({forms}):"
        return [head, *(f"- {why['ko']}: {messages.reasons[one]:,}건" for one, why in _of(messages))]
    head = f"Messages about incidents that were not told at once ({forms}):"
    return [head, *(f"- {messages.reasons[one]:,} {why['en']}" for one, why in _of(messages))]


def _of(messages: QuietMessages) -> list[tuple[AlertState, dict[Language, str]]]:
    return [(state, words) for state, words in _REASONS.items() if messages.reasons.get(state)]


def _insights_ko(quiet: QuietInsights | None) -> Iterable[str]:
    if quiet:
        total = sum(quiet.states.values())
        yield f"스트림 {quiet.stream_count:,}개의 인사이트 {total:,}건을 즉시 알리지 않았습니다."
        yield f"더 보기: {code('bdp insights')}"
