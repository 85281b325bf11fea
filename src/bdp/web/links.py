"""One-time links: following one shows the question, only its button answers, since scanners of mail follow links."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse

from bdp.app import App
from bdp.decide.approvers import Way, approver
from bdp.errors import BdpError, NotAllowed, NotEntitled
from bdp.flow.links import Asked, LinkForged, LinkOver
from bdp.model.decision import Approval, ApprovalStatus
from bdp.model.noun import Language
from bdp.web import answer_page
from bdp.web.errors import status_of
from bdp.web.reach import Product

routes = APIRouter(prefix="/answer", tags=["links"], default_response_class=HTMLResponse, include_in_schema=False)

_FORBIDDEN, _GONE = 403, 410
_KO, _EN = re.compile(r"^ko\b", re.IGNORECASE), re.compile(r"^(en\b|\*)", re.IGNORECASE)
_MOST_FORM_BYTES = 40_000
_Id = Annotated[str, Path(max_length=200)]
_Token = Annotated[str, Path(max_length=4000)]


async def _note(request: Request) -> str:
    """Return the note of the form; what is no form has none."""
    body = await request.body()
    if len(body) > _MOST_FORM_BYTES:
        return ""
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10) if b"&" * 10 not in body else {}
    return fields.get("note", [""])[0][: answer_page.NOTE_LENGTH]


def _language(request: Request) -> Language:
    """Return the language: what `lang` says, else the first of the two that the browser names."""
    given = request.query_params.get("lang", "")
    wanted = given or request.headers.get("accept-language", "")
    for name in wanted.split(",")[:20]:
        if _KO.match(name.strip()):
            return "ko"
        if _EN.match(name.strip()):
            return "en"
    return "en"


_Note = Annotated[str, Depends(_note)]
_Language = Annotated[Language, Depends(_language)]


@routes.get("/{approval_id}/{verb}/{token}")
def show(approval_id: _Id, verb: str, token: _Token, product: Product, language: _Language) -> HTMLResponse:
    """Show what is asked, with a button; nothing changes."""
    try:
        asked, approval = _read(product, token, approval_id, verb)
        if approval.status is not ApprovalStatus.WAITING or _has_answered(approval, asked):
            return answer_page.closed(approval, language)
        return answer_page.asking(approval, verb, asked.person, language)
    except BdpError as error:
        return answer_page.failed(error, _status(error), language)


@routes.post("/{approval_id}/{verb}/{token}")
def answer(
    approval_id: _Id, verb: str, token: _Token, product: Product, note: _Note, language: _Language
) -> HTMLResponse:
    """Take the answer that the link stands for, once."""
    try:
        asked, _ = _read(product, token, approval_id, verb)
        give = product.answers.approve if asked.status is ApprovalStatus.APPROVED else product.answers.reject
        approval = give(approval_id, asked.person, note, Way.LINK, once=asked.once)
        return answer_page.answered(approval, language)
    except BdpError as error:
        return answer_page.failed(error, _status(error), language)


def _read(product: App, token: str, approval_id: str, verb: str) -> tuple[Asked, Approval]:
    asked = product.links.read(token, approval_id, verb)
    approval = product.state.approvals.get(approval_id)
    who = approver(product.settings.approvers, Way.LINK, asked.person)
    if not who.role.may(approval.role):
        raise NotEntitled(f"{who.name} may no longer answer this.", "Ask somebody who may.")
    return asked, approval


def _has_answered(approval: Approval, asked: Asked) -> bool:
    who = {vote.by for vote in approval.votes}
    return asked.person in who


def _status(error: BdpError) -> int:
    """Return the status; a link carries no token that could be sent another time, so 401 would mislead."""
    if isinstance(error, LinkOver):
        return _GONE
    return _FORBIDDEN if isinstance(error, LinkForged | NotAllowed) else status_of(error)
