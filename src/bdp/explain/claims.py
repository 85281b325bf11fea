"""Claims: what the analyst says, one sentence each, resting on numbered evidence. Prose is written from these."""

from __future__ import annotations

from collections.abc import Sequence

from bdp.explain.case import Case
from bdp.explain.evidence.metric import rounded, told, unit_of
from bdp.explain.hypotheses import Candidate
from bdp.explain.signals import SIGNALS, Signal, alone, suspect_changes
from bdp.explain.wording import agree, amount, figure, name, percent, plural
from bdp.model.analysis import Claim
from bdp.model.evidence import Evidence, EvidenceKind

_MOST_METRICS = 4
_MOST_BESIDE = 2
"""Metrics told with an incident of events."""


def write_claims(case: Case, leader: Candidate | None) -> list[Claim]:
    """Return claims, the weightiest first.

    Args:
        leader: the cause that is named; None where none is.
    """
    claims = _metrics(case, leader) if case.of_metrics else []
    # Of an incident of metrics that there is no event is no news.
    claims += [_count(case.found[0])] if case.found[0].value["abnormal_events"] or not case.series else []
    claims += [_sign(leader.sign)] if leader and leader.sign else []
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
    claims += [_metric(case, e) for e in case.moved[:_MOST_BESIDE] if not case.of_metrics]
    changed, maintained = SIGNALS["change_before_onset"](case), SIGNALS["maintenance"](case)
    # That nothing changed is worth a claim only where it limits the cause that is named; else it stays evidence.
    limiting = leader.refutes.get("no_change") if leader else None
    return claims + [_from_signal(found) for found in (changed, maintained, limiting) if found]


def extent(case: Case, leader: Candidate | None) -> str:
    """Return how much there is, in a few words: the metric that tells most, or how many abnormal events."""
    events = plural(case.found[0].value["abnormal_events"], "abnormal event")
    if not (case.of_metrics and case.series):
        return events
    if not case.moved:
        return "no metric clearly beyond its usual range"
    telling = leader.metrics[0].evidence if leader and leader.metrics else case.moved[0]
    course = case.series[telling.id]
    extreme, usual = (amount(rounded(value), unit_of(course)) for value in (course.extreme, course.usual))
    pace = " a second" if course.counter else ""
    return f"{name(course.name)} {'up' if course.up else 'down'} to {extreme}{pace} (usually {usual})"


def _metrics(case: Case, leader: Candidate | None) -> list[Claim]:
    """Say how the entity's metrics moved, those that speak for the cause first; how they were where none moved."""
    speaking = [shown.evidence for shown in leader.metrics] if leader else []
    rest = case.moved or case.of_kind(EvidenceKind.METRIC, "metric")[:2]
    return _once([_metric(case, evidence) for evidence in (*speaking, *rest)])[: max(_MOST_METRICS, len(speaking))]


def _metric(case: Case, evidence: Evidence) -> Claim:
    course = case.series[evidence.id]
    alike = [other for other in case.series.values() if other.name == course.name]
    return Claim(text=f"{told(case, course, labelled=len(alike) > 1)}.", evidence=(evidence.id,))


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
