"""Which parts of a bill make up a rise, and which changes shortly before may have brought it about.

A part is held against its own days before like the whole is: the median, with nothing where it had no line. The shares
of a dimension add up to about one, and what fell has a negative one. Other accounts of the same service and other
services of the same account are looked at beside, for what moved the other way there may be the same work.
"""

# ruff: noqa: S608 - every value goes through bdp.sql

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bdp.explain.costs.connection import Tie, connection
from bdp.explain.costs.usual import (
    Usual,
    account_of,
    checked,
    midnight,
    payer_of,
    service_of,
    usual,
    whose,
    within,
)
from bdp.model.cost_result import CostChange, CostKey, Driver
from bdp.ports import Row, Store
from bdp.sql import literal

ACCOUNT: Final = "account"
SERVICE: Final = "service"
DIMENSIONS: Final[dict[str, str]] = {
    "region": "region_id",
    "resource": "if(charge_category = 'Usage', resource_id, '')",
    "usage type": "if(charge_category = 'Usage', sku_meter, '')",
    "charge category": "charge_category",
}
"""Dimension -> what tells it of a line; fees and credits are no use.

Beside these come `tag`, and `account` and `service` of what is billed elsewhere.
"""

ORDER: Final = ("usage type", "resource", "region", "charge category", "tag", ACCOUNT, SERVICE)
LEAST_SHARE: Final = 0.05
CHANGE_DAYS: Final = 3
_MOST_PARTS: Final = 5
_MOST_CHANGES: Final = 5
_READ_CHANGES: Final = 500
_ACCOUNT_NAME: Final = (
    "multiIf(sub_account_name != '', sub_account_name, sub_account_id != '', sub_account_id, billing_account_id)"
)


@dataclass(frozen=True)
class Parts:
    """What a rise is made of.

    Attributes:
        new: by dimension, how many parts had no cost before, and what they cost together, by day.
        query: SQL that says so.
    """

    drivers: tuple[Driver, ...]
    new: Mapping[str, tuple[int, float]]
    query: str


def drivers(store: Store, key: CostKey, first: date, last: date, column: str) -> tuple[Driver, ...]:
    """Return what a rise is made of, by dimension, the largest moves first, at most 5 of each.

    Two statements. Costs are by day, over the days of the rise that have a line.

    Args:
        first, last: days of the rise.
        column: `billed_cost` or `effective_cost`.
    """
    whole = usual(store, whose(key), first, last, column, payer_of(key))
    return parts(store, key, whole, column).drivers if whole.days else ()


def parts(store: Store, key: CostKey, whole: Usual, column: str) -> Parts:
    """Return what a rise is made of, also of many small parts."""
    query = _parts_query(key, whole, column)
    rows = store.query(query)
    told = [one for one in (_driver(row, whole.change) for row in rows) if abs(one.share) >= LEAST_SHARE]
    ranked = sorted(told, key=lambda one: (ORDER.index(one.dimension), -abs(one.change), one.name))
    new = {str(row["dimension"]): (int(row["new_parts"]), float(row["new_cost"])) for row in rows}
    return Parts(tuple(ranked), new, query)


def connected(
    store: Store, key: CostKey, first: date, last: date, drivers: Sequence[Driver]
) -> tuple[list[tuple[Tie, Row]], int]:
    """Return changes that something connects with a rise, best connected first, and how many changes there were."""
    rows = store.query(changes_query(first, last))
    tied = [(tie, row) for row in rows if (tie := connection(row, key, drivers)) is not None]
    ranked = sorted(tied, key=lambda one: (-one[0].strength, -_aware(one[1]["ts"]).timestamp(), one[1]["ref"]))
    return ranked, len(rows)


def changes(
    store: Store, key: CostKey, first: date, last: date, drivers: Sequence[Driver] = ()
) -> tuple[CostChange, ...]:
    """Return changes that something connects with a rise, best connected first, then the latest; at most 5.

    One statement: changes from three days before the first day to the end of the last one.

    Args:
        drivers: of the rise; names of its resources, tags, regions and usage types connect.
    """
    ranked, _ = connected(store, key, first, last, drivers)
    return tuple(
        CostChange(
            ref=str(row["ref"]), kind=str(row["kind"]), service=str(row["service"]), summary=str(row["summary"]),
            at=_aware(row["ts"]), why=tie.why.en, why_ko=tie.why.ko,
        )
        for tie, row in ranked[:_MOST_CHANGES]
    )  # fmt: skip


