"""Filling an event's columns from names that senders chose: the alias table, without its power to refuse.

A protocol has fields of its own for the time, so names such as `timestamp` never set it here, nor does an attribute
`weight`, which in a shop is a parcel's. What no column can take stays an attribute as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bdp.intake.aliases import COLUMN_OF
from bdp.intake.event import EventRecord
from bdp.intake.flatten import NUL, text_of
from bdp.intake.refusal import RefusedRecord
from bdp.intake.tolerance import set_column

NAMES: Final = {
    name: place
    for name, place in COLUMN_OF.items()
    if place[0] not in ("ts", "weight") and name != "event.code"  # which names any event, not only what went wrong
}
"""Name -> (column, rank among the column's names)."""

_TEXTS: Final = frozenset({"tenant", "service", "error_code", "message", "user_id", "client_ip", "trace_id", "span_id"})
"""Columns of plain text, which sound text may enter as it is."""

Named = list[tuple[str, Any]]
"""Names out of `NAMES`, with their values."""


def fill(event: EventRecord, named: Iterable[tuple[str, Any]], closed: frozenset[str] = frozenset()) -> None:
    """Set the columns that these names mean; of several names for one column the first in rank wins.

    Args:
        closed: columns that the protocol has set itself, besides those with a text already.
    """
    best: dict[str, tuple[int, str, Any]] = {}
    for name, value in named:
        column, rank = NAMES[name]
        held = column in best and best[column][0] <= rank
        if held or value == "" or column in closed or (column != "level" and getattr(event, column)):
            keep(event, name, value)
            continue
        if column in best:
            keep(event, *best[column][1:])
        best[column] = (rank, name, value)
    for column, (_, name, value) in best.items():
        if column in _TEXTS and type(value) is str and NUL not in value and value.isascii():
            setattr(event, column, value)
            continue
        try:
            set_column(event, column, name, value)
        except RefusedRecord:
            keep(event, name, value)


def says_level(named: Named) -> bool:
    """Say whether one of these names gives the level, whatever its value means."""
    return any(NAMES[name][0] == "level" and value != "" for name, value in named)


def keep(event: EventRecord, name: str, value: Any) -> None:
    """Keep a value that got no column as an attribute."""
    event.attributes.setdefault(name, text_of(value))
