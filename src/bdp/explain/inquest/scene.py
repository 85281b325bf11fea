"""The scene of an incident: which signals of which services shifted, who calls whom, what was said and changed.

    metrics   every series of the span, by steps of its length over 600; the clearest shift of each
    events    abnormal messages by service and shape, with the first time and how often; a rise of them is a symptom
    spans     who calls whom, and what is odd in the structure of traces
    changes   all from a day before to the end

Bounds: 400 series, 600 points each; 400 shapes; 20,000 spans; 300 changes with 60,000 characters of diff each.
"""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from bdp.explain.bilingual import Bilingual, Count
from bdp.explain.case import aware, between
from bdp.explain.inquest.outbreak import MINUTE, outbreak
from bdp.explain.inquest.step import Series
from bdp.explain.locate.graph import CallGraph, graph_of_spans
from bdp.explain.locate.onset import Onset, onset
from bdp.explain.locate.rank import Symptom
from bdp.explain.locate.sense import Sense, is_victim, sense_of
from bdp.explain.sentences import say
from bdp.explain.wording import amount, figure, name
from bdp.model.event import ABNORMAL_SQL
from bdp.ports import Row, Store

BEFORE: Final = timedelta(hours=6)
SEARCHED: Final = timedelta(hours=1)
"""How long before the incident was told its signals may have begun to shift."""

AFTER: Final = timedelta(hours=1)
CHANGED: Final = timedelta(hours=24)
_POINTS = 600
_MOST_SERIES = 400
_MOST_SHAPES = 400
_MOST_SPANS = 20_000
_MOST_CHANGES = 300
_LEAST_ERRORS = 3
_SHORT = 3
_RETRY = re.compile(r"(?i)\bretry\b")
_SURE = 100.0
_FAN_OUT = 10
_ABOUT = "arrayStringConcat(arrayMap((k, v) -> concat(k, '=', v), mapKeys(attributes), mapValues(attributes)), ' ')"
_REASONS = (
    "arrayStringConcat(mapValues(mapFilter((k, v) -> "
    "match(lower(k), 'err|exception|reason|cause|stack|detail|desc'), attributes)), ' ')"
)
_SHAPE = "replaceRegexpAll(substringUTF8(message, 1, 200), '[0-9a-fA-F]{8,}|[0-9]+', '#')"


@dataclass(frozen=True)
class Span:
    """The time that is looked at: `since` to `told` is searched for the begin, what lies before is the base."""

    start: datetime
    since: datetime
    told: datetime
    end: datetime

    @classmethod
    def of(cls, told: datetime, end: datetime, begun: datetime | None = None) -> Span:
        """Return the span of an incident that was told at a time.

        Args:
            end: of the incident, or the newest time that is known.
            begun: when it is known to have begun, if it is.
        """
        since = min(told, begun or told) - SEARCHED
        return cls(since - BEFORE, since, told, min(end, told + AFTER))


@dataclass(frozen=True)
class Said:
    """Abnormal messages of one shape of one service.

    Attributes:
        attributes: of one of them, as `name=value`; reasons: the values of those that tell an error.
        before: how many there were before the search began.
        seconds: epoch seconds of the first one since.
        different: how many different texts they had, about; 0 where that is not known.
        minutes: how many there were in each epoch minute.
    """

    service: str
    text: str
    attributes: str
    reasons: str
    count: float
    before: float
    seconds: float
    different: float = 0.0
    minutes: Mapping[int, float] = field(default_factory=dict)

    @property
    def victim(self) -> bool:
        """It says that the other side gave up."""
        return is_victim(self.text)


@dataclass(frozen=True)
class Oddity:
    """Something odd.

    Attributes:
        strength: 0 to 1.
        said: one sentence.
        value: its figures and names.
    """

    strength: float
    said: Bilingual
    value: dict[str, Any]


@dataclass
class Scene:
    """What there is to judge.

    Attributes:
        alert: words of what told of it; alerted: an alert did, else they are the incident's title.
        oddities: what is odd in the structure of traces or of the whole.
        internal: names of services of one's own.
        known_from: epoch seconds from which on there are events, at most the time from which on is searched.
        series: of each service the times and levels of its metrics.
    """

    span: Span
    graph: CallGraph
    symptoms: list[Symptom] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    oddities: dict[str, Oddity] = field(default_factory=dict)
    changes: list[Row] = field(default_factory=list)
    alert: str = ""
    alerted: bool = True
    internal: frozenset[str] = frozenset()
    known_from: float = 0.0
    series: dict[str, list[Series]] = field(default_factory=dict)


