"""A month of a small cloud bill: daily charges by account and service, as FOCUS has them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from bdp.demo.columns import Row, rng_of
from bdp.demo.company import REGION

DAYS = 30
_SPIKE = ("AmazonCloudWatch", 3.4)

_ACCOUNTS = (("210987654301", "hanok-prod", 1.0), ("210987654302", "hanok-dev", 0.18))
# US dollars a day, growth over the month, how far a weekend falls.
_SERVICES: dict[str, tuple[float, float, float]] = {
    "AmazonEC2": (184.0, 0.02, 0.96),
    "AmazonRDS": (97.5, 0.01, 1.0),
    "AmazonEKS": (43.2, 0.0, 1.0),
    "AmazonS3": (31.4, 0.05, 1.0),
    "AmazonCloudWatch": (22.6, 0.03, 0.97),
    "AWSDataTransfer": (38.9, 0.04, 1.12),
    "AmazonMSK": (28.8, 0.0, 1.0),
    "AWSLambda": (6.7, 0.10, 0.7),
    "AmazonElastiCache": (19.2, 0.0, 1.0),
}


def bill(seed: int, day: date) -> list[Row]:
    """Return the charges of the `DAYS` days that end with `day`, in time order, in US dollars."""
    rng = rng_of(seed, day, "bill")
    return [row for back in range(DAYS - 1, -1, -1) for row in _charges(rng, day - timedelta(days=back), back)]


def _charges(rng: np.random.Generator, day: date, back: int) -> list[Row]:
    noise = rng.normal(1.0, 0.025, (len(_ACCOUNTS), len(_SERVICES)))
    rows = []
    for i, (account, name, size) in enumerate(_ACCOUNTS):
        for j, (service, (dollars, growth, weekend)) in enumerate(_SERVICES.items()):
            cost = dollars * size * (1 + growth * (DAYS - back) / DAYS) * (weekend if day.weekday() > 4 else 1.0)
            spike = _SPIKE[1] if back == 0 and i == 0 and service == _SPIKE[0] else 1.0
            rows.append(_charge(day, account, name, service, round(float(cost * spike * noise[i, j]), 4)))
    return rows


def _charge(day: date, account: str, name: str, service: str, cost: float) -> Row:
    return {
        "charge_period_start": f"{day}T00:00:00Z",
        "charge_period_end": f"{day + timedelta(days=1)}T00:00:00Z",
        "billing_account_id": "210987654300",
        "sub_account_id": account,
        "sub_account_name": name,
        "service_name": service,
        "region_id": REGION,
        "charge_category": "Usage",
        "billed_cost": cost,
        "effective_cost": cost,
        "billing_currency": "USD",
        "tags": {"env": name.removeprefix("hanok-")},
    }
