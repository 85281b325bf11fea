"""What a person is shown before they answer, in parts that every face prints its own way: terminal, page, chat.

What will be sent is shown as it is: characters that hide or turn text around are written out, never left out, since a
request that looks other than it is must not be approved.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Final, NamedTuple

from bdp.model.decision import Approval
from bdp.model.noun import Language
from bdp.model.plan import ActionPlan
from bdp.notify.plain import plain

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_LONGEST = 20_000

WORDS: Final[dict[str, dict[Language, str]]] = {
    "does": {"en": "Does", "ko": "내용"},
    "requests": {"en": "Sends", "ko": "요청"},
    "touches": {"en": "Touches", "ko": "대상"},
    "undo": {"en": "Undo", "ko": "되돌리기"},
    "why": {"en": "Why you", "ko": "사유"},
    "evidence": {"en": "Evidence", "ko": "근거"},
    "answers": {"en": "Answers", "ko": "답변"},
    "until": {"en": "Until", "ko": "기한"},
    "no_undo": {"en": "nothing to take back", "ko": "되돌릴 것이 없습니다"},
    "cannot_undo": {"en": "it cannot be taken back", "ko": "되돌릴 수 없습니다"},
    "risk": {"en": "risk {risk}, {count} affected", "ko": "위험도 {risk}, 영향 {count}개"},
    "counted": {"en": "{given} of {needed} approvals", "ko": "승인 {given}/{needed}"},
    "needs": {"en": "by different people, role {role} or above", "ko": "서로 다른 사람, {role} 이상 역할"},
    "needs_one": {"en": "role {role} or above", "ko": "{role} 이상 역할"},
    "approved": {"en": "approved", "ko": "승인"},
    "rejected": {"en": "rejected", "ko": "거부"},
    "timed_out": {"en": "timed out", "ko": "시간 초과"},
    "waiting": {"en": "waiting", "ko": "대기"},
    "approve": {"en": "Approve", "ko": "승인"},
    "reject": {"en": "Reject", "ko": "거부"},
    "low": {"en": "low", "ko": "낮음"},
    "medium": {"en": "medium", "ko": "보통"},
    "high": {"en": "high", "ko": "높음"},
    "viewer": {"en": "viewer", "ko": "조회자"},
    "operator": {"en": "operator", "ko": "운영자"},
    "approver": {"en": "approver", "ko": "승인자"},
    "admin": {"en": "admin", "ko": "관리자"},
    "by": {"en": "{status} by {by}", "ko": "{by} {status}"},
}


class Part(NamedTuple):
    """One thing to be shown.

    Attributes:
        key: names it, such as `requests`.
        exact: it is what will be sent, to be shown letter by letter.
    """

    key: str
    label: str
    text: str
    exact: bool = False


def word(key: str, language: Language, **values: object) -> str:
    """Return a fixed text with its values put in."""
    return WORDS[key][language].format(**values)


def parts_of(approval: Approval, language: Language) -> tuple[Part, ...]:
    """Return what the approver has to see, in its order; what is empty is left out."""
    plan = approval.planned
    told = (
        ("does", plain(approval.worded("plan", language), _LONGEST)),
        ("requests", _requests(plan)),
        ("touches", _touches(plan, language)),
        ("undo", _undo(approval, language)),
        ("why", plain(approval.worded("why", language))),
        ("evidence", "\n".join(f"- {plain(line)}" for line in _evidence(approval, language))),
        ("answers", _answers(approval, language)),
        ("until", f"{approval.expires_at:%Y-%m-%d %H:%M:%S} UTC"),
    )
    return tuple(Part(key, word(key, language), text, exact=key == "requests") for key, text in told if text)


def outcome(approval: Approval, language: Language) -> str:
    """Return what became of it, in a few words."""
    status = word(approval.status.value, language)
    return word("by", language, status=status, by=plain(approval.decided_by)) if approval.decided_by else status


def shown(text: str) -> str:
    r"""Return text with what cannot be seen written out as in JSON.

    >>> shown("a\u202eb")
    'a\\u202eb'
    """
    return "".join(
        _written(char) if char not in "\n\t" and unicodedata.category(char) in _HIDDEN else char for char in text
    )


def _written(char: str) -> str:
    return json.dumps(char)[1:-1] if not char.isascii() else f"\\u{ord(char):04x}"


def _requests(plan: ActionPlan | None) -> str:
    told = []
    for request in plan.requests if plan else ():
        body = json.dumps(request.body, ensure_ascii=False, indent=2) if request.body else ""
        call = shown(request.call).replace("\n", "\\n")
        told.append(f"{call}\n{shown(body)}".rstrip())
    return "\n\n".join(told)


def _touches(plan: ActionPlan | None, language: Language) -> str:
    if plan is None or not plan.resource:
        return ""
    risk = word(plan.risk.value, language)
    return f"{shown(plan.resource)} ({word('risk', language, risk=risk, count=plan.blast_radius)})"


def _undo(approval: Approval, language: Language) -> str:
    if approval.planned is not None and not approval.planned.reversible:
        return word("cannot_undo", language)
    return plain(approval.worded("undo", language), _LONGEST) or word("no_undo", language)


def _evidence(approval: Approval, language: Language) -> tuple[str, ...]:
    return (approval.evidence_ko if language == "ko" else ()) or approval.evidence


def _answers(approval: Approval, language: Language) -> str:
    needs = word("needs" if approval.needed > 1 else "needs_one", language, role=word(approval.role.value, language))
    lines = [f"{word('counted', language, given=approval.approvals, needed=approval.needed)} ({needs})"]
    for vote in approval.votes:
        status = word("by", language, status=word(vote.status.value, language), by=plain(vote.by))
        lines.append(f"- {status} ({vote.via})" + (f": {plain(vote.note)}" if vote.note else ""))
    return "\n".join(lines)
