"""Reading metric points, cost lines and changes: one by one, with a few other names for their fields."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import msgspec

from bdp.intake.events import check_size, read_object
from bdp.intake.flatten import text_of
from bdp.intake.limits import Edge
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import check_time, read_time
from bdp.model.batch import RecordKind
from bdp.model.change import Change
from bdp.model.cost import CostLine
from bdp.model.metric import MetricPoint

Point = MetricPoint | CostLine | Change

SHAPES: Final[dict[RecordKind, type[Point]]] = {
    RecordKind.METRICS: MetricPoint,
    RecordKind.COSTS: CostLine,
    RecordKind.CHANGES: Change,
}

OTHER_NAMES: Final[dict[RecordKind, dict[str, str]]] = {
    RecordKind.METRICS: {
        "timestamp": "ts", "@timestamp": "ts", "time": "ts", "metric_name": "name", "attributes": "labels",
    },
    RecordKind.CHANGES: {
        "timestamp": "ts", "@timestamp": "ts", "time": "ts", "type": "kind", "sha": "ref", "commit": "ref",
        "commit_sha": "ref", "version": "ref", "message": "summary", "title": "summary", "id": "change_id",
    },
    RecordKind.COSTS: {
        "ChargePeriodStart": "charge_period_start", "ChargePeriodEnd": "charge_period_end",
        "BillingAccountId": "billing_account_id", "SubAccountId": "sub_account_id",
        "SubAccountName": "sub_account_name", "ServiceName": "service_name", "RegionId": "region_id",
        "ChargeCategory": "charge_category", "BilledCost": "billed_cost", "EffectiveCost": "effective_cost",
        "BillingCurrency": "billing_currency", "Tags": "tags",
    },
}  # fmt: skip
"""Name -> canonical name; the canonical one wins, other losers and FOCUS columns without a place are left out."""

_TIMES = ("ts", "charge_period_start", "charge_period_end")
_NUMBERS = ("value", "billed_cost", "effective_cost")
_MAPS = ("labels", "tags")


def point_of(kind: RecordKind, item: bytes, edge: Edge) -> Point:
    """Return the record that these bytes hold.

    Raises:
        RefusedRecord: it is too large, not an object, or a field does not fit.
    """
    check_size(item, edge)
    fields = _renamed(kind, read_object(item))
    for name, value in fields.items():
        if value is not None:
            fields[name] = _TIDY.get(name, _text)(value)
    try:
        point: Point = msgspec.convert(fields, SHAPES[kind], strict=False)
    except msgspec.ValidationError as error:
        raise RefusedRecord(str(error).replace(" - at `$.", " - in `")) from None
    _check_finite(point)
    if not isinstance(point, CostLine):
        check_time(point.ts, edge.latest)
    return point


def _check_finite(point: Point) -> None:
    """JSON and the store have no NaN and no infinity; text and numbers out of range may mean one."""
    numbers = {name: getattr(point, name) for name in _NUMBERS if hasattr(point, name)}
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise RefusedRecord(f"{name}: {number} is not a finite number")


def _renamed(kind: RecordKind, record: dict[str, Any]) -> dict[str, Any]:
    """Return known fields by their canonical names; an unknown one of a metric point or change is refused, not lost."""
    known = SHAPES[kind].__struct_fields__
    fields = {name: value for name, value in record.items() if name in known and value is not None}
    for name, value in record.items():
        canonical = OTHER_NAMES[kind].get(name)
        if canonical is not None:
            fields.setdefault(canonical, value)
        elif name not in known and kind is not RecordKind.COSTS:
            raise RefusedRecord(f"unknown field {name[:60]!r}; the fields are {', '.join(known)}")
    return fields


def _map(value: object) -> object:
    return {text_of(key): text_of(item) for key, item in value.items()} if isinstance(value, dict) else _text(value)


def _text(value: object) -> object:
    return text_of(value) if isinstance(value, str) else value


_TIDY: dict[str, Callable[[Any], object]] = {
    **dict.fromkeys(_TIMES, read_time),
    **dict.fromkeys(_MAPS, _map),
}
