"""A bill of two accounts, with eight quiet weeks and a rise on its last days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from bdp.clock import ManualClock
from bdp.explain.analyst import Analyst
from bdp.explain.settings import ExplainSettings
from bdp.model.analysis import Analysis
from bdp.model.anomaly import AnomalyKind, Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.change import Change, ChangeKind
from bdp.model.cost import CostLine
from bdp.model.cost_result import CostKey
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry
from bdp.model.title import titled
from bdp.ports import Store
from tests.evals.korean import assert_told_in_korean

DAY = date(2026, 11, 3)
"""The first day of the rise, a Tuesday."""
NAMES = {"111": "hanok-prod", "222": "hanok-dev"}
PROD = CostKey(provider_name="AWS", account_id="111", account_name="hanok-prod", service_name="AmazonEC2")


def line(day: date, cost: float, **more: Any) -> CostLine:
    start = datetime(day.year, day.month, day.day, more.pop("hour", 0), tzinfo=UTC)
    account = more.pop("account", "111")
    fields: dict[str, Any] = {
        "provider_name": "AWS", "billing_account_id": "000", "sub_account_id": account,
        "sub_account_name": NAMES.get(account, ""), "service_name": "AmazonEC2", "region_id": "ap-northeast-2",
        "sku_meter": "BoxUsage:m5.large", "effective_cost": cost, "statement": f"bill-{day}-{account}",
    }  # fmt: skip
    return CostLine(
        charge_period_start=start, charge_period_end=start + timedelta(days=1), billed_cost=cost, **(fields | more)
    )


def usual(
    cost: float, *, days: int = 56, wave: Callable[[date], float] = lambda day: 1.0, **more: Any
) -> list[CostLine]:
    """Days before the rise, each within 2 % of a cost."""
    dates = [DAY - timedelta(days=back) for back in range(days, 0, -1)]
    return [line(day, cost * wave(day) * (1 + 0.01 * (day.toordinal() * 7 % 5 - 2)), **more) for day in dates]


def since(cost: float, *, days: int = 1, **more: Any) -> list[CostLine]:
    return [line(DAY + timedelta(days=at), cost, **more) for at in range(days)]


def change(
    hours_before: float,
    summary: str,
    *,
    service: str = "platform",
    ref: str = "CFG-1",
    kind: ChangeKind = ChangeKind.CONFIG,
    diff: str = "",
) -> Change:
    at = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) - timedelta(hours=hours_before)
    return Change(ts=at, kind=kind, service=service, ref=ref, summary=summary, diff=diff)


def fill(store: Store, lines: Iterable[CostLine], changes: Sequence[Change] = ()) -> None:
    encoder = msgspec.json.Encoder()
    payload = encoder.encode_lines(list(lines))
    store.insert(RecordKind.COSTS, payload, f"costs-{len(payload)}")
    if changes:
        store.insert(RecordKind.CHANGES, encoder.encode_lines(list(changes)), "changes")


def incident(
    *, service: str = "AmazonEC2", account: str = "hanok-prod", days: int = 1, cost: float = 0.0, expected: float = 0.0
) -> Incident:
    subject = Subject(service=service, account=account)
    start = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    data = {"kind": AnomalyKind.COST, "count": cost, "expected": expected}
    newest = start + timedelta(days=days - 1)
    return Incident(
        incident_id="I1",
        title=titled(AnomalyKind.COST, subject),
        severity=Severity.HIGH,
        status=IncidentStatus.OPEN,
        subject=subject,
        signature="0" * 16,
        start_time=start,
        last_seen=newest,
        opened_at=newest,
        events=days,
        timeline=(TimelineEntry(at=newest, kind="detected", text="Detected", data=data),),
    )


def explain(store: Store, about: Incident | None = None, **how: Any) -> Analysis:
    """Explain a cost incident; whatever it is about, it is told in Korean as well."""
    clock = ManualClock(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=how.pop("later", 3)))
    analysis = Analyst(store, ExplainSettings(), clock).explain(about or incident(), **how)
    assert_told_in_korean(analysis)
    return analysis
