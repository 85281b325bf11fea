"""Some rows of a bill, by columns: what a format's few lines of mapping work on.

A column is converted by its different values, of which bills have few, rather than row by row. A row with a value that
cannot be is refused alone, for its first such value; so formats convert what matters most first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from bdp.intake.bills.manner import Manner
from bdp.intake.bills.values import DAY, LARGEST, currency_of, moment_of, number_of, sign_of
from bdp.intake.flatten import sound, text_of
from bdp.intake.refusal import RefusedRecord
from bdp.model.cost import CostLine

NOTHING: Final = frozenset({None, "", "NULL", "null"})
"""What says that there is no value: CSV files have it as text."""
MAX_TAGS: Final = 256
_PLAIN = re.compile(r"[\W_]+")
_NOT_READ: Final = {"detail", "statement", "stated_at"}
"""`detail` tells lines without a statement from each other; the two others are of the delivery."""
_FIELDS: Final = tuple(name for name in CostLine.__struct_fields__ if name not in _NOT_READ)
"""In the order in which `_built` takes them."""
_T = TypeVar("_T")
Column = Sequence[Any]


@dataclass(frozen=True)
class Delivery:
    """What all lines of one reading share; see `CostLine`."""

    statement: str
    stated_at: datetime


def plain(name: str) -> str:
    """Return a column's name without case and signs: `lineItem/UsageType` and `line_item_usage_type` are one."""
    return _PLAIN.sub("", name.lower())


@dataclass
class Table:
    """Rows of one file.

    Attributes:
        names: the header, as the file has it.
        columns: in the header's order; of several with one name the first counts.
        first: these are the first rows of the file.
        manner: in which the file writes numbers and days; shared by all tables of it.
        refused: by the row's place in this table.
        asked: the columns that were looked for and found.
    """

    names: Sequence[str]
    columns: Sequence[Column]
    size: int
    first: bool = True
    manner: Manner = field(default_factory=Manner)
    refused: dict[int, RefusedRecord] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)
    _places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {plain(name): place for place, name in reversed(list(enumerate(self.names)))}

    def has(self, *names: str) -> str:
        """Return the first of the names that is a column; empty if none is."""
        found = next((name for name in names if name in self._places), "")
        if found:
            self.asked.add(self._places[found])
        return found

    def texts(self, *names: str) -> Column:
        """Return, for each row, the first of these columns that has a value; an empty text where none has."""
        found = [self._mapped(self.columns[self._places[name]], _text) for name in names if self.has(name)]
        if not found:
            return [""] * self.size
        return found[0] if len(found) == 1 else [next(filter(None, row), "") for row in zip(*found, strict=True)]

    def numbers(self, *names: str) -> Column:
        """Return the first of these columns that is there as finite numbers."""
        name = self.has(*names)
        column = self.columns[self._places[name]]
        number = self._number(name)
        fast = None if self.manner.comma else _floats(column)
        return self._mapped(column, number) if fast is None else fast

    def amounts(self, other: Column, *names: str) -> Column:
        """Return the first of these columns that is there as numbers; where there is no value, that of the other."""
        if not self.has(*names):
            return other
        name = self.has(*names)
        column = self.columns[self._places[name]]
        number = self._number(name)
        known = self._mapped(column, lambda value: None if value in NOTHING else number(value))
        return [second if first is None else first for first, second in zip(known, other, strict=True)]

    def currencies(self, *names: str, usual: str = "USD") -> Column:
        """Return codes from the first of these columns that is there; the usual one where there is none."""
        if not self.has(*names):
            return [usual] * self.size
        name = self.has(*names)
        column, called = self.columns[self._places[name]], self._called(name)
        return self._mapped(column, lambda value: currency_of(_text(value), called, usual))

    def signs(self, *names: str, usual: str) -> Column:
        """Return codes by the currency signs beside the numbers of the first of these columns that is there.

        Where there is none it is that of the file's other numbers, or the usual one.
        """
        name = self.has(*names)
        column = self.columns[self._places[name]]
        found = self._mapped(column, sign_of)
        self.manner.currency = self.manner.currency or next(filter(None, found), "")
        return [code or self.manner.currency or usual for code in found]

    def moments(self, *names: str) -> Column:
        """Return the first of these columns that is there as instants."""
        name = self.has(*names)
        return self._mapped(self.columns[self._places[name]], self._moment(name))

    def ends(self, starts: Column, *names: str) -> Column:
        """Return the ends of periods; a day after the start where there is none."""
        known: Column = [None] * self.size
        if name := self.has(*names):
            moment = self._moment(name)
            column = self.columns[self._places[name]]
            known = self._mapped(column, lambda value: None if value in NOTHING else moment(value))
        after = {start: start + DAY for start in set(starts) if start is not None}
        ends = [after.get(start) if end is None else end for start, end in zip(starts, known, strict=True)]
        for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
            if end is not None and start is not None and end < start:
                self.refuse(place, f"the period ends {end.isoformat()}, before it starts {start.isoformat()}")
        return ends

    def tags(self, *names: str, braces: bool = False) -> Column:
        """Return a column of JSON objects as tags; what is none gives no tags, for the money counts all the same.

        Args:
            braces: the text may lack them, as in Azure's exports.
        """
        name = self.has(*names)
        if not name:
            return [{}] * self.size
        return self._mapped(self.columns[self._places[name]], lambda value: _tags(value, braces))

    def tags_under(self, *prefixes: str) -> list[dict[str, str]]:
        """Return tags that have a column each, whose names begin so; the column's rest is the tag's name."""
        places = {
            place: sound(name[len(prefix) :])
            for place, name in enumerate(self.names)
            for prefix in prefixes
            if name.startswith(prefix) and len(name) > len(prefix)
        }
        self.asked.update(places)
        if not places:
            return [{}] * self.size
        keys = list(places.values())[:MAX_TAGS]
        rows = zip(*(self._mapped(self.columns[place], _text) for place in list(places)[:MAX_TAGS]), strict=True)
        return [{key: value for key, value in zip(keys, row, strict=True) if value} for row in rows]

    def refuse(self, place: int, what: str) -> None:
        """Refuse a row, unless it was refused before."""
        self.refused.setdefault(place, RefusedRecord(what))

    def lines(self, delivery: Delivery, **columns: Column | str) -> list[CostLine]:
        """Return the good rows as lines.

        Args:
            columns: fields of `CostLine`; a text is the same for all rows.
        """
        values = [
            itertools.repeat(column, self.size) if isinstance(column, str) else column
            for column in (columns.get(name, "") for name in _FIELDS)
        ]
        rows: Iterable[tuple[Any, ...]] = zip(*values, strict=True)
        if self.refused:
            rows = (row for place, row in enumerate(rows) if place not in self.refused)
        return _built(rows, delivery)

    def _number(self, name: str) -> Callable[[object], float]:
        comma, called = self.manner.look_at_numbers(set(self.columns[self._places[name]])), self._called(name)
        return lambda value: number_of(value, called, comma=comma)

    def _moment(self, name: str) -> Callable[[object], datetime]:
        day_first, called = self.manner.look_at_days(set(self.columns[self._places[name]])), self._called(name)
        return lambda value: moment_of(value, called, day_first=day_first)

    def _called(self, name: str) -> str:
        return self.names[self._places[name]][:60]

    def _mapped(self, column: Column, convert: Callable[[Any], _T]) -> list[Any]:
        known: dict[Hashable, _T | None] = {}
        errors: dict[Hashable, RefusedRecord] = {}
        for value in set(column):
            try:
                known[value] = convert(value)
            except RefusedRecord as error:
                known[value] = None
                errors[value] = error
        if errors:
            for place, value in enumerate(column):
                if value in errors:
                    self.refused.setdefault(place, errors[value])
        if all(value is result for value, result in known.items()):
            return list(column)
        return [known[value] for value in column]


