"""Cost lines (FOCUS 1.0 columns)."""

from __future__ import annotations

from datetime import datetime

import msgspec


class CostLine(msgspec.Struct, kw_only=True):
    """One charge of one account and service for one period.

    Attributes:
        charge_period_start: UTC, inclusive; FOCUS `ChargePeriodStart`.
        billed_cost: in `billing_currency`; FOCUS `BilledCost`.
    """

    charge_period_start: datetime
    charge_period_end: datetime
    billing_account_id: str = ""
    sub_account_id: str = ""
    sub_account_name: str = ""
    service_name: str
    region_id: str = ""
    charge_category: str = "Usage"
    billed_cost: float
    effective_cost: float = 0.0
    billing_currency: str = "USD"
    tags: dict[str, str] = {}