def look(store: Store, span: Span, alert: str = "", *, alerted: bool = True) -> Scene:
    """Return the scene of a span.

    Args:
        alert: words of the alert that told it, or the incident's title where none did.
        alerted: they are an alert's.

    Raises:
        BadRequest: the store hit a limit.
        StoreUnavailable: try again later.
    """
    spans = _spans(store, span)
    graph = graph_of_spans((row["trace_id"], row["span_id"], row["parent_id"], row["service"]) for row in spans)
    scene = Scene(span, graph, alert=alert, alerted=alerted)
    scene.said = _said(store, span)
    scene.known_from = _known_from(store, span)
    scene.internal = _internal(store, span)
    scene.symptoms = _metric_symptoms(store, span, scene)
    scene.symptoms += _error_symptoms(span, scene)
    scene.graph = _with_named(scene)
    scene.changes = _changes(store, span)
    scene.oddities = _oddities(spans, span, scene)
    scene.spoken = [row["message"] for row in spans if row["failed"]][:200]
    return scene


def _metric_symptoms(store: Store, span: Span, scene: Scene) -> list[Symptom]:
    found = []
    for row in _series(store, span):
        times, values = (np.array(row[column], dtype=np.float64) for column in ("times", "levels"))
        scene.series.setdefault(row["entity"], []).append((times, values))
        shift = onset(times, values, since=span.since.timestamp()) or onset(times, values)
        if shift is not None and shift.at >= span.since.timestamp() - 1:
            found.append(Symptom(row["entity"], sense_of(row["name"], row["unit"]), shift, row["name"]))
    return found


def _series(store: Store, span: Span) -> list[Row]:
    step = max(1, round((span.end - span.start).total_seconds() / _POINTS))
    when = between(span.start, span.end)
    known = (
        f"SELECT name, entity FROM metrics WHERE {when} AND entity != '' AND isFinite(value) "
        f"GROUP BY name, entity ORDER BY count() DESC, name, entity LIMIT {_MOST_SERIES}"
    )
    steps = (
        f"SELECT name, entity, max(unit) AS of_unit, intDiv(toUnixTimestamp(ts), {step}) AS place, "
        f"min(toUnixTimestamp(ts)) AS at, avg(value) AS level FROM metrics WHERE {when} AND isFinite(value) "
        f"AND (name, entity) IN ({known}) GROUP BY name, entity, place ORDER BY name, entity, place"
    )
    query = (
        "SELECT name, entity, max(of_unit) AS unit, groupArray(at) AS times, groupArray(level) AS levels "
        f"FROM ({steps}) GROUP BY name, entity ORDER BY name, entity"
    )
    return store.query(query)


def _said(store: Store, span: Span) -> list[Said]:
    since = int(span.since.timestamp())
    query = (
        f"SELECT service, {_SHAPE} AS shape, any(substringUTF8(message, 1, 300)) AS text, "
        f"any(substringUTF8({_ABOUT}, 1, 600)) AS about, any(substringUTF8({_REASONS}, 1, 600)) AS why, "
        f"sumIf(weight, toUnixTimestamp(ts) >= {since}) AS times, "
        f"sumIf(weight, toUnixTimestamp(ts) < {since}) AS earlier, "
        "uniq(message) AS different, sumMap([intDiv(toUnixTimestamp(ts), 60)], [toFloat64(weight)]) AS minutes, "
        f"minIf(toUnixTimestamp64Micro(ts), toUnixTimestamp(ts) >= {since}) / 1000000 AS first_time "
        f"FROM events WHERE {ABNORMAL_SQL} AND {between(span.start, span.end)} "
        f"GROUP BY service, shape HAVING times > 0 ORDER BY times DESC, service, shape LIMIT {_MOST_SHAPES}"
    )
    return [
        Said(
            row["service"],
            row["text"],
            row["about"],
            row["why"],
            float(row["times"]),
            float(row["earlier"]),
            float(row["first_time"]),
            float(row["different"]),
            dict(zip(*row["minutes"], strict=True)),
        )
        for row in store.query(query)
    ]


def _known_from(store: Store, span: Span) -> float:
    query = f"SELECT min(ts) AS first, count() AS found FROM events WHERE {between(span.start, span.since)}"
    row = store.query(query)[0]
    return float(aware(row["first"]).timestamp() if row["found"] else span.since.timestamp())