def changes_query(first: date, last: date) -> str:
    """Return the SQL for the changes around a rise, newest first."""
    since, until = midnight(first - timedelta(days=CHANGE_DAYS)), midnight(last + timedelta(days=1))
    return (
        f"SELECT ts, kind, service, ref, substringUTF8(summary, 1, 500) AS summary, substringUTF8(diff, 1, 20000) "
        f"AS diff FROM changes WHERE ts >= {literal(since)} AND ts < {literal(until)} ORDER BY ts DESC, ref "
        f"LIMIT {_READ_CHANGES}"
    )


def _parts_query(key: CostKey, whole: Usual, column: str) -> str:
    """Return the SQL for the parts: by day first, then the median by kind of day, then the mean over the rise."""
    days, before = Counter(map(whole.kind, whole.days)), Counter(map(whole.kind, whole.before))
    kinds = sorted(days)
    kind = "toDayOfWeek(day)" if whole.weekly else "0"
    known = f"day < {_day(whole.first)} AND day IN ({', '.join(map(_day, whole.before)) or _day(date.min)})"
    weight = f"transform(kind, {kinds}, {[days[one] for one in kinds]}, 0)"
    size = f"transform(kind, {kinds}, {[max(1, before[one]) for one in kinds]}, 1)"
    columns = len(_dimensions(key))
    by_day = (
        f"SELECT if(place > {columns}, 'tag', key) AS dimension, "
        f"if(place > {columns}, concat(key, '=', part), part) AS name, toDate(charge_period_start) AS day, "
        f"sum({checked(column)}) AS paid FROM charges ARRAY JOIN {_parts_of(key)} WHERE {_around(key)} AND "
        f"{within(min(whole.before, default=whole.first), whole.last)} AND part != '' GROUP BY dimension, name, day"
    )
    by_kind = (
        f"SELECT dimension, name, {kind} AS kind, sumIf(paid, day >= {_day(whole.first)}) AS spent, "
        f"arrayReduce('quantileExactInclusive(0.5)', arrayResize(groupArrayIf(paid, {known}), {size})) AS middle, "
        f"countIf({known} AND paid != 0) AS had FROM ({by_day}) GROUP BY dimension, name, kind"
    )
    return (
        f"SELECT dimension, name, sum(spent) / {len(whole.days)} AS cost, "
        f"sum(middle * {weight}) / {len(whole.days)} AS usual, sum(had) = 0 AND cost != 0 AS is_new, "
        f"countIf(is_new) OVER (PARTITION BY dimension) AS new_parts, "
        f"sumIf(cost, is_new) OVER (PARTITION BY dimension) AS new_cost FROM ({by_kind}) "
        f"GROUP BY dimension, name ORDER BY dimension, abs(cost - usual) DESC, name LIMIT {_MOST_PARTS} BY dimension"
    )


def _dimensions(key: CostKey) -> dict[str, str]:
    """Return what tells the parts of a key's own lines; of a whole account its services too."""
    return DIMENSIONS | ({SERVICE: "service_name"} if key.is_whole else {})


def _parts_of(key: CostKey) -> str:
    """Return the SQL of what a line is joined with: of the key's own lines what they are, else whose.

    Tags stand behind the columns, so that the place of a part tells which it is; a tag may be named like a column.
    """
    mine, shared = whose(key), service_of(key)
    dimensions = _dimensions(key)
    columns = ", ".join(f"toString({column})" for column in dimensions.values())
    keys = f"arrayConcat([{', '.join(map(literal, dimensions))}], mapKeys(tags))"
    other = f"if({shared}, [{literal(ACCOUNT)}], [{literal(SERVICE)}])"
    whom = f"if({shared}, [toString({_ACCOUNT_NAME})], [toString(service_name)])"
    return (
        f"if({mine}, {keys}, {other}) AS key, if({mine}, arrayEnumerate({keys}), [1]) AS place, "
        f"if({mine}, arrayConcat([{columns}], mapValues(tags)), {whom}) AS part"
    )


def _around(key: CostKey) -> str:
    """Return the SQL condition for the key's own lines, those of its service elsewhere, and its account's others."""
    return f"({' OR '.join(f'({part})' for part in (service_of(key), account_of(key)) if part) or '1'})"


def _driver(row: Row, change: float) -> Driver:
    cost, level = float(row["cost"]), float(row["usual"])
    share = (cost - level) / change if abs(change) > 1e-9 else 0.0
    return Driver(
        dimension=str(row["dimension"]),
        name=str(row["name"]),
        cost=cost,
        usual=level,
        change=cost - level,
        share=share,
        is_new=bool(row["is_new"]),
    )


def _day(day: date) -> str:
    return f"toDate('{max(day, date(1970, 1, 1)).isoformat()}')"


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
