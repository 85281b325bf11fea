"""How the metrics of the subject's entity went: what was usual before, and the farthest value of the stretch.

For incidents of metrics all that were looked at are evidence, for those of events only the ones that moved with it.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from bdp.explain.bilingual import Bilingual, lasting
from bdp.explain.case import Case
from bdp.explain.grounding.unit import UNITS
from bdp.explain.sentences import say
from bdp.explain.series import Course, Found, Span, courses, find
from bdp.explain.wording import BYTES, amount, clean, clock_time, figure, moment, name, sample
from bdp.model.evidence import EvidenceKind

_SUFFIXES = {
    "ns": "ns", "us": "us", "µs": "us", "ms": "ms", "s": "seconds", "seconds": "seconds", "min": "minutes",
    "h": "hours", "%": "percent", "percent": "percent", **dict.fromkeys(BYTES, "bytes"),
}  # fmt: skip
"""Unit -> the end of the keys of such values, which tells whoever checks a claim what they are."""


def collect(case: Case) -> None:
    """Add a fact for each series of the entity, at most 8, the farthest moved first."""
    margin = timedelta(seconds=case.stretch.margin_seconds)
    found = find(case.store, case.service, Span.of(case.incident, margin), exactly=not case.of_metrics)
    if found is None:
        return
    case.metrics = found.names
    looked = [course for course in courses(case.store, found) if case.of_metrics or course.moved]
    alike = Counter(course.name for course in looked)
    for course in looked:
        _add(case, found, course, labelled=alike[course.name] > 1)


def told(case: Case, course: Course, *, labelled: bool = False) -> Bilingual:
    """Return how one series moved, without a full stop; for one that has no usual level, between what it was."""
    named = {"metric": name(course.name), "entity": name(case.service)}
    what = say("series_labelled", **named, labels=name(_labels(course))) if labelled else say("series", **named)
    if not course.known:
        return say("was_between", series=what, low=level(course, course.lowest), high=level(course, course.highest))
    levels = {"extreme": level(course, course.extreme), "usual": level(course, course.usual)}
    more = {"at": clock_time(course.at), "times": _times(course)}
    if course.counter:
        return say("grew", series=what, rise=amount(rounded(course.rise), unit_of(course)), **levels, **more)
    return say("reached" if course.up else "fell_to", series=what, **levels, **more)


def level(course: Course, value: float) -> Bilingual:
    """Return a level of a series with its unit; that of a counter is by the second."""
    shown = amount(rounded(value), unit_of(course))
    return say("a_second", value=shown) if course.counter else Bilingual.alike(shown)


def unit_of(course: Course) -> str:
    """Return the unit if it may stand in a sentence: one that means something else to readers of figures may not."""
    if course.counter:
        return ""
    return course.unit if course.unit in _SUFFIXES or course.unit.lower() not in UNITS else ""


def rounded(value: float) -> int | float:
    """Return a value with six digits; one that is whole stays as it is."""
    return int(value) if float(value).is_integer() else float(f"{value:.6g}")


def _add(case: Case, found: Found, course: Course, *, labelled: bool) -> None:
    before = lasting((found.span.onset - found.span.since).total_seconds())
    if course.known:
        low, high = amount(rounded(course.low), unit_of(course)), amount(rounded(course.high), unit_of(course))
        context = say("usual_range", low=low, high=high, before=before, points=f"{course.usual_points:,}")
    else:
        context = say("too_few_points", before=before, points=f"{course.usual_points:,}")
    told_so = told(case, course, labelled=labelled)
    text = say("course", told=told_so, context=context, points=f"{course.points:,}")
    evidence = case.add(
        EvidenceKind.METRIC,
        _value(case, course),
        text,
        course.query,
        start=found.span.since,
        end=found.span.until,
        source="metrics",
    )
    case.series[evidence.id] = course


def _value(case: Case, course: Course) -> dict[str, Any]:
    value: dict[str, Any] = {
        "metric": sample(clean(course.name)),
        "entity": sample(clean(case.service)),
        "labels": _labels(course),
        "unit": sample(clean(course.unit)),
        "counter": course.counter,
        "moved": course.moved,
        "usual_points": course.usual_points,
        "points": course.points,
    }
    ending = f"_{_SUFFIXES[course.unit]}" if course.unit in _SUFFIXES and not course.counter else ""
    levels = {"highest": course.highest, "lowest": course.lowest, "level": course.level}
    if course.known:
        levels |= {"usual": course.usual, "usual_low": course.low, "usual_high": course.high}
        levels |= {"extreme": course.extreme, "difference": course.extreme - course.usual}
        value["extreme_time"] = moment(course.at)
        if course.ratio is not None:
            value["ratio"] = rounded(course.ratio)
    if course.counter:
        value["rise"] = rounded(course.rise)
    return value | {f"{key}{ending}": rounded(level) for key, level in levels.items()}


def _labels(course: Course) -> str:
    return sample(clean(course.labels.strip("{}").replace("':'", "=").replace("','", ", ").strip("'")))


def _times(course: Course) -> Bilingual:
    """Return how many times the usual level it was, for a rise that is worth such a figure."""
    if not course.up or course.ratio is None or not 1.05 <= course.ratio < 1e6:
        return Bilingual()
    return say("times", ratio=figure(round(course.ratio, 1) if course.ratio < 100 else round(course.ratio)))
