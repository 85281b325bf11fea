"""The look-up for what is billed: by which names it can be asked about."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from bdp.explain.agents.bench import Bench, Span
from bdp.explain.agents.tools.days import DAY, midnight, newest_charge
from bdp.explain.agents.tools.scope import Times
from bdp.explain.wording import clean, figure, name, sample
from bdp.model.evidence import Evidence, EvidenceKind

_SHOWN: Final = 8
_MOST: Final = 1_000


class Listing(Times):
    """Which services are billed."""

    limit: int | None = Field(default=None, ge=1, le=100)


def billed(bench: Bench, given: Listing) -> Evidence:
    """List what was billed in the days before the newest charge, the dearest first."""
    newest = newest_charge(bench)
    end = midnight(newest or bench.now) + DAY
    span = Span(end - bench.longest, end)
    query = (
        f"SELECT service_name AS part FROM charges WHERE {span.of('charge_period_start')} AND service_name != '' "
        f"GROUP BY part ORDER BY sum(abs(billed_cost)) DESC, part LIMIT {_MOST}"
    )
    found = [sample(clean(row["part"])) for row in bench.query(query)] if newest else []
    rows: list[dict[str, Any]] = [{"service_name": one} for one in found[: bench.rows(given.limit)]]
    parts = ", ".join(name(row["service_name"]) for row in rows[:_SHOWN])
    count = figure(len(found))
    text = bench.say(
        f"{count} services are billed, the dearest first: {parts}" if rows else "0 services are billed",
        f"비용이 청구된 서비스 {count}개, 큰 순서로: {parts}" if rows else "비용이 청구된 서비스 0개",
    )
    value = {"rows": rows, "services": len(found)}
    return bench.add(EvidenceKind.COUNT, value, f"{text}.", query, span, source="costs")
