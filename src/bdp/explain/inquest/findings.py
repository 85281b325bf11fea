"""What the ruling rests on, as numbered evidence and as claims that code can check."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from bdp.explain.bilingual import Bilingual, in_both, lasting, together
from bdp.explain.case import Case, aware, between
from bdp.explain.claims import claim
from bdp.explain.hypotheses import hypothesis
from bdp.explain.inquest.fault import Showing
from bdp.explain.inquest.lacking import lacking_of_cause, lacking_of_change
from bdp.explain.inquest.ruling import Ruling
from bdp.explain.inquest.scene import Scene
from bdp.explain.inquest.suspect import Suspect
from bdp.explain.locate.rank import Symptom
from bdp.explain.locate.sense import is_bad
from bdp.explain.sentences import kind_of, say
from bdp.explain.wording import amount, clock_time, figure, moment, name, sample
from bdp.model.analysis import Claim, Hypothesis
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.sql import equals

_MOST_SYMPTOMS: Final = 6
_MOST_SUSPECTS: Final = 8
_MOST_CAUSES: Final = 4
_SHOWS: Final = 0.3
_WEAK: Final = 0.05
_LONGEST: Final = 1_000
"""Characters of names; longer ones would be repeated in each query."""


def write_down(case: Case, scene: Scene, ruling: Ruling) -> list[Claim]:
    """Add the ruling's evidence to a case and return the claims that rest on it, weightiest first."""
    claims = _beginnings(case, scene, ruling)
    claims += [_oddity(case, scene, kind) for kind in scene.oddities if _speaks(ruling, kind)]
    tested = [one for one in ruling.suspects if one.score > 0 or one.effects][:_MOST_SUSPECTS]
    if ruling.culprit is not None and ruling.culprit not in tested:
        tested.insert(0, ruling.culprit)
    for suspect in tested:
        found = _suspect(case, ruling, suspect)
        if suspect is ruling.culprit:
            claims = [*_blamed(suspect, found), *claims]
    return claims


def hypotheses(ruling: Ruling, *, asked: bool, known: Collection[str] = ()) -> list[Hypothesis]:
    """Return causes and changes as they fared, best first.

    Args:
        asked: an investigation was asked for; then what nothing speaks for is told with what speaks against it.
        known: playbooks that were held against the incident; kinds of failure that they stand for are not repeated.
    """
    found = [_of_change(ruling, one) for one in ruling.suspects[:_MOST_SUSPECTS] if asked or one.score > _WEAK]
    shown = [one for one in ruling.shown if one.score > _SHOWS or (one.fault.operational and asked)]
    shown = [one for one in shown if asked or one.fault.playbook not in known]
    found += [_of_cause(ruling, one) for one in shown[: _MOST_CAUSES + 2]]
    return sorted(found, key=lambda one: -one.score)


def _beginnings(case: Case, scene: Scene, ruling: Ruling) -> list[Claim]:
    """Say how the first service and those that suffer began to."""
    wanted = [ruling.first, *ruling.blast]
    short = [one for one in scene.symptoms if len(one.node) + len(one.metric) <= _LONGEST and _visible(one)]
    bad = [one for one in short if is_bad(one.sense, one.onset.up) and one.node in wanted]
    bad.sort(key=lambda one: (wanted.index(one.node), one.metric == "abnormal events", -one.onset.strength))
    claims = []
    for symptom in bad[:_MOST_SYMPTOMS]:
        told = _events(case, scene, symptom) if symptom.metric == "abnormal events" else _metric(case, scene, symptom)
        claims.append(_claim(told))
    return claims


def _visible(symptom: Symptom) -> bool:
    """Return whether a shift can be seen in figures as people read them."""
    before, after = (amount(_rounded(level)) for level in (symptom.onset.before, symptom.onset.after))
    return before != after


def _metric(case: Case, scene: Scene, symptom: Symptom) -> Evidence:
    shift, at = symptom.onset, _time(symptom.onset.at)
    value = {
        "metric": symptom.metric,
        "entity": symptom.node,
        "before": _rounded(shift.before),
        "after": _rounded(shift.after),
        "onset": moment(at),
        "direction": "up" if shift.up else "down",
    }
    levels = {"before": amount(_rounded(shift.before)), "after": amount(_rounded(shift.after))}
    named = {"metric": name(symptom.metric), "entity": name(symptom.node)}
    text = say("rose_from" if shift.up else "fell_from", **named, **levels, at=clock_time(at))
    query = (
        f"SELECT ts, value FROM metrics WHERE {equals('name', symptom.metric)} AND {equals('entity', symptom.node)} "
        f"AND {between(scene.span.start, scene.span.end)} ORDER BY ts"
    )
    return case.add(
        EvidenceKind.ONSET, value, text, query, start=scene.span.start, end=scene.span.end, source="metrics"
    )


