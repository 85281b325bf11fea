"""Collects the numbers of a stretch of time, mostly a day: records by SQL, the rest from the state."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bdp.model.anomaly import SEVERITIES
from bdp.model.batch import Ledger
from bdp.model.briefing import Briefing, Chatter, CostTrend, Trend
from bdp.model.decision import ApprovalStatus
from bdp.model.event import ABNORMAL_SQL
from bdp.model.execution import Execution
from bdp.model.incident import Incident
from bdp.ports import Approvals, Executions, Incidents, Row, Store
from bdp.sql import literal

TOP = 3
LISTED = 10
FEWEST_CALLS = 20
"""A route with fewer calls has no meaningful 95th percentile."""
USUAL_DAYS = 7
_MOST = 10_000


def collect(
    store: Store,
    incidents: Incidents,
    executions: Executions,
    approvals: Approvals,
    ledger: Mapping[str, Ledger],
    start: datetime,
    end: datetime,
) -> Briefing:
    """Return the numbers of `start` up to `end` (aware, end exclusive).

    Args:
        ledger: the stream's ledger by source; the briefing holds its sums as they are now.

    Raises:
        BadRequest: a query hit the store's limits.
    """
    found = incidents_between(incidents, start, end)
    runs = _runs(executions, found, start, end)
    before = start - (end - start)
    now_counts, before_counts = _counts(store, start, end), _counts(store, before, start)
    currency = _currency(store, start - timedelta(days=USUAL_DAYS), end)
    return Briefing(
        start_time=start,
        end_time=end,
        top=tuple(incidents.report(incident.incident_id) for incident in found[:TOP]),
        total_incidents=len(found),
        by_status=dict(Counter(incident.status.value for incident in found)),
        trends=_trends(now_counts, before_counts),
        slowest=_slowest(store, start, end),
        executions=tuple(runs),
        waiting=tuple(approvals.list(ApprovalStatus.WAITING)),
        cost_total=_cost(store, currency, start, end),
        cost_before=_cost(store, currency, before, start),
        currency=currency,
        ledger=_sums(ledger),
        tokens=sum(run.tokens for run in runs),
        money_usd=sum(run.cost_usd for run in runs),
        events=sum(row["events"] for row in now_counts),
        abnormal=sum(row["abnormal"] for row in now_counts),
        events_before=sum(row["events"] for row in before_counts),
        costs=_costs(store, currency, start, end),
        chatter=_chatter(now_counts),
    )


def incidents_between(incidents: Incidents, start: datetime, end: datetime) -> list[Incident]:
    """Return the incidents that were abnormal at some time between `start` and `end`, worst first."""
    found = [each for each in incidents.list(since=start, limit=_MOST) if each.start_time < end]
    return sorted(found, key=lambda each: (SEVERITIES.index(each.severity), -each.events, each.start_time))


def _runs(executions: Executions, found: Sequence[Incident], start: datetime, end: datetime) -> list[Execution]:
    # An incident of the past is worked on now, so its runs lie outside the stretch; one ahead of our clock by up to a
    # day (as far as intake lets it be) is worked on before its stretch begins.
    theirs = {incident.incident_id for incident in found}
    runs = executions.list(since=start - timedelta(days=1), limit=_MOST)
    return [run for run in runs if run.incident_id in theirs or start <= run.started_at < end]


def _counts(store: Store, start: datetime, end: datetime) -> list[Row]:
    return store.query(
        f"SELECT service, sum(weight) AS events, sumIf(weight, {ABNORMAL_SQL}) AS abnormal, "
        f"sumIf(weight, level = 'DEBUG') AS debug FROM events WHERE {_between('ts', start, end)} "
        f"GROUP BY service ORDER BY service LIMIT {_MOST}"
    )


def _trends(now: Sequence[Row], before: Sequence[Row]) -> tuple[Trend, ...]:
    earlier = {row["service"]: row["abnormal"] for row in before}
    today = {row["service"]: row["abnormal"] for row in now}
    trends = [
        Trend(service=service, now=today.get(service, 0.0), before=earlier.get(service, 0.0))
        for service in sorted(today.keys() | earlier.keys())
    ]
    moved = sorted(trends, key=lambda trend: (-trend.now, -trend.before, trend.service))
    return tuple(trend for trend in moved if trend.now or trend.before)[:LISTED]


def _chatter(now: Sequence[Row]) -> tuple[Chatter, ...]:
    found = [Chatter(service=row["service"], debug=row["debug"]) for row in now if row["debug"]]
    return tuple(sorted(found, key=lambda each: -each.debug)[:LISTED])


def _slowest(store: Store, start: datetime, end: datetime) -> tuple[tuple[str, float], ...]:
    # Each row counts as often as the calls that it stands for; whether there are enough is a matter of rows seen.
    rows = store.query(
        "SELECT service, route, quantileTDigestWeighted(0.95)(duration_ms, toUInt64(round(weight))) AS p95 FROM events "
        f"WHERE {_between('ts', start, end)} AND duration_ms > 0 GROUP BY service, route "
        f"HAVING count() >= {FEWEST_CALLS} ORDER BY p95 DESC, service, route LIMIT {LISTED}"
    )
    return tuple((f"{row['service']} {row['route']}".strip(), float(row["p95"])) for row in rows)


def _currency(store: Store, start: datetime, end: datetime) -> str:
    """Return the currency that most lines are in; sums of several would mean nothing."""
    rows = store.query(
        f"SELECT billing_currency FROM charges WHERE {_between('charge_period_start', start, end)} "
        "GROUP BY billing_currency ORDER BY count() DESC, billing_currency LIMIT 1"
    )
    return str(rows[0]["billing_currency"]) if rows else "USD"


def _cost(store: Store, currency: str, start: datetime, end: datetime) -> float:
    rows = store.query(f"SELECT sum(billed_cost) AS cost FROM charges WHERE {_charged(currency, start, end)}")
    return float(rows[0]["cost"])


def _costs(store: Store, currency: str, start: datetime, end: datetime) -> tuple[CostTrend, ...]:
    usual_start = start - timedelta(days=USUAL_DAYS)
    share = (end - start) / (start - usual_start)
    begin = literal(start)
    rows = store.query(
        f"SELECT service_name, sumIf(billed_cost, charge_period_start >= {begin}) AS now, "
        f"sumIf(billed_cost, charge_period_start < {begin}) AS earlier, "
        f"countIf(charge_period_start < {begin}) AS charges FROM charges "
        f"WHERE {_charged(currency, usual_start, end)} GROUP BY service_name ORDER BY now DESC, service_name LIMIT 1000"
    )
    return tuple(
        CostTrend(service=row["service_name"], now=row["now"], usual=row["earlier"] * share if row["charges"] else None)
        for row in rows
    )


def _charged(currency: str, start: datetime, end: datetime) -> str:
    return f"{_between('charge_period_start', start, end)} AND billing_currency = {literal(currency)}"


def _between(column: str, start: datetime, end: datetime) -> str:
    return f"{column} >= {literal(start)} AND {column} < {literal(end)}"


def _sums(ledger: Mapping[str, Ledger]) -> dict[str, int]:
    total: Counter[str] = Counter(Ledger().as_dict())
    for each in ledger.values():
        total.update(each.as_dict())
    return dict(total)
