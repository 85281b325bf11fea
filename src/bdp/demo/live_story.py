"""The live play as a story: incidents' timelines as lines for people, and what came of each question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bdp.model.action import WorkflowEvent
from bdp.model.decision import Approval, ApprovalStatus
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry

_AT_REST = frozenset({IncidentStatus.RESOLVED, IncidentStatus.ESCALATED})


@dataclass(frozen=True)
class Line:
    """One line of the story.

    Attributes:
        who: speaks or acts, in one word.
    """

    at: datetime
    who: str
    text: str


class Story:
    """Tells each entry of each incident once, in words for somebody who watches."""

    def __init__(self) -> None:
        self._told: dict[str, Counter[TimelineEntryKey]] = {}

    def news(self, incident: Incident) -> Iterator[Line]:
        """Yield what happened to an incident since the last call."""
        told = self._told.setdefault(incident.incident_id, Counter())
        now = Counter(_key(entry) for entry in incident.timeline)
        fresh = now - told
        for entry in incident.timeline:
            if fresh[_key(entry)]:
                fresh[_key(entry)] -= 1
                if line := _line(entry, incident):
                    yield line
        self._told[incident.incident_id] = now


TimelineEntryKey = tuple[datetime, str, str]


def _key(entry: TimelineEntry) -> TimelineEntryKey:
    return entry.at, entry.kind, entry.text


_BODY = " with {"
"""What follows was shown with the question."""

_WHO = {
    "detected": "found",
    "analysis": "explained",
    "approval": "answered",
    "verification": "checked",
    "undo": "undone",
    "event": "told",
}


def _line(entry: TimelineEntry, incident: Incident) -> Line | None:
    """Return an entry as a line; None for what is told by another one."""
    if entry.kind == "status":
        if entry.data.get("to") != IncidentStatus.ACTING:
            return None
        text = entry.text.removeprefix("Action: ").partition(_BODY)[0]
        return Line(entry.at, "acts" if text.startswith("POST ") else "looks", text)
    if entry.kind == "action":
        return Line(entry.at, "", entry.text)
    if entry.kind == "event" and entry.data.get("event") == WorkflowEvent.REMEDIATION_ERROR:
        return None  # its words are those of the hand-over, which follows
    if entry.kind not in _WHO:
        return None
    text = f"{incident.title}. {entry.text}" if entry.kind == "detected" else entry.text
    if entry.kind == "analysis" and "confidence" in entry.data:
        text += f" (confidence {entry.data['confidence']:.2f})"
    return Line(entry.at, _WHO[entry.kind], text)


@dataclass(frozen=True)
class Act:
    """One question and what came of it.

    Attributes:
        asked: what for.
        answer: by whom it was approved, else how it stands.
        outcome: what came of it, in words.
    """

    asked: str
    answer: str
    outcome: str


@dataclass(frozen=True)
class Chapter:
    """One incident of the play.

    Attributes:
        found, ended: seconds after the fault began; `ended` is None while it goes on.
    """

    title: str
    found: float
    ended: float | None
    status: IncidentStatus
    acts: tuple[Act, ...]


def chapter(incident: Incident, approvals: Sequence[Approval], began: datetime) -> Chapter:
    """Return what came of an incident.

    Args:
        approvals: its questions, in any order.
        began: when the fault behind it did.
    """
    asked = sorted(approvals, key=lambda approval: approval.requested_at)
    ends = [entry.at for entry in incident.timeline if _ends(entry)]
    acts = []
    for number, approval in enumerate(asked):
        until = asked[number + 1].requested_at if number + 1 < len(asked) else None
        since = approval.requested_at
        during = [one for one in incident.timeline if since <= one.at and (until is None or one.at < until)]
        acts.append(Act(approval.action.description, _answer(approval), _outcome(approval, during)))
    return Chapter(
        title=incident.title,
        found=(incident.opened_at - began).total_seconds(),
        ended=(ends[-1] - began).total_seconds() if ends and incident.status in _AT_REST else None,
        status=incident.status,
        acts=tuple(acts),
    )


def _ends(entry: TimelineEntry) -> bool:
    return entry.kind == "status" and entry.data.get("to") in _AT_REST


def _answer(approval: Approval) -> str:
    if approval.status is ApprovalStatus.APPROVED:
        return approval.decided_by
    if approval.status is ApprovalStatus.WAITING:
        return "nobody yet"
    return f"nobody: {approval.status.replace('_', ' ')}"


def _outcome(approval: Approval, during: Sequence[TimelineEntry]) -> str:
    if approval.status is not ApprovalStatus.APPROVED:
        return "not done"
    checked = [bool(entry.data.get("gone")) for entry in during if entry.kind == "verification"]
    if not checked:
        acted = any(entry.kind == "status" and entry.data.get("to") == IncidentStatus.VERIFYING for entry in during)
        return "not checked" if acted else "not done"
    if checked[-1]:
        return "helped"
    undone = any(entry.kind == "undo" and entry.text.startswith("Taken back") for entry in during)
    return "did not help, undone" if undone else "did not help"
