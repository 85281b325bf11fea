"""What must be true after a chaos run, whatever was done to it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bdp.model.decision import Approval, ApprovalStatus
from bdp.model.incident import TRANSITIONS, Incident, IncidentStatus
from bdp.store.state import State
from tests.chaos.receiver import Effect, World
from tests.chaos.story import Story
from tests.chaos.worker import number_of

S = IncidentStatus


@dataclass
class Verdict:
    """What was counted, and what was wrong."""

    incidents: int = 0
    effects: int = 0
    requests: int = 0
    approvals: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    audit_entries: int = 0
    wrong: list[str] = field(default_factory=list)


def judge(state: State, world: World, home: Path, incidents: int) -> Verdict:
    """Return what is to be said of a run that is over."""
    verdict = Verdict()
    found = [state.incidents.get(one.incident_id) for one in state.incidents.list(limit=100_000)]
    asked: dict[str, list[Approval]] = {}
    for approval in state.approvals.list():
        asked.setdefault(approval.incident_id, []).append(approval)
        _count(verdict.approvals, approval.status)
    verdict.incidents = len(found)
    if len(found) != incidents:
        verdict.wrong.append(f"{len(found)} incidents instead of {incidents}")
    for incident in found:
        _count(verdict.ends, incident.status)
        verdict.wrong += _wrong_with(incident, asked.get(incident.incident_id, []), world)
    _effects(verdict, state, world)
    _messages(verdict, home, found)
    _runs(verdict, state)
    check = state.audit.verify()
    verdict.audit_entries = check.entries
    if not check.whole:
        verdict.wrong.append(f"the audit chain breaks at {check.broken_at}: {check.why}")
    return verdict


def _count(counts: dict[str, int], name: str) -> None:
    counts[str(name)] = counts.get(str(name), 0) + 1


def expected(story: Story, answers: list[ApprovalStatus], number: int) -> tuple[list[Effect], IncidentStatus]:
    """Return what must have taken effect, in this order, and how the incident must have ended."""
    mend = Effect(number, "mend", undone=False)
    poke, prod = ([Effect(number, name, undone=False), Effect(number, name, undone=True)] for name in ("poke", "prod"))
    if story is Story.ACTS:
        return [mend], S.RESOLVED
    if story is Story.UNDOES:
        return [*poke, mend], S.RESOLVED
    if story is Story.FAILS:
        return [*poke, *prod], S.ESCALATED
    if ApprovalStatus.APPROVED in answers:
        return [mend], S.RESOLVED
    return [], S.ESCALATED


def _wrong_with(incident: Incident, asked: list[Approval], world: World) -> list[str]:
    number = number_of(incident)
    story, answers = Story.of(number), [approval.status for approval in asked]
    effects, status = expected(story, answers, number)
    wrong = []
    if world.of(number) != effects:
        wrong.append(f"{number} ({story.name}, {answers}): took effect {world.of(number)}, not {effects}")
    if incident.status is not status:
        wrong.append(f"{number} ({story.name}, {answers}) is {incident.status}, not {status}")
    if story in (Story.SILENT, Story.REJECTED) and ApprovalStatus.APPROVED in answers:
        wrong.append(f"{number} ({story.name}) was approved")
    for approval in asked:
        people = {vote.by.strip().casefold() for vote in approval.votes if vote.status is ApprovalStatus.APPROVED}
        if approval.status is ApprovalStatus.WAITING:
            wrong.append(f"{number} still waits for an answer")
        if approval.status is ApprovalStatus.APPROVED and len(people) != approval.needed:
            wrong.append(f"{number} was approved by {people}, {approval.needed} are needed")
    return wrong + [f"{number}: {why}" for why in _life(incident)]


def _life(incident: Incident) -> list[str]:
    """Say what is wrong with its moves. Their times are of clocks that were stepped: the moves must form one way."""
    moves = [(S(entry.data["from"]), S(entry.data["to"])) for entry in incident.timeline if entry.kind == "status"]
    wrong = [f"moved from {one} to {other}" for one, other in moves if other not in TRANSITIONS[one]]
    return wrong if _is_way(S.OPEN, moves, incident.status) else [*wrong, f"its moves are no way: {moves}"]


def _is_way(at: IncidentStatus, moves: list[tuple[IncidentStatus, IncidentStatus]], end: IncidentStatus) -> bool:
    """Return whether the moves, in some order, lead from one status to the other, each used once."""
    if not moves:
        return at is end
    following = {number: move for number, move in enumerate(moves) if move[0] is at}
    return any(_is_way(to, moves[:number] + moves[number + 1 :], end) for number, (_, to) in following.items())


def _effects(verdict: Verdict, state: State, world: World) -> None:
    verdict.effects, verdict.requests = len(world.effects), world.requests.total()
    given = {permit.key for one in state.incidents.list(limit=100_000) for permit in state.permits.of(one.incident_id)}
    for key in world.effects:
        if key.removesuffix(":undo") not in given:
            verdict.wrong.append(f"{key} took effect without leave")
    repeated = [effect for effect, count in Counter(world.effects.values()).items() if count > 1]
    verdict.wrong += [f"{effect} took effect under several keys" for effect in repeated]


def _messages(verdict: Verdict, home: Path, found: list[Incident]) -> None:
    lines = [json.loads(line) for line in (home / "notifications.ndjson").read_text().splitlines()]
    verdict.messages = len(lines)
    told = Counter(line["key"] for line in lines)
    verdict.wrong += [f"the message {key} came {count} times" for key, count in told.items() if count > 1]
    events = {(line["incident_id"], line["event"]) for line in lines}
    for incident in found:
        if incident.status is S.ESCALATED and (incident.incident_id, "ESCALATION_REQUIRED") not in events:
            verdict.wrong.append(f"{number_of(incident)} was handed over without a word")


def _runs(verdict: Verdict, state: State) -> None:
    rows = state.executions.list(limit=1_000_000)
    if len({row.execution_id for row in rows}) != len(rows):
        verdict.wrong.append("a run stands in the log twice")
