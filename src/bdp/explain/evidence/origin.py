"""Who is behind the abnormal events: client addresses and the users that they tried."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from typing import Any

from bdp.explain.bilingual import Count, together
from bdp.explain.case import Case
from bdp.explain.sentences import say
from bdp.explain.wording import name, number, percent, sample
from bdp.model.evidence import Evidence, EvidenceKind

_MOST = 5


def collect(case: Case) -> None:
    """Add how many addresses and users there are, and the addresses with most events (at most 5)."""
    query = (
        "SELECT sum(weight) AS events, uniqExact(client_ip) AS addresses, uniqExactIf(user_id, user_id != '') AS users "
        f"FROM events WHERE {case.abnormal} AND client_ip != ''"
    )
    row = case.query(query)[0]
    if not row["addresses"]:
        return
    value = {
        "field": "client_ip",
        "events": number(row["events"]),
        "addresses": row["addresses"],
        "users": row["users"],
    }
    value["abnormal_events"] = case.found[0].value["abnormal_events"]
    counts = {key: Count(value[key]) for key in ("events", "addresses", "users")}
    text = say("addressed", **counts)
    case.add(EvidenceKind.ATTRIBUTE, value, text, query)
    _top(case, value["events"], value["abnormal_events"])


def _top(case: Case, addressed: float, total: float) -> Evidence:
    query = (
        "SELECT client_ip, sum(weight) AS events, uniqExactIf(user_id, user_id != '') AS users FROM events "
        f"WHERE {case.abnormal} AND client_ip != '' GROUP BY client_ip ORDER BY events DESC, client_ip LIMIT {_MOST}"
    )
    rows = [_address(row, addressed, total) for row in case.query(query)]
    head = sum(row["events"] for row in rows)
    value = {
        "field": "client_ip",
        "top": rows,
        "top_events": number(head),
        "top_share": round(head / addressed, 4),
        "events_with_address": addressed,
        "abnormal_events": total,
    }
    parts = (
        say("top_address", address=name(row["client_ip"]), events=Count(row["events"]), share=percent(row["share"]))
        for row in rows
    )
    text = say("top_addresses", total=Count(total), parts=together(parts, "; "))
    return case.add(EvidenceKind.ATTRIBUTE, value, text, query)


def _address(row: dict[str, Any], addressed: float, total: float) -> dict[str, Any]:
    events = number(row["events"])
    return {
        "client_ip": sample(row["client_ip"]),
        "events": events,
        "share": round(events / total, 4),
        "share_with_address": round(events / addressed, 4),
        "users": row["users"],
    }
