"""Bills on their way into a real store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec
import numpy as np

from bdp.model.batch import RecordKind
from bdp.model.cost import CostLine
from bdp.ports import Store

FIRST: Final = date(2026, 3, 2)


def line(day: int, cost: float, **more: Any) -> CostLine:
    """One charge, so many days after the first."""
    begin = datetime.combine(FIRST + timedelta(days=day), time(), UTC)
    fields: dict[str, Any] = {
        "provider_name": "AWS", "billing_account_id": "0", "sub_account_id": "1", "sub_account_name": "prod",
        "service_name": "Amazon S3", "effective_cost": cost, "stated_at": begin + timedelta(days=1),
    }  # fmt: skip
    return CostLine(
        charge_period_start=begin, charge_period_end=begin + timedelta(days=1), billed_cost=cost, **(fields | more)
    )


def lines(costs: Iterable[float], begin: int = 0, **more: Any) -> list[CostLine]:
    """Charges of days in a row."""
    return [line(begin + place, float(cost), **more) for place, cost in enumerate(costs)]


def even(level: float, days: int, seed: int = 1) -> list[float]:
    found: list[float] = (level * np.exp(np.random.default_rng(seed).normal(0, 0.03, days))).round(2).tolist()
    return found


def put(store: Store, charges: Sequence[CostLine]) -> None:
    """Insert charges as a batch that came in."""
    payload = msgspec.json.Encoder().encode_lines(list(charges))
    store.insert(RecordKind.COSTS, payload, hashlib.sha256(payload).hexdigest())
