"""Look-ups for words: which names are stored, and where a text stands that is the name of nothing."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from bdp.explain.agents.bench import Bench
from bdp.explain.agents.tools.scope import Scope, Times
from bdp.explain.wording import clean, figure, name, number, sample
from bdp.model.evidence import Evidence, EvidenceKind
from bdp.sql import literal

_SHOWN: Final = 5


class Listing(Times):
    """Which services there are."""

    limit: int | None = Field(default=None, ge=1, le=100)


class Mention(Scope):
    """A text that is looked for."""

    text: str = Field(min_length=1, max_length=200, description="part of a message or of a name, upper or lower case")


def services(bench: Bench, given: Listing) -> Evidence:
    """List services by how many events they have."""
    span = given.span(bench)
    query = (
        f"SELECT service AS part, sum(weight) AS found FROM events WHERE {span.sql} GROUP BY part "
        f"ORDER BY found DESC, part LIMIT {bench.rows(given.limit)}"
    )
    rows: list[dict[str, Any]] = [
        {"service": sample(clean(row["part"])) or "(empty)", "events": number(row["found"])}
        for row in bench.query(query)
    ]
    count = bench.say("{} events", "이벤트 {}건")
    parts = [f"{name(row['service'])} {count.format(figure(row['events']))}" for row in rows[:_SHOWN]]
    head = bench.say("Services with most events", "이벤트가 가장 많은 서비스")
    text = f"{head}: {'; '.join(parts)}." if parts else bench.say("0 events are stored here.", "이 기간의 이벤트 0건.")
    return bench.add(EvidenceKind.COUNT, {"rows": rows, "events_rows": len(rows)}, text, query, span)


def mentions(bench: Bench, given: Mention) -> Evidence:
    """Count events that have a text in their message, service, route, error code, user or address."""
    span = given.span(bench)
    wanted = literal(given.text)
    columns = ("message", "service", "route", "error_code", "user_id", "client_ip")
    has = " OR ".join(f"positionCaseInsensitiveUTF8({column}, {wanted}) > 0" for column in columns)
    query = (
        f"SELECT service AS part, sum(weight) AS found FROM events WHERE {given.where(span)} AND ({has}) "
        f"GROUP BY part ORDER BY found DESC, part LIMIT 1000"
    )
    found = bench.query(query)
    total = number(sum(row["found"] for row in found))
    rows: list[dict[str, Any]] = [
        {"service": sample(clean(row["part"])) or "(empty)", "events": number(row["found"])}
        for row in found[: bench.rows()]
    ]
    text, count = name(given.text), figure(total)
    head = bench.say(
        f"{count} events mention {text}" if total != 1 else f"1 event mentions {text}",
        f"{text}: 언급하는 이벤트 {count}건",
    )
    each = bench.say("{} events", "이벤트 {}건")
    parts = [f"{name(row['service'])} {each.format(figure(row['events']))}" for row in rows[:_SHOWN]]
    value = {"text": clean(given.text), "events": total, "rows": rows}
    return bench.add(EvidenceKind.COUNT, value, "; ".join([head, *parts]) + ".", query, span)
