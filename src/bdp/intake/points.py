"""Reading metric points, cost lines and changes: one by one, with a few other names for their fields."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from bdp.intake.events import check_size, read_object
from bdp.intake.fabric import is_sample, sample_points
from bdp.intake.flatten import text_of
from bdp.intake.limits import Edge
from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.times import EPOCH, check_time, read_time
from bdp.model.batch import RecordKind
from bdp.model.change import Change, ChangeKind
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
        "ProviderName": "provider_name", "ServiceProviderName": "provider_name",
        "BillingAccountId": "billing_account_id", "SubAccountId": "sub_account_id",
        "SubAccountName": "sub_account_name", "ServiceName": "service_name", "RegionId": "region_id",
        "ResourceId": "resource_id", "SkuMeter": "sku_meter",
        "ChargeCategory": "charge_category", "BilledCost": "billed_cost", "EffectiveCost": "effective_cost",
        "BillingCurrency": "billing_currency", "Tags": "tags",
    },
}  # fmt: skip
"""Name -> canonical name; the canonical one wins, other losers and FOCUS columns without a place are left out."""

_TIMES = ("ts", "charge_period_start", "charge_period_end", "stated_at")
_NUMBERS = ("value", "billed_cost", "effective_cost")
_SUM: Final = re.compile(r"(?:cost|price|quantity|amount|rate|invoice\w*|estimated)$", re.IGNORECASE)
_DETAIL_DIGITS: Final = 16
_MONEY = ("billed_cost", "effective_cost")
_MOST_MONEY = 1e15
_MAPS = ("labels", "tags")
_MAY_BE_EMPTY: Final = frozenset({"EffectiveCost", "effective_cost", "Tags", "tags"})
_NEEDED: Final = {
    RecordKind.METRICS: ("ts", "name", "value"),
    RecordKind.COSTS: ("charge_period_start", "charge_period_end", "service_name", "billed_cost"),
    RecordKind.CHANGES: ("kind",),
}
_EXPECTED: Final = {
    "kind": f"one of {', '.join(ChangeKind)}",
    **dict.fromkeys(_NUMBERS, "a number"),
    **dict.fromkeys(_MAPS, "an object"),
}
"""What a field takes that is no text."""
_LAST_DAY = datetime(2106, 1, 1, tzinfo=UTC)
"""The store keeps the ends of periods as seconds since 1970 in 32 bits, which end in February 2106."""
_FIELD = re.compile(r"`\$\.(\w{1,40})")


def points_of(kind: RecordKind, item: bytes, edge: Edge) -> Sequence[Point]:
    """Return the records that these bytes hold: several for a fabric sample, else one; raises as `point_of` does."""
    if kind is RecordKind.METRICS and is_sample(item):
        points = sample_points(item, edge)
        if points is not None:
            return points
    return (point_of(kind, item, edge),)


def point_of(kind: RecordKind, item: bytes, edge: Edge) -> Point:
    """Return the record that these bytes hold. A change without a time gets that of its arrival, as an event does.

    Raises:
        RefusedRecord: it is too large, not an object, or a field does not fit.
    """
    check_size(item, edge)
    record = read_object(item)
    detail = _detail(record) if kind is RecordKind.COSTS else ""
    fields = _renamed(kind, record)
    for name, value in fields.items():
        fields[name] = _time(name, value) if name in _TIMES else _map(value) if name in _MAPS else _text(value)
    if kind is RecordKind.CHANGES:
        fields.setdefault("ts", edge.undated or edge.now)
    elif kind is RecordKind.COSTS:
        fields.setdefault("stated_at", edge.now)
        fields.setdefault("detail", detail)
        fields.setdefault("effective_cost", fields.get("billed_cost", 0.0))
    _check_needed(kind, fields)
    try:
        point: Point = msgspec.convert(fields, SHAPES[kind], strict=False)
    except msgspec.ValidationError as error:
        raise _misfit(fields, str(error)) from None
    _check_finite(point)
    if isinstance(point, CostLine):
        _check_period(point)
    else:
        check_time(point.ts, edge.latest)
    return point


def _detail(record: dict[str, Any]) -> str:
    """Return a name for what a cost line says beyond our columns and beyond its sums, which a correction may change."""
    known, other = SHAPES[RecordKind.COSTS].__struct_fields__, OTHER_NAMES[RecordKind.COSTS]
    more = {
        name: value
        for name, value in record.items()
        if name not in known and name not in other and value not in (None, "", "NULL") and not _SUM.search(name)
    }
    if not more:
        return ""
    content = json.dumps(more, sort_keys=True, default=str)  # escapes lone surrogates, which have no UTF-8
    return hashlib.sha256(content.encode()).hexdigest()[:_DETAIL_DIGITS]


def _check_period(line: CostLine) -> None:
    """Charges may lie ahead, as reservations do, but not where the store has no days."""
    for name in ("charge_period_start", "charge_period_end"):
        if not EPOCH <= getattr(line, name) < _LAST_DAY:
            raise RefusedRecord(f"{name}: {getattr(line, name).isoformat()} is not from 1970 to {_LAST_DAY.year - 1}")


def _check_needed(kind: RecordKind, fields: dict[str, Any]) -> None:
    for name in _NEEDED[kind]:
        if name not in fields:
            raise RefusedRecord(f"{name}: missing; each record needs {', '.join(_NEEDED[kind])}")


def _misfit(fields: dict[str, Any], told: str) -> RefusedRecord:
    """Say in our own words which field has a value that it cannot take."""
    found = _FIELD.search(told)
    if found is None or found[1] not in fields:
        return RefusedRecord("a field has a value that it cannot take")
    name = found[1]
    return RefusedRecord(f"{name}: expected {_EXPECTED.get(name, 'text')}, got {shown(fields[name])}")


def _check_finite(point: Point) -> None:
    """JSON and the store have no NaN and no infinity; text and numbers out of range may mean one."""
    numbers = {name: getattr(point, name) for name in _NUMBERS if hasattr(point, name)}
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise RefusedRecord(f"{name}: {number} is not a finite number")
        if name in _MONEY and abs(number) > _MOST_MONEY:
            raise RefusedRecord(f"{name}: {number:g} is no sum of money")


def _renamed(kind: RecordKind, record: dict[str, Any]) -> dict[str, Any]:
    """Return known fields by their canonical names; an unknown one of a metric point or change is refused, not lost."""
    known = SHAPES[kind].__struct_fields__
    if kind is RecordKind.COSTS:
        record = {name: value for name, value in record.items() if not _is_absent(name, value)}
    fields = {name: value for name, value in record.items() if name in known and value is not None}
    for name, value in record.items():
        canonical = OTHER_NAMES[kind].get(name)
        if canonical is not None:
            if value is not None:
                fields.setdefault(canonical, value)
        elif name not in known and kind is not RecordKind.COSTS:
            raise RefusedRecord(f"unknown field {name[:60]!r}; the fields are {', '.join(known)}")
    return fields


def _is_absent(name: str, value: object) -> bool:
    """Tell how bills that were CSV files say that there is no value."""
    return value == "NULL" or (value == "" and name in _MAY_BE_EMPTY)


def _time(name: str, value: object) -> object:
    try:
        return read_time(value)
    except RefusedRecord as error:
        raise RefusedRecord(f"{name}{error.what.removeprefix('ts')}", error.cause) from None


def _map(value: object) -> object:
    return {text_of(key): text_of(item) for key, item in value.items()} if isinstance(value, dict) else _text(value)


def _text(value: object) -> object:
    return text_of(value) if isinstance(value, str) else value
