"""Cost lines, with the columns of FOCUS 1.x that BDP keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

ALL_SERVICES: Final = "All services"
"""The service of what is billed for an account as a whole."""


class CostLine(msgspec.Struct, kw_only=True):
    """One charge of one account and service for one period.

    Attributes:
        charge_period_start: UTC, inclusive; FOCUS `ChargePeriodStart`.
        sku_meter: what is metered, FOCUS `SkuMeter`: the usage type of AWS, the meter of Azure, the product of OCI.
        charge_category: Usage, Purchase, Tax, Credit or Adjustment, as FOCUS has them.
        billed_cost: in `billing_currency`; FOCUS `BilledCost`.
        effective_cost: with what was paid ahead spread over its use; FOCUS `EffectiveCost`.
        detail: 16 hex digits over what else tells this charge from others, such as its description; empty where nothing
            does.
        statement: name of the delivery that it came with. What one statement says of an account's day is all of that
            day: a newer statement of the same day takes its place. A line without a statement stands by itself; a newer
            line that differs in nothing but its costs takes its place.
        stated_at: when that was said, UTC; None: when it arrives.
    """

    charge_period_start: datetime
    charge_period_end: datetime
    provider_name: str = ""
    billing_account_id: str = ""
    sub_account_id: str = ""
    sub_account_name: str = ""
    service_name: str
    region_id: str = ""
    resource_id: str = ""
    sku_meter: str = ""
    charge_category: str = "Usage"
    billed_cost: float
    effective_cost: float = 0.0
    billing_currency: str = "USD"
    tags: dict[str, str] = {}
    detail: str = ""
    statement: str = ""
    stated_at: datetime | None = None
