"""What the abnormal events say: the most frequent message templates, counted over all events of the stretch."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from bdp.explain.bilingual import Bilingual, Count
from bdp.explain.case import Case, aware
from bdp.explain.sentences import say
from bdp.explain.templates import HEAD, SHAPE, Template, learn
from bdp.explain.wording import clock_time, moment, name, number, percent, sample
from bdp.model.evidence import EvidenceKind
from bdp.sql import literal

_MOST = 5


def collect(case: Case) -> None:
    """Add at most 5 templates; those under 1 % of the events are left out unless nothing is above."""
    total = case.found[0].value["abnormal_events"]
    templates = learn(_shapes(case)) if total else []
    for position, template in enumerate(templates[:_MOST]):
        if position == 0 or template.learned >= total / 100:
            _add(case, template, total, len(templates))


def _shapes(case: Case) -> list[tuple[str, float, str]]:
    rows = case.query(
        f"SELECT {SHAPE} AS shape, sum(weight) AS events, min(substringUTF8(message, 1, 201)) AS raw FROM events "
        f"WHERE {case.abnormal} AND message != '' GROUP BY shape "
        f"ORDER BY events DESC, shape LIMIT {case.settings.shapes:d}"
    )
    return [(row["shape"], row["events"], row["raw"]) for row in rows]


def _add(case: Case, template: Template, total: float, kinds: int) -> None:
    query = (
        f"SELECT sum(weight) AS events, min(ts) AS first_time, max(ts) AS last_time FROM events "
        f"WHERE {case.abnormal} AND match({HEAD}, {literal(template.pattern)})"
    )
    row = case.query(query)[0]
    events = number(row["events"])
    short = events < template.learned  # its pattern missed some: text that is not valid UTF-8
    events = max(events, number(template.learned))
    share = events / total
    value = {
        "template": template.shown,
        "events": events,
        "abnormal_events": total,
        "share": round(share, 4),
        "templates": kinds,
        "lower_bound": short,
    }
    when = Bilingual()
    if row["events"]:
        first, last = aware(row["first_time"]), aware(row["last_time"])
        value |= {"first_time": moment(first), "last_time": moment(last)}
        when = say("from_to", first=clock_time(first), last=clock_time(last))
    text = say(
        "template", least=say("at_least") if short else Bilingual(), events=Count(events), total=f"{total:,}",
        share=percent(share), template=name(template.shown), when=when,
    )  # fmt: skip
    case.add(EvidenceKind.TEMPLATE, value, text, query, samples=[sample(raw) for raw in template.samples])
