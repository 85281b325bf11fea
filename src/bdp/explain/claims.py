"""Claims: what the analyst says, one sentence each, resting on numbered evidence. Prose is written from these."""

from __future__ import annotations

from collections.abc import Sequence

from bdp.explain.case import Case
from bdp.explain.hypotheses import Candidate
from bdp.explain.signals import SIGNALS, Signal, alone, suspect_changes
from bdp.explain.wording import agree, figure, name, percent
from bdp.model.analysis import Claim
from bdp.model.evidence import Evidence, EvidenceKind


def write_claims(case: Case, leader: Candidate | None) -> list[Claim]:
    """Return claims, the weightiest first.

    Args:
        leader: the cause that is named; None where none is.
    """
    claims = [_count(case.found[0]), *([_sign(leader.sign)] if leader and leader.sign else [])]
    claims += [_template(found) for found in case.of_kind(EvidenceKind.TEMPLATE)[:2]]
    claims += [_from_signal(signal) for key, signal in (leader.supports if leader else {}).items() if key != "surge"]
    claims += _told(case, leader)
    return _once(claims)


def _told(case: Case, leader: Candidate | None) -> list[Claim]:
    """Say what helps with any cause: addresses under attack, over-represented values, order, reach, changes."""
    claims = [
        Claim(text=alone(row, top.value), evidence=(top.id,))
        for top in case.of_kind(EvidenceKind.ATTRIBUTE, "top")
        if _attacked(leader)
        for row in top.value["top"][:3]
    ]
    claims += [_from_evidence(e) for e in case.of_kind(EvidenceKind.ATTRIBUTE, "value")[:3]]
    claims += [_from_evidence(e) for e in case.of_kind(EvidenceKind.COUNT, "playbook_aftermath") if _attacked(leader)]
    claims += [_from_evidence(e) for e in case.of_kind(EvidenceKind.TRACE_ORDER)]
    claims += [_from_evidence(e) for e in case.of_kind(EvidenceKind.CALLERS) if e.value["services"]]
    changed = SIGNALS["change_before_onset"](case)
    # That nothing changed is worth a claim only where it limits the cause that is named; else it stays evidence.
    limiting = leader.refutes.get("no_change") if leader else None
    return claims + [_from_signal(found) for found in (changed, limiting) if found]


def culprit_change(case: Case, leader: Candidate | None) -> str | None:
    """Return the change to blame: the only suspect, of a cause that a change can bring about; else None."""
    suspects = suspect_changes(case)
    if leader is None or not leader.playbook.caused_by_change or len(suspects) != 1:
        return None
    return str(suspects[0].value["ref"]) or None


def _attacked(leader: Candidate | None) -> bool:
    return leader is not None and leader.playbook.aftermath is not None


def _count(count: Evidence) -> Claim:
    events, before = figure(count.value["abnormal_events"]), figure(count.value["abnormal_events_before"])
    text = f"{name(count.value['service'])} had {events} abnormal events, against {before} in the stretch before."
    return Claim(text=text, evidence=(count.id,))


def _sign(sign: Evidence) -> Claim:
    return Claim(
        text=f"{_part(sign)} {agree(sign.value['events'], 'shows', 'show')} signs of {name(sign.value['playbook'])}.",
        evidence=(sign.id,),
    )


def _template(found: Evidence) -> Claim:
    least = "At least " if found.value["lower_bound"] else ""
    return Claim(
        text=f"{least}{_part(found)} {agree(found.value['events'], 'reads', 'read')} {name(found.value['template'])}.",
        evidence=(found.id,),
    )


def _part(found: Evidence) -> str:
    value = found.value
    return (
        f"{figure(value['events'])} of {figure(value['abnormal_events'])} abnormal events ({percent(value['share'])})"
    )


def _from_signal(signal: Signal) -> Claim:
    return Claim(text=signal.text, evidence=signal.evidence)


def _from_evidence(evidence: Evidence) -> Claim:
    return Claim(text=evidence.text, evidence=(evidence.id,))


def _once(claims: Sequence[Claim]) -> list[Claim]:
    return list({claim.text: claim for claim in claims}.values())
