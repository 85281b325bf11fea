"""The page behind a one-time link: plain HTML without scripts, readable on a phone and by a screen reader.

Everything on it is escaped; the headers forbid scripts, frames, copies and telling other pages where one came from.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from fastapi.responses import HTMLResponse

from bdp.errors import BdpError
from bdp.model.decision import Approval
from bdp.model.noun import Language
from bdp.notify.plain import one_line
from bdp.notify.question import Part, outcome, parts_of

NOTE_LENGTH = 2000

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:46rem;color:#1b1b1b;background:#fff}"
    "h1{font-size:1.4rem}h2{font-size:1rem;margin:1.2rem 0 .2rem}"
    "p,pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}"
    "pre{background:#f2f2f2;padding:.6rem;font-size:.9rem;border-radius:4px}"
    "textarea{width:100%;box-sizing:border-box;font:inherit;margin:.2rem 0 1rem}"
    "button{font:inherit;font-weight:bold;padding:.8rem 1.2rem;width:100%;border:0;border-radius:6px;color:#fff}"
    ".approve{background:#0b6b2f}.reject{background:#a11}form{margin-top:1.6rem}.hint{color:#555;font-size:.9rem}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}

_WORDS: Final[dict[str, dict[Language, str]]] = {
    "approve_title": {"en": "May BDP do this?", "ko": "이 조치를 실행해도 됩니까?"},
    "reject_title": {"en": "Forbid this?", "ko": "이 조치를 거부하시겠습니까?"},
    "approve": {"en": "Approve: let it run", "ko": "승인: 실행을 허용합니다"},
    "reject": {"en": "Reject: forbid it", "ko": "거부: 실행을 막습니다"},
    "as": {"en": "You answer as {person}.", "ko": "{person} 이름으로 답변합니다."},
    "note": {"en": "Note (kept with your answer)", "ko": "메모 (답변과 함께 보관됩니다)"},
    "once": {
        "en": "Nothing has happened yet. This link works once.",
        "ko": "아직 아무것도 실행되지 않았습니다. 이 링크는 한 번만 쓸 수 있습니다.",
    },
    "thanks": {"en": "Your answer is kept", "ko": "답변이 저장되었습니다"},
    "more": {
        "en": "{given} of {needed} approvals are there; others still have to approve.",
        "ko": "승인 {given}/{needed}건입니다. 다른 사람의 승인이 더 필요합니다.",
    },
    "approved": {"en": "The action may run now.", "ko": "이제 조치를 실행할 수 있습니다."},
    "rejected": {"en": "The action does not run.", "ko": "조치는 실행되지 않습니다."},
    "incident": {"en": "Incident", "ko": "인시던트"},
    "over": {"en": "This question is closed", "ko": "이미 마감된 요청입니다"},
    "failed": {"en": "This did not work", "ko": "처리하지 못했습니다"},
    "failed_ko_hint": {"en": "", "ko": "변경된 것은 없습니다. 자세한 내용:"},
}


def _say(key: str, language: Language, **values: object) -> str:
    return _WORDS[key][language].format(**values)


def asking(approval: Approval, verb: str, person: str, language: Language) -> HTMLResponse:
    """Return the page that asks; nothing happens before its button is pressed."""
    told = "".join(_part(part) for part in parts_of(approval, language))
    form = (
        f"<form method='post'><p>{escape(_say('as', language, person=one_line(person)))}</p>"
        f"<label for='note'>{escape(_say('note', language))}</label>"
        f"<textarea id='note' name='note' rows='2' maxlength='{NOTE_LENGTH}'></textarea>"
        f"<button class='{verb}'>{escape(_say(verb, language))}</button>"
        f"<p class='hint'>{escape(_say('once', language))}</p></form>"
    )
    return _page(_say(f"{verb}_title", language), _incident(approval, language) + told + form, language)


def answered(approval: Approval, language: Language) -> HTMLResponse:
    """Return the page that says what became of it."""
    if approval.decided_at is None:
        text = _say("more", language, given=approval.approvals, needed=approval.needed)
    else:
        text = f"{outcome(approval, language)}. {_say(approval.status.value, language)}"
    return _page(_say("thanks", language), f"<p>{escape(text)}</p>{_incident(approval, language)}", language)


def closed(approval: Approval, language: Language) -> HTMLResponse:
    """Return the page for a question that is decided already."""
    text = f"<p>{escape(outcome(approval, language))}.</p>{_incident(approval, language)}"
    return _page(_say("over", language), text, language, 409)


def failed(error: BdpError, status: int, language: Language) -> HTMLResponse:
    """Return the page that says why nothing happened."""
    hint = escape(_say("failed_ko_hint", language))
    text = f"<p>{hint}</p><p>{escape(one_line(error.what))}</p><p>{escape(one_line(error.next_step))}</p>"
    return _page(_say("failed", language), text, language, status)


def _part(part: Part) -> str:
    tag = "pre" if part.exact else "p"
    return f"<h2>{escape(part.label)}</h2><{tag}>{escape(part.text)}</{tag}>"


def _incident(approval: Approval, language: Language) -> str:
    return f"<p class='hint'>{escape(_say('incident', language))} {escape(one_line(approval.incident_id))}</p>"


def _page(title: str, body: str, language: Language, status: int = 200) -> HTMLResponse:
    html = (
        f"<!doctype html><html lang='{language}'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>BDP: {escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(html, status, HEADERS)
