"""What is said of a question, or of a part of it, that rules did not understand or that nothing stored is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final, Literal

from bdp.explain.agents.bench import Bench
from bdp.explain.agents.question import Question
from bdp.explain.wording import name
from bdp.model.evidence import Evidence

_LISTED: Final = 5
Missed = Literal["", "words", "names"]
_NOT_UNDERSTOOD: Final = (
    (
        "I did not understand this question, or have no data on it. I can answer about errors, slow requests, "
        "log-ins, changes, cost, metrics and incidents, of everything or of a service, host or stream by its name."
    ),
    (
        "이 질문을 이해하지 못했거나 이에 대한 데이터가 없습니다. 오류, 느린 요청, 로그인, 변경, 비용, 메트릭, "
        "인시던트에 대해 전체 또는 서비스, 호스트, 스트림 이름별로 답할 수 있습니다."
    ),
)
_NOT_STORED: Final = (
    (
        "I have no data on {what}: no service, host, stream or bill of the last {days} days has that name, and no "
        "event in this time mentions it."
    ),
    (
        "{what}에 대한 데이터가 없습니다. 최근 {days}일에 그런 이름의 서비스, 호스트, 스트림, 청구 항목이 없고, "
        "이 기간에 언급하는 이벤트도 없습니다."
    ),
)
_PART: Final = ("Nothing is stored on {what}.", "{what}에 대해 저장된 것이 없습니다.")
_UNREAD: Final = (
    "I read no time in {what}; I looked at {start} to {end} UTC{usual}.",
    "{what}에서 시간을 읽지 못했습니다. {start} ~ {end} UTC{usual}를 보았습니다.",
)
_NO_BUDGET: Final = (
    "A budget is set in bdp.toml under [[costs.budgets]]: a name, an amount for one calendar month, a currency.",
    "예산은 bdp.toml의 [[costs.budgets]]에 name(이름), amount(한 달 금액), currency(통화)로 설정합니다.",
)
_FOUND_IN: Final = (
    "This is what incident {first} was found to be: bdp incident {first}{others}",
    "인시던트 {first}의 분석 결과입니다: bdp incident {first}{others}",
)
_OTHERS: Final = ("; others that fit: {}", "; 그 밖에 해당하는 것: {}")
_DOUBTFUL: Final = (
    "{what} may be {names}; ask with its whole name for one of them.",
    "{what}: {names} 중 하나일 수 있습니다. 하나만 보려면 전체 이름으로 물어보세요.",
)
_USUAL: Final = (", the {hours} h before the newest record", "(가장 새로운 기록 이전 {hours}시간)")
_CUT: Final = (
    "I look at {days} days at most: from {start} to {end} UTC.",
    "최대 {days}일까지 봅니다: {start} ~ {end} UTC.",
)
_EXAMPLES: Final[tuple[tuple[str, ...], tuple[str, ...]]] = (
    (
        "Why did {service} fail in the last 2 hours?",
        "Which errors were there yesterday at 14:00?",
        "Is somebody attacking our logins?",
        "What do we spend money on?",
    ),
    (
        "지난 2시간 동안 {service} 오류가 있었나요?",
        "어제 오후 2시에 어떤 오류가 있었나요?",
        "로그인 공격이 있나요?",
        "비용이 왜 늘었나요?",
    ),
)


def missed(question: Question, found: Sequence[Evidence]) -> Missed:
    """Return what of a question keeps what was found from being its answer: its words, or the names in it."""
    if question.missing and not (question.names or question.accounts) and not _mentioned(question, found):
        return "names"
    return "" if question.clear or _mentioned(question, found) else "words"


def not_answered(why: Missed, question: Question, bench: Bench) -> str:
    """Return the one line that stands in the place of an answer."""
    if why == "names":
        return bench.say(*_NOT_STORED).format(what=_listed(question.missing), days=bench.settings.span_days)
    return bench.say(*_NOT_UNDERSTOOD)


def examples(bench: Bench) -> tuple[str, ...]:
    """Return questions that can be answered, with a service that is stored."""
    listed = (row["service"] for one in bench.found for row in one.value.get("rows", ()) if "service" in row)
    service = next(listed, "checkout")
    return tuple(text.format(service=name(service)) for text in _EXAMPLES[bench.language == "ko"])


def notes(question: Question, bench: Bench, why: Missed) -> Iterator[str]:
    """Yield what of a question was not read as it stands, and what was taken in its place."""
    if question.found_in:
        first, *others = question.found_in
        besides = bench.say(*_OTHERS).format(", ".join(others)) if others else ""
        yield bench.say(*_FOUND_IN).format(first=first, others=besides)
    if any(one.value.get("budgets") == 0 for one in bench.found):
        yield bench.say(*_NO_BUDGET)
    start, end = f"{bench.span.start:%Y-%m-%d %H:%M}", f"{bench.span.end:%Y-%m-%d %H:%M}"
    if question.unread:
        hours = round((bench.span.end - bench.span.start) / timedelta(hours=1))
        usual = bench.say(*_USUAL).format(hours=hours) if bench.usual else ""
        yield bench.say(*_UNREAD).format(what=_listed(question.unread), start=start, end=end, usual=usual)
    if question.clear and question.span is not None and question.span.start < bench.span.start:
        yield bench.say(*_CUT).format(days=bench.settings.span_days, start=start, end=end)
    for word, meant in question.doubtful:
        names = bench.say(" or ", ", ").join(name(one) for one in meant[:_LISTED])
        names += f" (+{len(meant) - _LISTED})" if len(meant) > _LISTED else ""
        yield bench.say(*_DOUBTFUL).format(what=name(word), names=names)
    silent = [word for word in question.missing if word not in _words_found(bench.found)]
    if silent and not why:
        yield bench.say(*_PART).format(what=_listed(silent))


def _mentioned(question: Question, found: Sequence[Evidence]) -> bool:
    return bool(_words_found(found) & set(question.missing))


def _words_found(found: Sequence[Evidence]) -> set[str]:
    return {str(one.value["text"]) for one in found if one.value.get("text") and one.value.get("events")}


def _listed(words: Sequence[str]) -> str:
    return ", ".join(name(word) for word in words[:3])