def _error_symptoms(span: Span, scene: Scene) -> list[Symptom]:
    """Return for each service whose abnormal events rose since when they did.

    What a caller gave up, and what a service says of another one that is in trouble itself, counts little.
    """
    found = []
    troubled = {one.node for one in scene.symptoms} | {one.service for one in scene.said}
    for service in dict.fromkeys(one.service for one in scene.said):
        mine = [one for one in scene.said if one.service == service]
        own = [one for one in mine if not one.victim] or mine
        count, before = sum(one.count for one in own), sum(one.before for one in own)
        burst = outbreak([one.minutes for one in own], scene.known_from, span.end.timestamp())
        if count < _LEAST_ERRORS or burst is None or burst.start + MINUTE <= span.since.timestamp():
            continue
        at = min([one.seconds for one in own if 0 <= one.seconds - burst.start < MINUTE], default=burst.start)
        others = sum(one.count for one in own if _named(one, troubled))
        weight = 0.3 if all(one.victim for one in mine) or others >= count / 2 else 0.9
        strength = _SURE if burst.outside == 0 else min(_SURE, 10.0 * burst.inside / burst.outside)
        shift = Onset(at, True, before, count, strength, span.end.timestamp())
        found.append(Symptom(service, Sense.ERRORS, shift, "abnormal events", weight))
    return found


def _named(one: Said, services: Iterable[str]) -> list[str]:
    """Return other services that a message names."""
    text = one.text.lower()
    return [
        service
        for service in services
        if len(service) > _SHORT
        and service != one.service
        and re.search(rf"(?<![\w-]){re.escape(service.lower())}(?![\w-])", text)
    ]


def _with_named(scene: Scene) -> CallGraph:
    """Return the graph with calls that only messages tell: whoever complains of a service calls it."""
    calls = dict(scene.graph.calls)
    services = scene.internal | {one.node for one in scene.symptoms}
    for one in scene.said:
        for service in _named(one, services):
            if one.count >= _LEAST_ERRORS and not one.victim:
                calls[one.service, service] = calls.get((one.service, service), 0.0) + one.count
    return CallGraph(calls)


def _spans(store: Store, span: Span) -> list[Row]:
    query = (
        f"SELECT trace_id, span_id, parent_id, service, route, duration_ms, {ABNORMAL_SQL} AS failed, "
        f"substringUTF8(message, 1, 300) AS message, attributes['span.name'] AS operation, "
        f"attributes['peer.service'] AS peer, toUnixTimestamp64Micro(ts) / 1000000 AS at FROM events "
        f"WHERE span_id != '' AND {between(span.start, span.end)} ORDER BY abs(at - {span.told.timestamp():.0f}), "
        f"trace_id, at, span_id LIMIT {_MOST_SPANS}"
    )
    return store.query(query)


def _changes(store: Store, span: Span) -> list[Row]:
    query = (
        "SELECT ts, kind, service, ref, author, summary, substringUTF8(diff, 1, 60000) AS patch FROM changes "
        f"WHERE {between(span.told - CHANGED, span.end)} ORDER BY ts DESC, kind, ref LIMIT {_MOST_CHANGES}"
    )
    return [{**row, "ts": aware(row["ts"])} for row in store.query(query)]


def _internal(store: Store, span: Span) -> frozenset[str]:
    rows = store.query(f"SELECT DISTINCT service FROM events WHERE {between(span.start, span.end)} LIMIT 2000")
    return frozenset(row["service"] for row in rows)


def _oddities(spans: Sequence[Row], span: Span, scene: Scene) -> dict[str, Oddity]:
    late = [row for row in spans if row["at"] >= span.since.timestamp()]
    early = [row for row in spans if row["at"] < span.since.timestamp()]
    found = {
        "fan_out": _fan_out(spans),
        "external": _external(late, scene),
        "retried": _retried(late, early),
        "surge": _surge(scene),
        "repeated": _repeated(scene),
    }
    return {kind: oddity for kind, oddity in found.items() if oddity is not None}


def _external(late: Sequence[Row], scene: Scene) -> Oddity | None:
    """Return that failing calls go to somebody who is no service of ours."""
    outside = [row for row in late if row["failed"] and row["peer"] and row["peer"] not in scene.internal]
    hosts = _hosts(scene)
    if not outside and not hosts:
        return None
    who = outside[0]["peer"] if outside else hosts[0]
    return Oddity(1.0 if outside and hosts else 0.8, say("external", who=name(who)), {"peer": who})


