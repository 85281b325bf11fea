"""Claims: what the analyst says, one sentence each, resting on numbered evidence. Prose is written from these."""

from __future__ import annotations

from collections.abc import Sequence

from bdp.explain.bilingual import Bilingual, Count, lasting
from bdp.explain.case import Case
from bdp.explain.cost_words import cost_extent, cost_rise
from bdp.explain.evidence.count import whose
from bdp.explain.evidence.metric import level, rounded, told, unit_of
from bdp.explain.hypotheses import Candidate
from bdp.explain.sentences import say
from bdp.explain.signals import SIGNALS, Signal, alone, suspect_changes
from bdp.explain.wording import amount, figure, name, percent
from bdp.model.analysis import Claim
from bdp.model.evidence import Evidence, EvidenceKind

_MOST_METRICS = 4
_MOST_PARTS = 4
_MOST_BESIDE = 2
"""Metrics told with an incident of events."""


def write_claims(case: Case, leader: Candidate | None) -> list[Claim]:
    """Return claims, the weightiest first.

    Args:
        leader: the cause that is named; None where none is.
    """
    if case.of_costs:
        return _once(_costs(case, leader))
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
        claim(alone(row, top.value), top.id)
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


def extent(case: Case, leader: Candidate | None) -> Bilingual:
    """Return how much there is, in a few words: the metric that tells most, or how many abnormal events."""
    if case.of_costs:
        return cost_extent(case)
    events = say("much", events=Count(case.found[0].value["abnormal_events"]))
    if not (case.of_metrics and case.series):
        return events
    if not case.moved:
        return say("none_moved")
    telling = leader.metrics[0].evidence if leader and leader.metrics else case.moved[0]
    course = case.series[telling.id]
    levels = {"extreme": level(course, course.extreme), "usual": amount(rounded(course.usual), unit_of(course))}
    return say("up_to" if course.up else "down_to", metric=name(course.name), **levels)


def _costs(case: Case, leader: Candidate | None) -> list[Claim]:
    """Say how far it rose, then what speaks for the cause, then the largest parts and what moved against it."""
    rise = case.found[0]
    told = cost_rise(rise)
    claims = [claim(told, rise.id)] if told else [_from_evidence(rise)]
    claims += [_from_evidence(shown.evidence) for shown in (leader.speaking if leader else ())]
    parts = list(case.of_kind(EvidenceKind.COST, "share"))
    claims += [_from_evidence(e) for e in sorted(parts, key=lambda e: -abs(e.value["share"]))[:_MOST_PARTS]]
    claims += [_from_evidence(e) for e in case.found if not {"share", "subject"} & e.value.keys()][:_MOST_PARTS]
    return claims + [_from_evidence(e) for e in case.of_kind(EvidenceKind.COST, "last_day")[1:]]


def _metrics(case: Case, leader: Candidate | None) -> list[Claim]:
    """Say how the entity's metrics moved, those that speak for the cause first; how they were where none moved."""
    speaking = [shown.evidence for shown in leader.metrics] if leader else []
    rest = case.moved or case.of_kind(EvidenceKind.METRIC, "metric")[:2]
    return _once([_metric(case, evidence) for evidence in (*speaking, *rest)])[: max(_MOST_METRICS, len(speaking))]


def _metric(case: Case, evidence: Evidence) -> Claim:
    course = case.series[evidence.id]
    alike = [other for other in case.series.values() if other.name == course.name]
    return claim(told(case, course, labelled=len(alike) > 1) + Bilingual.alike("."), evidence.id)


def culprit_change(case: Case, leader: Candidate | None) -> str | None:
    """Return the change to blame: the only suspect, of a cause that a change can bring about; else None."""
    if case.of_costs:
        blamed = leader is not None and leader.playbook.caused_by_change and case.bill is not None
        return case.bill.culprit or None if blamed and case.bill else None
    suspects = suspect_changes(case)
    if leader is None or not leader.playbook.caused_by_change or len(suspects) != 1:
        return None
    return str(suspects[0].value["ref"]) or None


def _attacked(leader: Candidate | None) -> bool:
    return leader is not None and leader.playbook.aftermath is not None


def claim(said: Bilingual, *evidence: str) -> Claim:
    """Return a claim that rests on evidence with these ids."""
    return Claim(text=said.en, text_ko=said.ko, evidence=evidence)


def _count(count: Evidence) -> Claim:
    events, before = figure(count.value["abnormal_events"]), figure(count.value["abnormal_events_before"])
    first, last = (count.value.get(key, "") for key in ("first_time", "last_time"))
    when = say("from_to", first=first[11:19], last=last[11:19]) if first else Bilingual()
    length = lasting(count.value["stretch_seconds"])
    said = say("had_events", subject=whose(count.value), events=events, when=when, length=length, before=before)
    return claim(said, count.id)


def _sign(sign: Evidence) -> Claim:
    return claim(say("shows_sign", **_part(sign), mechanism=name(sign.value["playbook"])), sign.id)


def _template(found: Evidence) -> Claim:
    least = say("at_least") if found.value["lower_bound"] else Bilingual()
    first, last = (found.value.get(key, "")[11:19] for key in ("first_time", "last_time"))
    when = say("from_to", first=first, last=last) if first else Bilingual()
    return claim(say("reads", **_part(found), least=least, template=name(found.value["template"]), when=when), found.id)


def _part(found: Evidence) -> dict[str, object]:
    value = found.value
    total, share = figure(value["abnormal_events"]), percent(value["share"])
    return {"events": Count(value["events"]), "total": total, "share": share}


def _from_signal(signal: Signal) -> Claim:
    return claim(signal.text, *signal.evidence)


def _from_evidence(evidence: Evidence) -> Claim:
    return claim(Bilingual(evidence.text, evidence.text_ko), evidence.id)


def _once(claims: Sequence[Claim]) -> list[Claim]:
    return list({claim.text: claim for claim in claims}.values())
