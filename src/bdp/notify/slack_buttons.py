"""Questions in Slack: blocks with buttons, the proof that a click comes from Slack, and what replaces them.

All text goes as plain text or as literal rich text, so nothing in it can mention people, link or format. The proof is
Slack's v0 signature: HMAC-SHA-256 over `v0:<timestamp>:<body>` with the app's signing secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BadRequest, NotAllowed
from bdp.model.decision import Approval, ApprovalStatus
from bdp.model.noun import Language
from bdp.notify.plain import one_line
from bdp.notify.question import Part, outcome, parts_of, word

WINDOW_SECONDS = 300
_ACTIONS = {"bdp_approve": ApprovalStatus.APPROVED, "bdp_reject": ApprovalStatus.REJECTED}
_LONGEST_TEXT = 2900
_CUT: dict[Language, str] = {
    "en": " […] cut here; all of it: bdp approvals {id}",
    "ko": " […] 일부만 표시됩니다. 전체 보기: bdp approvals {id}",
}


class SlackSettings(BaseModel):
    """Answers by button in Slack."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signing_secret: str = Field(
        default="", pattern=r"^(env:\w+)?$", description="env:NAME of the app's signing secret; empty: off"
    )
    answer_prefixes: tuple[str, ...] = Field(
        default=("https://hooks.slack.com/", "https://hooks.slack-gov.com/"),
        description="where a clicked message may be replaced; a click names its own address there",
    )


class Click(NamedTuple):
    """Somebody pressed a button.

    Attributes:
        user: Slack's id of the member.
        answer_at: address that takes what replaces the message.
    """

    user: str
    approval_id: str
    status: ApprovalStatus
    answer_at: str
    language: Language


def blocks(approval: Approval, language: Language = "en") -> list[dict[str, Any]]:
    """Return a question with its two buttons, as Slack's Block Kit has it."""
    head = _header(approval, language)
    told = [block for part in parts_of(approval, language) for block in _told(part, approval, language)]
    buttons = [_button("approve", "primary", approval, language), _button("reject", "danger", approval, language)]
    return [head, *told, {"type": "actions", "block_id": f"bdp:{language}", "elements": buttons}]


def outcome_blocks(approval: Approval, language: Language = "en") -> list[dict[str, Any]]:
    """Return what replaces the question: what became of it, and the buttons as long as others have to answer."""
    if approval.status is ApprovalStatus.WAITING:
        return blocks(approval, language)
    return [_header(approval, language), _section(outcome(approval, language)), _section(approval.approval_id)]


def check(secret: str, timestamp: str, body: bytes, signature: str, now: float) -> None:
    """Let a request pass that Slack signed within the last five minutes.

    Args:
        now: seconds since the epoch.

    Raises:
        NotAllowed: it did not, or the clocks differ.
    """
    fresh = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    if not fresh or abs(now - int(timestamp)) > WINDOW_SECONDS:
        raise NotAllowed("The request is too old, or has no time.", "Check the clocks; Slack sends it anew on a click.")
    if not hmac.compare_digest(signed(secret, timestamp, body).encode(), signature.encode("utf-8", "replace")):
        raise NotAllowed("The request is not signed by the Slack app.", "Compare the signing secret with the app's.")


def signed(secret: str, timestamp: str, body: bytes) -> str:
    """Return Slack's v0 signature of a body."""
    told = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()


def click_of(body: bytes) -> Click:
    """Return the click that a request of Slack tells of; its signature must be checked before.

    Raises:
        BadRequest: it tells of no click on our buttons.
    """
    try:
        told = json.loads(parse_qs(body.decode(), max_num_fields=10)["payload"][0])
        action = told["actions"][0]
        language: Language = "ko" if action.get("block_id") == "bdp:ko" else "en"
        user, value, answer_at = told["user"]["id"], action["value"], told.get("response_url", "")
        status = _ACTIONS[action["action_id"]]
        if not all(isinstance(text, str) and len(text) <= 2000 for text in (user, value, answer_at)):
            raise ValueError("no texts")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequest("This is no click on a button of BDP.", "Set this address for interactivity only.") from error
    return Click(user, value, status, answer_at, language)


def _header(approval: Approval, language: Language) -> dict[str, Any]:
    title = one_line(approval.action.worded("description", language), 140) or approval.approval_id
    return {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}


def _told(part: Part, approval: Approval, language: Language) -> list[dict[str, Any]]:
    if not part.exact:
        return [_section(_cut(f"{part.label}: {part.text}", approval, language))]
    element = {"type": "text", "text": _cut(part.text, approval, language)}
    literal = {"type": "rich_text_preformatted", "elements": [element]}
    return [_section(part.label), {"type": "rich_text", "elements": [literal]}]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _cut(text: str, approval: Approval, language: Language) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    return text[:_LONGEST_TEXT] + _CUT[language].format(id=approval.approval_id)


def _button(verb: str, style: str, approval: Approval, language: Language) -> dict[str, Any]:
    text = {"type": "plain_text", "text": word(verb, language), "emoji": False}
    return {
        "type": "button",
        "action_id": f"bdp_{verb}",
        "style": style,
        "text": text,
        "value": approval.approval_id,
    }