def _retried(late: Sequence[Row], early: Sequence[Row]) -> Oddity | None:
    count, before = (sum(bool(_RETRY.search(row["operation"] or "")) for row in rows) for rows in (late, early))
    if count <= before:
        return None
    return Oddity(0.7, say("retried", spans=Count(count)), {"spans": count})


def _fan_out(spans: Sequence[Row]) -> Oddity | None:
    """Return that one parent makes many equal calls."""
    calls: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in spans:
        if row["parent_id"]:
            calls[row["trace_id"], row["parent_id"]][row["service"], row["operation"] or row["route"]] += 1
    most = [counts.most_common(1)[0] for counts in calls.values() if counts]
    top = max(most, key=lambda one: one[1], default=None)
    if top is None or top[1] < _FAN_OUT:
        return None
    (service, operation), count = top
    said = say("fan_out", calls=Count(count), operation=name(operation or service), service=name(service))
    return Oddity(1.0, said, {"calls": count, "operation": operation or service, "service": service})


_IDENTIFIED = re.compile(
    r"(?i)\b(offset|message_?id|record_?id|order_?id|batch_?id|key|line|row|record|message|event|file|document)"
    r"[\"'=: ]+((?=[\w-]*\d)[\w-]{1,60})"
)
_LEAST_REPEATED = 5
_SHARE_REPEATED = 0.4
_SURGE = 1.5
_HOST = re.compile(r"(?i)(?:https?://|host[=: ]+|to |lookup )([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})(?![\w.]*\()")
_OURS = (".svc", ".local", ".internal", ".cluster")


def _hosts(scene: Scene) -> list[str]:
    """Return hosts of others that abnormal messages name, the most frequent first."""
    counts: Counter[str] = Counter()
    for one in scene.said:
        for host in set(_HOST.findall(f"{one.text} {one.attributes}")):
            plain = host.lower()
            if not plain.endswith(_OURS) and plain.split(".")[0] not in scene.internal:
                counts[plain] += round(one.count)
    return [host for host, count in counts.most_common() if count >= _LEAST_ERRORS]


def _surge(scene: Scene) -> Oddity | None:
    """Return that traffic rose at a service whose callers' traffic did not rise before it: it comes from outside."""
    rose = [
        one
        for one in scene.symptoms
        if one.sense is Sense.TRAFFIC and one.onset.up and one.onset.ratio >= _SURGE and one.onset.before > 0
    ]
    bad = [one.onset.at for one in scene.symptoms if one.sense in {Sense.ERRORS, Sense.LATENCY, Sense.SATURATION}]
    for one in sorted(rose, key=lambda symptom: symptom.onset.at):
        if not scene.graph.callers(one.node) and (not bad or one.onset.at <= min(bad) + 300):
            before, after = (float(f"{level:.4g}") for level in (one.onset.before, one.onset.after))
            levels = {"before": amount(before), "after": amount(after)}
            said = say("traffic_rose", metric=name(one.metric), entity=name(one.node), **levels)
            value = {"metric": one.metric, "entity": one.node, "before": before, "after": after, "direction": "up"}
            return Oddity(min(1.0, one.onset.ratio / 3), said, value)
    return None


def _repeated(scene: Scene) -> Oddity | None:
    """Return that one and the same identified thing fails again and again, at one service."""
    found = []
    for service in dict.fromkeys(one.service for one in scene.said):
        mine = [one for one in scene.said if one.service == service]
        total = round(sum(one.count for one in mine))
        found += [(count / total, count, total, key, value, service) for count, key, value in _identified(mine)]
    share, count, total, key, value, service = max(found, default=(0.0, 0, 0, "", "", ""))
    if count < _LEAST_REPEATED or share < _SHARE_REPEATED:
        return None
    many, about = Count(total), name(value)
    said = say("same_again", events=figure(count), total=many, service=name(service), key=key, value=about)
    told = {"service": service, "events": count, "abnormal_events": total, "key": key, "which": value}
    return Oddity(0.8, said, told)


def _identified(said: Sequence[Said]) -> list[tuple[int, str, str]]:
    """Return how often each thing is named: by messages that are all alike, or by those of several shapes."""
    keys = {value: key.lower() for one in said for key, value in _IDENTIFIED.findall(f"{one.text} {one.attributes}")}
    found = []
    for value, key in keys.items():
        naming = [one for one in said if value in one.text or value in one.attributes]
        alike = [one for one in naming if one.count > 1 and one.different <= 1 + 0.1 * one.count]
        sure = naming if len(naming) > 1 else alike
        found.append((round(sum(one.count for one in sure)), key, value))
    return found
