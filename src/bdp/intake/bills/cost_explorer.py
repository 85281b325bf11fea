"""AWS Cost Explorer's answers to `get_cost_and_usage`, as cost lines: `lines_of` reads one parsed answer.

Groups become columns: SERVICE is the service, LINKED_ACCOUNT the account, REGION (or AZ) the region, USAGE_TYPE the
meter, RESOURCE_ID the resource, RECORD_TYPE the charge category, TAG and COST_CATEGORY a tag. Groups by anything else
stay apart as lines that add up. Without SERVICE the service is `All services`.

The billed cost is the first of UnblendedCost, NetUnblendedCost, BlendedCost, AmortizedCost, NetAmortizedCost that is
there; the effective cost is AmortizedCost or NetAmortizedCost, else the billed one. Days and hours are read. A longer
period has no days in it, and making them up would hide what happened in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from bdp.errors import BadRequest
from bdp.intake.bills.line_types import category_of
from bdp.intake.bills.values import moment_of, number_of
from bdp.intake.flatten import sound
from bdp.intake.refusal import RefusedRecord
from bdp.model.cost import ALL_SERVICES, CostLine

RESULTS: Final = "ResultsByTime"
_BILLED: Final = ("UnblendedCost", "NetUnblendedCost", "BlendedCost", "AmortizedCost", "NetAmortizedCost")
_EFFECTIVE: Final = ("AmortizedCost", "NetAmortizedCost")
_COLUMNS: Final = {
    "SERVICE": "service_name", "LINKED_ACCOUNT": "sub_account_id", "PAYER_ACCOUNT": "billing_account_id",
    "REGION": "region_id", "AZ": "region_id", "USAGE_TYPE": "sku_meter", "RESOURCE_ID": "resource_id",
}  # fmt: skip
_LONGEST: Final = timedelta(days=1)

Refuse = Callable[[RefusedRecord, bytes], None]
"""Told of one group that is no cost, with the group as JSON."""


def lines_of(
    answer: Mapping[str, Any],
    *,
    account_names: Mapping[str, str] | None = None,
    billing_account_id: str = "",
    sub_account_id: str = "",
    statement: str = "",
    stated_at: datetime | None = None,
    refuse: Refuse | None = None,
) -> Iterator[CostLine]:
    """Yield the cost lines of one answer (one page), as boto3 returns it or its JSON is parsed.

    Args:
        account_names: name of an account by its id; the answer's own `DimensionValueAttributes` go first.
        billing_account_id: the payer, which an answer does not name.
        sub_account_id: the account, where the answer is not grouped by LINKED_ACCOUNT.
        statement: the delivery that it came with; all pages of one asking have the same. See `CostLine`.
        refuse: told of a bad group, whose neighbours pass; without it the first one raises.

    Raises:
        BadRequest: it is no such answer, has no metric of costs, or its periods are longer than a day.
        RefusedRecord: a group is bad, and there is no `refuse`.
    """
    reading = _Answer(answer, account_names or {})
    given = {
        "billing_account_id": billing_account_id,
        "sub_account_id": sub_account_id,
        "statement": statement,
        "stated_at": stated_at,
    }
    for result in reading.results:
        start, end = _period(result)
        for group in reading.groups(result):
            try:
                fields = given | reading.columns(group)
                yield CostLine(charge_period_start=start, charge_period_end=end, **fields)
            except RefusedRecord as error:
                if refuse is None:
                    raise
                refuse(error, msgspec.json.encode(group))


class _Answer:
    """One answer, with what its groups mean."""

    def __init__(self, answer: Mapping[str, Any], names: Mapping[str, str]) -> None:
        self.results = _objects(answer.get(RESULTS), RESULTS)
        self._keys = [
            (_text(known, "Type") or "DIMENSION", _text(known, "Key"))
            for known in _objects(answer.get("GroupDefinitions", []), "GroupDefinitions")
        ]
        described = _objects(answer.get("DimensionValueAttributes", []), "DimensionValueAttributes")
        own = {_text(value, "Value"): _text(_object(value, "Attributes"), "description") for value in described}
        self._names = {**names, **{account: name for account, name in own.items() if name}}

    def groups(self, result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Return the groups of a period; an answer without groups has its total."""
        groups = _objects(result.get("Groups", []), "Groups")
        total = _object(result, "Total")
        return groups or ([{"Keys": [], "Metrics": total}] if total and not self._keys else [])

    def columns(self, group: Mapping[str, Any]) -> dict[str, Any]:
        columns = _costs(_object(group, "Metrics"))
        keys = group.get("Keys", [])
        if not isinstance(keys, list) or len(keys) > len(self._keys):
            raise RefusedRecord(f"Keys: expected {len(self._keys)} texts as in GroupDefinitions")
        columns["provider_name"] = "AWS"
        columns["service_name"] = ALL_SERVICES
        tags = {}
        for (kind, name), key in zip(self._keys, keys, strict=False):
            value = sound(key) if isinstance(key, str) else ""
            if kind in ("TAG", "COST_CATEGORY"):
                tags[name] = value.removeprefix(f"{name}$")
            elif name == "RECORD_TYPE":
                columns["charge_category"] = category_of(value)
            elif name in _COLUMNS:
                columns[_COLUMNS[name]] = value
        columns["tags"] = {name: value for name, value in tags.items() if value}
        if account := columns.get("sub_account_id"):
            columns["sub_account_name"] = self._names.get(account, "")
        return columns


def _period(result: Mapping[str, Any]) -> tuple[datetime, datetime]:
    period = _object(result, "TimePeriod")
    try:
        start, end = (moment_of(_text(period, name), f"TimePeriod.{name}") for name in ("Start", "End"))
    except RefusedRecord as error:
        raise BadRequest(f"A period of the Cost Explorer answer is no period: {error.what}.") from None
    if not timedelta() < end - start <= _LONGEST:
        raise BadRequest(
            f"The Cost Explorer answer has the period {start:%Y-%m-%d} to {end:%Y-%m-%d}, which has no days in it.",
            "Ask for it again with Granularity=DAILY.",
        )
    return start, end


def _costs(metrics: Mapping[str, Any]) -> dict[str, Any]:
    name = next((name for name in _BILLED if name in metrics), "")
    if not name:
        raise BadRequest("The Cost Explorer answer has no metric of costs.", "Ask for Metrics=['UnblendedCost'].")
    spread = next((other for other in _EFFECTIVE if other in metrics), name)
    billed, effective = _object(metrics, name), _object(metrics, spread)
    unit = _text(billed, "Unit")
    return {
        "billed_cost": number_of(billed.get("Amount"), name),
        "effective_cost": number_of(effective.get("Amount"), spread),
        "billing_currency": "USD" if unit in ("", "N/A") else unit,
    }


def _objects(value: object, name: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise BadRequest(f"{name} of the Cost Explorer answer is not a list of objects.", "Give the answer as it came.")
    return value


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return sound(value) if isinstance(value, str) else ""
