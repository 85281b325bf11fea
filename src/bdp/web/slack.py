"""Clicks on buttons in Slack. Slack wants an answer within three seconds; the message is replaced afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from bdp.app import App
from bdp.decide.approvers import Way
from bdp.errors import BdpError, NotFound
from bdp.model.decision import ApprovalStatus
from bdp.notify.endpoint import call, is_listed, resolve
from bdp.notify.slack_buttons import Click, check, click_of, outcome_blocks
from bdp.settings import secret
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/slack", tags=["slack"])
log = structlog.get_logger(__name__)

ANSWER_SECONDS = 2.0
"""Then Slack is told that the click came, while the answer is still being written down."""
_CALL_SECONDS = 10.0
_working: set[asyncio.Future[None]] = set()
"""Held here, or they could be thrown away half done."""


@routes.post("/interactive")
async def interactive(request: Request, product: Product) -> Response:
    """Take a click on Approve or Reject in Slack, as that member; the request must carry the app's signature."""
    body = await request.body()
    _check(request, product, body)
    work = asyncio.ensure_future(run_in_threadpool(_take, product, click_of(body)))
    _working.add(work)
    work.add_done_callback(_working.discard)
    await asyncio.wait({work}, timeout=ANSWER_SECONDS)
    return Response()


def _check(request: Request, product: App, body: bytes) -> None:
    settings = product.settings.slack
    if not settings.signing_secret:
        raise NotFound(
            "Answers from Slack are not set up.",
            "Set signing_secret under [slack] and list people with their slack id under [approvers].",
        )
    key = resolve({"key": settings.signing_secret}, secret)["key"]
    head = request.headers
    stamp, signature = head.get("x-slack-request-timestamp", ""), head.get("x-slack-signature", "")
    check(key, stamp, body, signature, product.clock.now().timestamp())


def _take(product: App, click: Click) -> None:
    """Take the answer, then tell Slack what became of it: in place of the question, or to that member alone."""
    try:
        give = product.answers.approve if click.status is ApprovalStatus.APPROVED else product.answers.reject
        approval = give(click.approval_id, click.user, via=Way.SLACK)
        told: dict[str, Any] = {"replace_original": True, "blocks": outcome_blocks(approval, click.language)}
    except BdpError as error:
        told = _ephemeral(str(error))
    except Exception:
        log.exception("slack.click_failed", approval_id=click.approval_id)
        told = _ephemeral("BDP failed at this; see its log.")
    _tell(product, click, told)


def _tell(product: App, click: Click, told: dict[str, Any]) -> None:
    try:
        if is_listed(click.answer_at, product.settings.slack.answer_prefixes):
            key = f"slack:{click.approval_id}:{click.user}"
            call("POST", click.answer_at, told, key=key, headers={}, timeout=_CALL_SECONDS)
    except BdpError as error:
        log.warning("slack.not_told", approval_id=click.approval_id, reason=str(error))


def _ephemeral(text: str) -> dict[str, Any]:
    """Return what that member alone sees; Slack finds no mention, link or channel in it."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"replace_original": False, "response_type": "ephemeral", "text": escaped}