def _built(rows: Iterable[tuple[Any, ...]], delivery: Delivery) -> list[CostLine]:
    """Named one by one: a call with a dictionary for each row takes three times as long."""
    statement, stated_at = delivery.statement, delivery.stated_at
    return [
        CostLine(
            charge_period_start=start,
            charge_period_end=end,
            provider_name=provider,
            billing_account_id=payer,
            sub_account_id=account,
            sub_account_name=name,
            service_name=service,
            region_id=region,
            resource_id=resource,
            sku_meter=meter,
            charge_category=category,
            billed_cost=billed,
            effective_cost=effective,
            billing_currency=currency,
            tags=tags or {},
            statement=statement,
            stated_at=stated_at,
        )
        for start, end, provider, payer, account, name, service, region, resource, meter, category, billed, effective,
            currency, tags in rows
    ]  # fmt: skip


def _text(value: object) -> str:
    return "" if value in NOTHING else sound(value).strip() if isinstance(value, str) else text_of(value)


def _floats(column: Column) -> list[float] | None:
    """Return a column of plain numbers; None if one of them needs a closer look."""
    try:
        if column and isinstance(column[0], float):  # of Parquet
            return list(column) if sum(map(abs, column)) <= LARGEST else None
        text = "".join(column)
        if not text.isascii() or "_" in text:  # Python takes both for numbers
            return None
        found = [float(value) for value in column]
    except (TypeError, ValueError):
        return None
    return found if sum(map(abs, found)) <= LARGEST else None  # nan is not either


def _tags(value: object, braces: bool) -> dict[str, str]:
    if isinstance(value, tuple):  # a map of Parquet
        pairs: Iterable[tuple[object, object]] = value
    else:
        pairs = _object(value, braces).items()
    named = itertools.islice(((text_of(key), item) for key, item in pairs if item not in ("", None)), MAX_TAGS)
    return {key.strip(): text_of(item) for key, item in named if key.strip()}


def _object(value: object, braces: bool) -> Mapping[Any, Any]:
    if not isinstance(value, str) or value in NOTHING:
        return {}
    text = value.strip()
    if braces and not text.startswith("{"):
        text = "{" + text + "}"
    try:
        found = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