def _events(case: Case, scene: Scene, symptom: Symptom) -> Evidence:
    at = _time(symptom.onset.at)
    said = [one for one in scene.said if one.service == symptom.node]
    query = (
        f"SELECT sum(weight) AS events, min(ts) AS first_time, max(ts) AS last_time FROM events "
        f"WHERE {equals('service', symptom.node)} "
        f"AND {ABNORMAL_SQL} AND {between(at, scene.span.end)}"
    )
    row = case.query(query)[0]
    count, last = _whole(row["events"]), aware(row["last_time"])
    value = {"service": symptom.node, "abnormal_events": count, "onset": moment(at), "last_time": moment(last)}
    times = {"at": clock_time(at), "last": clock_time(last)}
    text = say("events_since", service=name(symptom.node), events=figure(count), **times)
    return case.add(
        EvidenceKind.ONSET, value, text, query, samples=[sample(one.text) for one in said], start=at,
        end=scene.span.end,
    )  # fmt: skip


def _speaks(ruling: Ruling, kind: str) -> bool:
    return ruling.cause is not None and kind in {**ruling.cause.fault.spans, **ruling.cause.fault.scene}


def _oddity(case: Case, scene: Scene, kind: str) -> Claim:
    oddity = scene.oddities[kind]
    query = (
        "SELECT trace_id, parent_id, service, count() AS spans FROM events WHERE parent_id != '' AND "
        f"{between(scene.span.since, scene.span.end)} GROUP BY trace_id, parent_id, service "
        "ORDER BY spans DESC LIMIT 20"
    )
    value = {"pattern": kind, **oddity.value}
    return _claim(case.add(EvidenceKind.STRUCTURE, value, oddity.said, query, start=scene.span.since))


def _suspect(case: Case, ruling: Ruling, suspect: Suspect) -> Evidence:
    seconds = round(ruling.onset - suspect.at.timestamp(), 3)
    value = {
        "tested_change": suspect.ref,
        "change_kind": suspect.kind,
        "services": list(suspect.services),
        "change_summary": suspect.summary,
        "time": moment(suspect.at),
        "seconds_before_onset" if seconds >= 0 else "seconds_after_onset": abs(seconds),
        "effects": [effect.title for effect in suspect.effects[:3]],
        "files": [file for effect in suspect.effects[:3] for file in effect.files][:5],
        "lines": [line for effect in suspect.effects[:3] for line in effect.lines],
        "settings": [
            {"setting": effect.setting.name, "old": effect.setting.old.text, "new": effect.setting.new.text}
            for effect in suspect.effects
            if effect.setting
        ][:3],
    }
    text = say("tested_before" if seconds >= 0 else "tested_after", **_what(suspect), time=lasting(abs(seconds)))
    query = f"SELECT ts, kind, service, ref, summary, diff FROM changes WHERE {equals('ref', suspect.ref)}"
    return case.add(EvidenceKind.SUSPECT, value, text, query, start=suspect.at, source="changes")


def _blamed(suspect: Suspect, found: Evidence) -> list[Claim]:
    value = found.value
    early = "seconds_before_onset" in value
    seconds = value["seconds_before_onset" if early else "seconds_after_onset"]
    key = ("tested_" if suspect.summary else "took_effect_") + ("before" if early else "after")
    said = [say(key, **_what(suspect), time=lasting(seconds))]
    for setting in value["settings"][:2]:
        said.append(say("alters", **{key: name(text) for key, text in setting.items()}))
    if not value["settings"] and value["lines"]:
        effect = suspect.effects[0]
        said.append(say("does", effect=in_both(effect, "title"), line=name(effect.lines[0])))
    return [claim(one, found.id) for one in said]


def _what(suspect: Suspect) -> dict[str, Bilingual | str]:
    return {"kind": kind_of(suspect.kind), "ref": name(suspect.ref), "summary": name(suspect.summary)}


def _claim(found: Evidence) -> Claim:
    return claim(Bilingual(found.text, found.text_ko), found.id)


def _of_change(ruling: Ruling, suspect: Suspect) -> Hypothesis:
    fault = suspect.fault.name if suspect.fault else "change"
    statement = together([say("is_to_blame", **_what(suspect)), *suspect.reasons])
    return hypothesis(fault, statement, suspect.score, together(lacking_of_change(suspect, ruling)))


def _of_cause(ruling: Ruling, showing: Showing) -> Hypothesis:
    title = in_both(showing.fault, "title")
    said = say("fault", fault=Bilingual(title.en.capitalize(), title.ko), reasons=together(showing.reasons[:3], "; "))
    statement = Bilingual(said.en.strip(), said.ko.strip())
    return hypothesis(showing.fault.name, statement, showing.score, together(lacking_of_cause(showing, ruling)))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _whole(value: float) -> int | float:
    return int(value) if float(value).is_integer() else round(value, 1)
