"""Which service fails first along the traces of the abnormal events."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from bdp.explain.bilingual import Count
from bdp.explain.case import Case
from bdp.explain.sentences import say
from bdp.explain.wording import name, sample
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import EvidenceKind
from bdp.sql import literals

_LONGEST = 128
"""A longer trace id is not one."""


def traces_of(case: Case) -> list[str]:
    """Return traces of the incident and of its abnormal events, oldest first, bounded by the settings."""
    rows = case.query(
        f"SELECT trace_id, min(ts) AS since FROM events WHERE {case.abnormal} "
        f"AND length(trace_id) BETWEEN 1 AND {_LONGEST} "
        f"GROUP BY trace_id ORDER BY since, trace_id LIMIT {case.settings.traces:d}"
    )
    found = [*case.incident.related_traces, *(row["trace_id"] for row in rows)]
    return list(dict.fromkeys(trace for trace in found if 0 < len(trace) <= _LONGEST))[: case.settings.traces]


def collect(case: Case) -> None:
    """Add the first failing service: the deepest failing span where spans name their parents, else the earliest event.

    A caller's span begins before its callee's, so where links are known depth decides, not time. A trace in which two
    services are first at the same time says nothing and is left out.
    """
    traces = traces_of(case)
    if not traces:
        return
    query = _query(f"{ABNORMAL_SQL} AND trace_id IN {literals(traces)} AND {case.stretch.sql}")
    rows = case.query(query)
    if not rows:
        return
    first, clear = sample(rows[0]["first_service"]), sum(row["traces"] for row in rows)
    value = {
        "first_service": first,
        "traces": clear,
        "traces_first": rows[0]["traces"],
        "services": [{"service": sample(row["first_service"]), "traces_first": row["traces"]} for row in rows],
    }
    text = say("fails_first", first=f"{rows[0]['traces']:,}", traces=Count(clear), service=name(first))
    case.add(EvidenceKind.TRACE_ORDER, value, text, query)


def _query(failing: str) -> str:
    parents = f"(SELECT trace_id, parent_id FROM events WHERE {failing} AND parent_id != '')"
    calls_a_failing_one = f"(span_id != '' AND (trace_id, span_id) IN {parents})"
    by_service = (
        f"SELECT trace_id, service, min(({calls_a_failing_one}, ts)) AS place FROM events WHERE {failing} "
        "GROUP BY trace_id, service"
    )
    by_trace = (
        f"SELECT trace_id, argMin(service, place) AS first_service FROM ({by_service}) GROUP BY trace_id "
        "HAVING countEqual(groupArray(place), min(place)) = 1"
    )
    return (
        f"SELECT first_service, count() AS traces FROM ({by_trace}) "
        "GROUP BY first_service ORDER BY traces DESC, first_service LIMIT 100"
    )
