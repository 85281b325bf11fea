"""Which attribute values abnormal events carry far more often than normal ones."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bdp.explain.case import Case, between
from bdp.explain.sentences import say
from bdp.explain.wording import figure, name, number, percent
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import EvidenceKind
from bdp.sql import equals, literal

_COLUMNS = ("route", "error_code", "user_id", "client_ip")
_CANDIDATES = 24
_MOST = 5
_LEAST_SHARE = 0.1
_LEAST_LIFT = 2.0
_LEAST_BASELINE = 20
_LONGEST = 200


@dataclass(frozen=True)
class Pair:
    """One field with one value, as a person writes it and as SQL asks for it."""

    field: str
    value: str

    @property
    def sql(self) -> str:
        """SQL condition that is true for an event with this value."""
        if self.field == "status":
            return f"status = {int(self.value):d}"
        column = self.field
        if column.startswith("attributes."):
            column = f"attributes[{literal(column.removeprefix('attributes.'))}]"
        return f"{column} = {literal(self.value)}"


def collect(case: Case) -> None:
    """Add at most 5 values, each with exact counts among abnormal events and in the baseline.

    The baseline is the service's normal events in a stretch of equal length before (an hour at least); where there are
    fewer than 20, its normal events of the stretch itself. Without either, nothing is over-represented.
    """
    candidates = _candidates(case)
    baseline = _baseline(case) if candidates else ""
    if not baseline:
        return
    chosen = _chosen(case, candidates, baseline)
    for pair in chosen[:_MOST]:
        _add(case, pair, baseline)


def _candidates(case: Case) -> list[Pair]:
    columns = ", ".join(f"('{column}', {column})" for column in _COLUMNS)
    pairs = (
        f"arrayConcat([{columns}, ('status', if(status = 0, '', toString(status)))], arrayMap((k, v) -> "
        f"(concat('attributes.', k), v), mapKeys(attributes), mapValues(attributes)))"
    )
    sample = (
        f"SELECT arrayFilter(p -> p.2 != '' AND lengthUTF8(p.2) <= {_LONGEST} AND lengthUTF8(p.1) <= {_LONGEST}, "
        f"{pairs}) AS pairs FROM events WHERE {case.abnormal} ORDER BY ts DESC LIMIT {case.settings.attribute_sample:d}"
    )
    rows = case.query(
        f"SELECT pair.1 AS field, pair.2 AS value, count() AS events, (SELECT count() FROM ({sample})) AS total "
        f"FROM ({sample}) ARRAY JOIN pairs AS pair GROUP BY field, value HAVING events >= {_LEAST_SHARE} * total "
        f"ORDER BY events DESC, field, value LIMIT {_CANDIDATES}"
    )
    fixed = {"route", "error_code"} if case.exactly else set()
    return [Pair(row["field"], row["value"]) for row in rows if row["field"] not in fixed]


def _baseline(case: Case) -> str:
    stretch, most = case.stretch, case.settings.baseline_events
    length = max(stretch.end - stretch.start, timedelta(minutes=case.settings.baseline_minutes))
    normal = f"{equals('service', case.service)} AND NOT {ABNORMAL_SQL}"
    before = f"{normal} AND {between(stretch.start - length, stretch.start)}"
    rows = _size(case, before)
    if rows > most:  # a shorter span, exact in itself, keeps the cost bounded
        return f"{normal} AND {between(stretch.start - length * (most / rows), stretch.start)}"
    if rows >= _LEAST_BASELINE:
        return before
    beside = f"{normal} AND {stretch.sql}"
    return beside if _size(case, beside) >= _LEAST_BASELINE else ""


def _size(case: Case, where: str) -> int:
    """Return how many rows were seen, which is what a share rests on, however many events each stands for."""
    found: int = case.query(f"SELECT count() AS found FROM events WHERE {where}")[0]["found"]
    return found


def _chosen(case: Case, candidates: list[Pair], baseline: str) -> list[Pair]:
    counts = ", ".join(f"sumIf(weight, {pair.sql}) AS c{i}" for i, pair in enumerate(candidates))
    hit, usual = (
        case.query(f"SELECT count() AS found, sum(weight) AS total, {counts} FROM events WHERE {where}")[0]
        for where in (case.abnormal, baseline)
    )
    if usual["found"] < _LEAST_BASELINE:  # a shortened baseline can be nearly empty
        return []
    ranked = []
    for i, pair in enumerate(candidates):
        share, before = hit[f"c{i}"] / hit["total"], usual[f"c{i}"] / usual["total"]
        if share >= _LEAST_SHARE and (before == 0 or share / before >= _LEAST_LIFT):
            ranked.append((before - share, pair.field, pair.value, pair))
    return _one_a_field([pair for *_, pair in sorted(ranked)])


def _one_a_field(pairs: list[Pair]) -> list[Pair]:
    """Put the best value of each field first: three values of one field say less than three fields."""
    first = {pair.field: pair for pair in reversed(pairs)}
    best = [pair for pair in pairs if first[pair.field] is pair]
    return best + [pair for pair in pairs if pair not in best]


def _add(case: Case, pair: Pair, baseline: str) -> None:
    counts = f"sumIf(weight, {pair.sql})"
    query = (
        f"SELECT 1 AS abnormal, {counts} AS events, sum(weight) AS total FROM events WHERE {case.abnormal} UNION ALL "
        f"SELECT 0 AS abnormal, {counts} AS events, sum(weight) AS total FROM events WHERE {baseline}"
    )
    rows = {row["abnormal"]: (number(row["events"]), number(row["total"])) for row in case.query(query)}
    value = _value(pair, *rows[1], *rows[0])
    keys = {"events": "events", "total": "abnormal_events", "usual": "baseline_matching", "normal": "baseline_events"}
    figures = {word: figure(value[key]) for word, key in keys.items()}
    text = say("value", field=name(pair.field), value=name(pair.value), share=percent(value["share"]), **figures)
    case.add(EvidenceKind.ATTRIBUTE, value, text, query)


def _value(pair: Pair, events: float, total: float, usual: float, baseline: float) -> dict[str, Any]:
    share, before = events / total, usual / baseline
    value: dict[str, Any] = {
        "field": pair.field,
        "value": pair.value,
        "events": events,
        "abnormal_events": total,
        "share": round(share, 4),
        "baseline_matching": usual,
        "baseline_events": baseline,
        "baseline_share": round(before, 4),
    }
    return value | ({"lift": round(share / before, 2)} if before else {})
