"""What changed before the onset: the service's own changes first, then those of services that fail with it."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bdp.explain.bilingual import lasting
from bdp.explain.case import Case, aware
from bdp.explain.sentences import kind_of, say
from bdp.explain.wording import moment, name, sample
from bdp.model.evidence import EvidenceKind
from bdp.sql import equals, literal, literals

_MOST = 5
_LONGEST = 500


def near_services(case: Case) -> list[str]:
    """Return the subject's service, the first failing one and those hit with it; names over 500 characters left out."""
    first = [e.value["first_service"] for e in case.of_kind(EvidenceKind.TRACE_ORDER)]
    hit = [row["service"] for e in case.of_kind(EvidenceKind.CALLERS) for row in e.value["hit_services"]]
    return [service for service in dict.fromkeys([case.service, *first, *hit]) if len(service) <= _LONGEST]


def collect(case: Case) -> None:
    """Add the changes before the onset, nearest relation first, or that there was none.

    Where no changes are fed in at all, nothing is said.
    """
    onset = case.incident.start_time
    since = onset - timedelta(minutes=case.settings.change_minutes)
    near = near_services(case)
    query = (
        f"SELECT ts, kind, service, ref, summary, multiIf({equals('service', case.service)}, 0, service IN "
        f"{literals(near)}, 1, 2) AS distance FROM changes WHERE ts >= {literal(since)} AND ts <= {literal(onset)} "
        f"ORDER BY distance, kind = 'commit', ts DESC LIMIT {_MOST}"
    )
    rows = case.query(query)
    for row in rows:
        _add(case, row, query)
    if not rows and case.query("SELECT 1 AS known FROM changes LIMIT 1"):
        minutes = case.settings.change_minutes
        text = say("no_changes", minutes=minutes)
        case.add(
            EvidenceKind.CHANGE,
            {"changes": 0, "looked_back_minutes": minutes},
            text,
            query,
            start=since,
            source="changes",
        )


def _add(case: Case, row: dict[str, Any], query: str) -> None:
    onset, at = case.incident.start_time, aware(row["ts"])
    seconds = round((onset - at).total_seconds(), 3)
    value = {
        "ref": sample(row["ref"]),
        "change_kind": row["kind"],
        "service": sample(row["service"]),
        "change_summary": row["summary"][:200],
        "time": moment(at),
        "seconds_before": seconds,
        "same_service": row["distance"] == 0,
        "related_service": row["distance"] < 2,
    }
    text = say(
        "change", kind=kind_of(row["kind"]), ref=name(row["ref"]), service=name(row["service"]), time=lasting(seconds)
    )
    case.add(EvidenceKind.CHANGE, value, text, query, start=at, source="changes")
