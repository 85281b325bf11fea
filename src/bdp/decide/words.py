"""What the policy and the gate say, in both languages: sentences that stand alone, with the figures compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bdp.model.analysis import ActionType
from bdp.model.decision import Reason, Role, Scope
from bdp.model.plan import Risk
from bdp.notify.plain import one_line


class Words(NamedTuple):
    """The same in English and Korean."""

    en: str
    ko: str


_R = Reason
SAID: Mapping[Reason, Words] = {
    _R.CONFIDENCE_HIGH: Words(
        "Confidence {score} reaches {bar}, so it needs no approval.",
        "신뢰도({score})가 기준({bar}) 이상이므로 승인 없이 실행합니다.",
    ),
    _R.CONFIDENCE_MIDDLE: Words(
        "Confidence {score} is enough to propose it; to run without asking it must reach {bar}.",
        "신뢰도({score})는 제안하기에 충분하지만, 묻지 않고 실행하려면 {bar} 이상이어야 합니다.",
    ),
    _R.CONFIDENCE_LOW: Words(
        "Confidence {score} is below {bar}, so nothing is proposed.",
        "신뢰도({score})가 {bar}보다 낮아 조치를 제안하지 않습니다.",
    ),
    _R.GROUNDING_LOW: Words(
        "Only {score} of the checked claims are supported; {bar} are needed.",
        "확인한 주장 가운데 {score}만 근거가 있습니다. {bar} 이상이어야 합니다.",
    ),
    _R.INCONCLUSIVE: Words(
        "The evidence is too thin to name a cause.",
        "원인을 말하기에는 근거가 부족합니다.",
    ),
    _R.POLICY_ALLOWS: Words(
        "The rule `{rule}` allows {action}{on} in {environment}.",
        "`{rule}` 규칙이 {environment} 환경에서 {on_ko}{action} 작업을 허용합니다.",
    ),
    _R.POLICY_ASKS: Words(
        "The rule `{rule}` asks {people} before {action}{on} in {environment}.",
        "`{rule}` 규칙에 따라 {environment} 환경의 {on_ko}{action} 작업은 {people_ko} 승인해야 합니다.",
    ),
    _R.POLICY_DENIES: Words(
        "The rule `{rule}` denies {action}{on} in {environment}.",
        "`{rule}` 규칙이 {environment} 환경에서 {on_ko}{action} 작업을 금지합니다.",
    ),
    _R.NO_ACTION: Words("The analysis proposes no action.", "분석에서 제안한 조치가 없습니다."),
    _R.TRIED_BEFORE: Words("What was proposed was tried before.", "제안한 조치는 이미 시도했습니다."),
    _R.UNPLANNABLE: Words(
        "It cannot be planned: its parameters do not fit, or what it is to change is not there.",
        "계획을 세울 수 없습니다. 매개변수가 맞지 않거나 바꿀 대상이 없습니다.",
    ),
    _R.PRECONDITION_UNMET: Words(
        "What must be true before it is not true now: {unmet}.",
        "실행 전에 참이어야 하는 조건이 지금 충족되지 않았습니다: {unmet}.",
    ),
    _R.NO_RULE: Words(
        "No rule of the policy names {action}{on} in {environment}, and what no rule names is denied.",
        "{environment} 환경의 {on_ko}{action} 작업에 맞는 정책 규칙이 없습니다. 규칙에 없는 작업은 금지합니다.",
    ),
    _R.PAUSED: Words(
        "{by} paused BDP at {since}{until}; while that lasts nothing that changes a system runs{because}.",
        "{by} 님이 {since}에 BDP를 일시 중지했습니다{until_ko}. "
        "그동안 시스템을 바꾸는 작업은 실행하지 않습니다{because}.",
    ),
    _R.POLICY_BROKEN: Words(
        "The policy cannot be used ({problem}), so nothing that changes a system runs. See `bdp policy check`.",
        "정책을 사용할 수 없어({problem}) 시스템을 바꾸는 작업은 실행하지 않습니다. `bdp policy check`로 확인하십시오.",
    ),
    _R.RISK_TOO_HIGH: Words(
        "Its risk is {risk}; at most {most_risk} is allowed.",
        "위험도가 {risk_ko}입니다. {most_risk_ko}까지만 허용합니다.",
    ),
    _R.IRREVERSIBLE: Words(
        "It cannot be taken back; only what can is allowed.",
        "되돌릴 수 없는 작업입니다. 되돌릴 수 있는 작업만 허용합니다.",
    ),
    _R.BLAST_RADIUS: Words(
        "It touches {radius} at once; at most {most} are allowed.",
        "한 번에 {radius}개를 바꿉니다. {most}개까지만 허용합니다.",
    ),
    _R.RATE_LIMIT: Words(
        "There were {most} in the last {per} already{scope}, and no more are allowed.",
        "최근 {per} 동안 {scope_ko}이미 {most}번 실행했고, 그 이상은 허용하지 않습니다.",
    ),
    _R.OUTSIDE_HOURS: Words(
        "It is {now}; it is allowed only {hours}.",
        "지금은 {now_ko}입니다. {hours}에만 허용합니다.",
    ),
    _R.MAINTENANCE: Words(
        "The maintenance `{window}` is on{because}, so a person works on it.",
        "`{window}` 점검 중이므로{because} 사람이 작업하고 있습니다.",
    ),
    _R.ENVIRONMENT: Words(
        "The rule `{rule}` would fit, but it is for {wanted} and this is {environment}.",
        "`{rule}` 규칙이 맞지만 {wanted} 환경의 규칙이고, 여기는 {environment} 환경입니다.",
    ),
    _R.TWO_PERSONS: Words(
        "{needed} different people must approve it.",
        "서로 다른 {needed}명이 승인해야 합니다.",
    ),
}
"""The sentence behind each reason, with names for the figures in it."""

NOT_IN_MAINTENANCE = Words(
    "It is allowed only during maintenance, and none is on.",
    "점검 시간에만 허용하며, 지금은 점검 시간이 아닙니다.",
)
SO_DENIED = Words("So the rule `{rule}` denies it.", "따라서 `{rule}` 규칙에 따라 금지합니다.")

SHORT: Mapping[Reason, Words] = {
    _R.CONFIDENCE_HIGH: Words("the confidence is high", "신뢰도가 높음"),
    _R.CONFIDENCE_MIDDLE: Words("the confidence is not high enough to act alone", "스스로 실행하기에는 신뢰도가 낮음"),
    _R.CONFIDENCE_LOW: Words("the confidence is too low", "신뢰도가 너무 낮음"),
    _R.GROUNDING_LOW: Words("too few claims are supported", "근거 있는 주장이 부족함"),
    _R.INCONCLUSIVE: Words("no cause could be named", "원인을 밝히지 못함"),
    _R.POLICY_ALLOWS: Words("the policy allows it", "정책이 허용함"),
    _R.POLICY_ASKS: Words("the policy wants a person to decide", "정책상 사람이 결정해야 함"),
    _R.POLICY_DENIES: Words("the policy denies what is left", "남은 조치를 정책이 금지함"),
    _R.NO_ACTION: Words("the analysis proposes none", "분석에서 제안한 조치가 없음"),
    _R.TRIED_BEFORE: Words("what was proposed was tried before", "제안한 조치를 이미 시도함"),
    _R.UNPLANNABLE: Words("it could not be planned", "계획을 세울 수 없음"),
    _R.PRECONDITION_UNMET: Words("what must be true before it is not", "실행 조건이 충족되지 않음"),
    _R.NO_RULE: Words("no rule of the policy names it", "정책에 맞는 규칙이 없음"),
    _R.PAUSED: Words("BDP is paused", "BDP가 일시 중지됨"),
    _R.POLICY_BROKEN: Words("the policy cannot be used", "정책을 사용할 수 없음"),
    _R.RISK_TOO_HIGH: Words("its risk is too high", "위험도가 너무 높음"),
    _R.IRREVERSIBLE: Words("it cannot be taken back", "되돌릴 수 없음"),
    _R.BLAST_RADIUS: Words("it touches too much at once", "한 번에 너무 많이 바꿈"),
    _R.RATE_LIMIT: Words("there were too many of late", "최근에 너무 많이 실행함"),
    _R.OUTSIDE_HOURS: Words("it is outside the rule's hours", "규칙이 정한 시간이 아님"),
    _R.MAINTENANCE: Words("of a maintenance window", "점검 시간 때문임"),
    _R.ENVIRONMENT: Words("the rule is for another environment", "다른 환경의 규칙임"),
    _R.TWO_PERSONS: Words("more people must approve it", "더 많은 사람이 승인해야 함"),
}
"""The same in a few words, for lists."""

RISK_KO = {Risk.LOW: "낮음", Risk.MEDIUM: "중간", Risk.HIGH: "높음"}
SCOPE = {
    Scope.RULE: Words(" by this rule", "이 규칙으로 "),
    Scope.RESOURCE: Words(" on this resource", "이 리소스에서 "),
    Scope.SERVICE: Words(" for this service", "이 서비스에서 "),
    Scope.ENVIRONMENT: Words(" in this environment", "이 환경에서 "),
    Scope.ALL: Words(" in all", "전체에서 "),
}
DAYS_KO = "월화수목금토일"
ROLE_KO = {Role.VIEWER: "조회자", Role.OPERATOR: "운영자", Role.APPROVER: "승인자", Role.ADMIN: "관리자"}


def said(reason: Reason, /, **figures: Any) -> Words:
    """Return the sentence of a reason with its figures filled in; what telemetry named cannot steer a terminal."""
    return filled(SAID[reason], **figures)


def filled(words: Words, /, **figures: Any) -> Words:
    """Return words with their figures."""
    clean = {name: one_line(value, 300) if isinstance(value, str) else value for name, value in figures.items()}
    # `one_line` takes the space that joins these to what stands before.
    clean |= {name: value for name, value in figures.items() if name in _JOINED}
    return Words(words.en.format(**clean), words.ko.format(**clean))


_JOINED = frozenset({"on", "on_ko", "scope", "scope_ko", "because", "until", "until_ko"})


def on(resource: str) -> dict[str, str]:
    """Return the figures that name what is touched."""
    name = one_line(resource, 200)
    return {"on": f" on `{name}`", "on_ko": f"`{name}`에 대한 "} if name else {"on": "", "on_ko": ""}


def people(needed: int, role: Role) -> dict[str, str]:
    """Return the figures that name who decides."""
    if needed == 1:
        return {"people": f"one person ({role.value})", "people_ko": f"한 사람({ROLE_KO[role]})이"}
    return {
        "people": f"{needed} different people ({role.value})",
        "people_ko": f"서로 다른 {needed}명({ROLE_KO[role]})이",
    }


def with_reason(words: Words, reason: str, reason_ko: str) -> Words:
    """Return a sentence with the reason that a person gave for it."""
    if not reason and not reason_ko:
        return words
    why, why_ko = one_line(reason or reason_ko, 500), one_line(reason_ko or reason, 500)
    english, korean = words.en.removesuffix("."), words.ko
    return Words(f"{english}: {why.removesuffix('.')}.", f"{korean} 이유: {why_ko.removesuffix('.')}.")


def because(reason: str) -> str:
    """Return a reason in brackets, with the space before it; empty for none."""
    return f" ({one_line(reason, 500)})" if reason else ""


def joined(sentences: Iterable[Words]) -> Words:
    """Return sentences one after the other."""
    found = list(sentences)
    return Words(*(" ".join(filter(None, texts)) for texts in zip(*found, strict=True)))


def listed(reasons: Iterable[Reason]) -> Words:
    """Return reasons in a few words each."""
    found = [SHORT[reason] for reason in dict.fromkeys(reasons)]
    return Words(", ".join(words.en for words in found), ", ".join(words.ko for words in found))


def named(action: ActionType) -> str:
    """Return an action as it is written in a policy."""
    return f"`{action.value}`"
