"""The bill of one cost incident: whose it is, how far it rose, what the rise is made of, and what that shows."""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from bdp.explain.costs.attribution import Parts
from bdp.explain.costs.usual import COLUMNS, LEAST_DAYS, Usual, payer_of, usual, whose, within
from bdp.model.anomaly import Subject
from bdp.model.cost import ALL_SERVICES
from bdp.model.cost_result import CostKey, Driver
from bdp.ports import Store
from bdp.sql import equals


@dataclass(frozen=True)
class Shown:
    """One thing that a bill shows, by its name in `signs.py`.

    Attributes:
        name: of the part that shows it; empty where it is no part.
        evidence: that says so.
    """

    sign: str
    evidence: str
    name: str = ""


@dataclass
class Bill:
    """What is known of a bill so far.

    Attributes:
        column: of the money that the incident is about.
        proof: evidence of each driver, by dimension and name.
        shown: what it shows.
        culprit: `ref` of the one change that is connected best, and well.
    """

    key: CostKey
    column: str
    whole: Usual
    parts: Parts = field(default_factory=lambda: Parts((), {}, ""))
    proof: dict[tuple[str, str], str] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    culprit: str = ""

    @property
    def rose(self) -> bool:
        """It cost clearly more than usual, as far as that is known."""
        return len(self.whole.before) >= LEAST_DAYS and self.whole.rose

    @property
    def query(self) -> str:
        """SQL that shows each part of it day by day, for people."""
        since, last = self.whole.first - timedelta(days=14), self.whole.last
        return (
            f"SELECT toDate(charge_period_start) AS day, charge_category, sku_meter, region_id, resource_id, "
            f"sum({self.column}) AS cost FROM charges WHERE {whose(self.key)} AND {within(since, last)} "
            f"GROUP BY ALL ORDER BY day DESC, cost DESC LIMIT 1000"
        )

    @property
    def billed(self) -> str:
        """What is billed and which usage types rose, for names to be sought in."""
        meters = [one.name for one in self.parts.drivers if one.dimension == "usage type" and one.share > 0]
        return " ".join([self.key.service_name, *meters])

    def of(self, *dimensions: str) -> list[Driver]:
        """Return the drivers of some dimensions, the largest moves first."""
        return [one for one in self.parts.drivers if one.dimension in dimensions]


def keys_of(store: Store, subject: Subject, first: date, last: date) -> tuple[list[CostKey], str]:
    """Return whose costs a subject means, the dearest on the days of the rise first, and the SQL that says so.

    An account is called by its name or its id.
    """
    account = subject.account
    called = " OR ".join(equals(column, account) for column in ("sub_account_name", "account_id", "billing_account_id"))
    service = "1" if account and subject.service == ALL_SERVICES else equals("service_name", subject.service)
    where = f"{service}{f' AND ({called})' if account else ''}"
    days = within(first - timedelta(days=7), last)
    account_id = "if(sub_account_id = '', billing_account_id, sub_account_id) AS account_id"
    query = (
        f"SELECT provider_name, billing_account_id, {account_id}, billing_currency, "
        f"sumIf(abs(billed_cost), {within(first, last)}) AS paid FROM charges WHERE {where} AND {days} "
        f"GROUP BY provider_name, billing_account_id, account_id, billing_currency "
        f"ORDER BY paid DESC, account_id LIMIT 20"
    )
    return [
        CostKey(
            provider_name=str(row["provider_name"]),
            billing_account_id=str(row["billing_account_id"]),
            account_id=str(row["account_id"]) if account else "",
            account_name=account,
            service_name=subject.service,
            currency=str(row["billing_currency"]),
        )
        for row in store.query(query)
    ], query


def measured(store: Store, key: CostKey, first: date, last: date, told: float | None) -> tuple[str, Usual]:
    """Return the column of money that an incident is about, and its days; billed where nothing tells.

    Args:
        told: what the incident says that its day cost.
    """
    billed = usual(store, whose(key), first, last, COLUMNS[0], payer_of(key))
    if told is None or not billed.days or _near(billed, told):
        return COLUMNS[0], billed
    effective = usual(store, whose(key), first, last, COLUMNS[1], payer_of(key))
    return (COLUMNS[1], effective) if _near(effective, told) else (COLUMNS[0], billed)


def _near(one: Usual, told: float) -> bool:
    return any(abs(one.costs[day] - told) <= 0.005 * max(abs(told), 1e-9) for day in one.days)
