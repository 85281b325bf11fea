"""Which other services are hit: those that fail in the same traces, or with the same error code in the same stretch."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from typing import Any

from bdp.explain.bilingual import Count, together
from bdp.explain.case import Case
from bdp.explain.evidence.trace_order import traces_of
from bdp.explain.sentences import say
from bdp.explain.wording import name, number, sample
from bdp.model.event import ABNORMAL_SQL
from bdp.model.evidence import EvidenceKind
from bdp.sql import equals, literals

_MOST = 10


def collect(case: Case) -> None:
    """Add the services that are hit with the subject's (at most 10); nothing is added where no link is known."""
    links = _links(case)
    if not links:
        return
    query = (
        f"SELECT service, sum(weight) AS events FROM events WHERE {ABNORMAL_SQL} AND {case.stretch.sql} "
        f"AND NOT {equals('service', case.service)} AND ({links}) "
        f"GROUP BY service ORDER BY events DESC, service LIMIT {_MOST}"
    )
    rows: list[dict[str, Any]] = [
        {"service": sample(row["service"]), "events": number(row["events"])} for row in case.query(query)
    ]
    value = {"hit_services": rows, "services": len(rows)}
    if rows:
        parts = (say("fails_with_it", service=name(row["service"]), events=Count(row["events"])) for row in rows)
        text = say("fail_with_it", services=Count(len(rows)), parts=together(parts, "; "))
    else:
        text = say("none_fails_with_it")
    case.add(EvidenceKind.CALLERS, value, text, query)


def _links(case: Case) -> str:
    traces = traces_of(case)
    code = case.incident.subject.error_code
    links = [f"trace_id IN {literals(traces)}"] if traces else []
    return " OR ".join([*links, *([equals("error_code", code)] if code else [])])
