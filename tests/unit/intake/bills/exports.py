"""Exports of a made bill, as Azure writes them."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

COLUMNS = (
    "Date",
    "SubscriptionId",
    "MeterCategory",
    "MeterName",
    "ResourceId",
    "Cost",
    "ChargeType",
    "BillingCurrency",
)
Row = tuple[str, ...]


def azure(*, amortized: bool, days: int = 20, resources: int = 6) -> list[Row]:
    """An export of two subscriptions whose virtual machines run on a reservation, bought on the first day."""
    chance = random.Random(7)
    rows = [] if amortized else [_row(0, "one", "Virtual Machines", "ri", 2900.0, "Purchase")]
    for day in range(days):
        for account in ("one", "two"):
            for resource in range(resources):
                service = ("Virtual Machines", "Storage", "SQL Database")[resource % 3]
                used = round(chance.uniform(0.5, 9.0), 6)
                reserved = service == "Virtual Machines"
                cost = used if not reserved else round(0.6 * used, 6) * amortized
                rows.append(_row(day, account, service, f"r{resource}", cost))
    return rows


def _row(day: int, account: str, service: str, resource: str, cost: float, kind: str = "Usage") -> Row:
    at = f"{date(2026, 2, 1) + timedelta(day):%m/%d/%Y}"
    return at, account, service, f"meter of {resource}", f"/{account}/{resource}", repr(cost), kind, "USD"


def written(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path
