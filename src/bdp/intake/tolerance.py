"""The slow path: one decoded JSON object of any shape becomes an event.

Aliases are mapped, nested objects flattened, values made text; what has no column stays an attribute. A canonical
record gives the same event here as on the fast path (a property test holds them together).
"""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

from bdp.intake.aliases import (
    COLUMN_OF,
    LEVELS,
    MILLISECONDS,
    OTEL_LEVELS,
    OTEL_MARKS,
    PATHS,
    PINO_LEVELS,
    PLAIN_NUMBERS,
    SYSLOG_LEVELS,
    SYSLOG_NUMBERS,
    UNITS,
)
from bdp.intake.event import EventRecord
from bdp.intake.flatten import flat, sound, text_of
from bdp.intake.limits import Edge
from bdp.intake.refusal import RefusedRecord, shown
from bdp.intake.routes import template
from bdp.intake.times import check_time, read_time
from bdp.model.event import ABNORMAL_LEVELS

TIME_SOURCE = "bdp.ts_source"
DROPPED = "bdp.attributes_dropped"
LEVEL_ORIGINAL = "level.original"
_INSIDE = 1000
_DURATION = re.compile(r"(-?\d{1,18}(?:\.\d{1,9})?) ?(ns|us|µs|μs|ms|s|m|h)?")

Chosen = dict[str, tuple[int, str, Any]]


def event_of(record: dict[str, Any], edge: Edge) -> EventRecord:
    """Return the event that a decoded JSON object means.

    Raises:
        RefusedRecord: a field has a value that cannot be read, or its time cannot be.
    """
    chosen, attributes = _sort_out(record, edge.settings.max_depth)
    event = EventRecord(ts=edge.undated or edge.now, attributes=attributes)
    for column, (_, name, value) in chosen.items():
        set_column(event, column, name, value)
    if "ts" in chosen:
        check_time(event.ts, edge.latest)
    else:
        attributes.setdefault(TIME_SOURCE, edge.undated_source)
    _demote_event_code(event, chosen)
    cap_attributes(attributes, edge.settings.max_attributes)
    return event


def set_column(event: EventRecord, column: str, name: str, value: Any) -> None:
    """Set one column to a value that came under `name`.

    Raises:
        RefusedRecord: the column cannot take it.
    """
    if column in _READERS:
        _READERS[column](event, name, value)
    else:
        setattr(event, column, text_of(value))


def read_level(event: EventRecord, name: str, value: Any) -> None:
    """Set the level by its name or number; an unknown one is INFO, with the original kept as an attribute."""
    number = _whole(value)
    known = LEVELS.get(str(value).strip().upper()) if number is None else _numbered(name, number)
    if known is None:
        event.attributes[LEVEL_ORIGINAL] = text_of(value)
    event.level = known or "INFO"


def cap_attributes(attributes: dict[str, str], most: int) -> None:
    """Keep the first attributes and say how many went, so that nothing is dropped silently."""
    excess = len(attributes) - most
    if excess <= 0:
        return
    kept = dict(itertools.islice(attributes.items(), most - 1))
    attributes.clear()
    attributes.update(kept)
    attributes[DROPPED] = str(excess + 1)


def _sort_out(record: dict[str, Any], depth: int) -> tuple[Chosen, dict[str, str]]:
    otel = not OTEL_MARKS.isdisjoint(record)
    chosen: Chosen = {}
    attributes: dict[str, str] = {}
    for name, value, inside in flat(record, depth):
        place = COLUMN_OF.get(name) if otel or not inside else None
        if place is None or isinstance(value, (list, dict)):
            attributes[sound(name)] = text_of(value)
        elif value != "":
            column, rank = place
            candidate = (rank + _INSIDE * inside, name, value)
            if column in chosen:
                _choose(chosen, attributes, column, candidate)
            else:
                chosen[column] = candidate
    return chosen, attributes


def _choose(chosen: Chosen, attributes: dict[str, str], column: str, candidate: tuple[int, str, Any]) -> None:
    """Give the column to the name that ranks first; the other one stays an attribute."""
    loser = candidate
    if candidate[0] < chosen[column][0]:
        loser = chosen[column]
        chosen[column] = candidate
    attributes.setdefault(loser[1], text_of(loser[2]))


def _numbered(name: str, number: int) -> str | None:
    if name in SYSLOG_NUMBERS:
        return SYSLOG_LEVELS[number] if 0 <= number <= 7 else None
    if name in PLAIN_NUMBERS and number in PINO_LEVELS:
        return PINO_LEVELS[number]
    return OTEL_LEVELS.get(number)


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _read_ts(event: EventRecord, name: str, value: Any) -> None:
    event.ts = read_time(value)


def _read_route(event: EventRecord, name: str, value: Any) -> None:
    """A path is made a route, and stays an attribute as it was but for its query."""
    event.route = text_of(value)
    if name in PATHS:
        path = event.route.partition("?")[0]
        event.attributes.setdefault("url.path", path)
        event.route = template(path)


def _read_status(event: EventRecord, name: str, value: Any) -> None:
    """A status that is a word (`OK`) stays an attribute; a number must fit the column."""
    number = _whole(value)
    if number is None:
        event.attributes.setdefault(name, text_of(value))
    elif 0 <= number <= 65535:
        event.status = number
    else:
        raise RefusedRecord(f"{name}: expected a status from 0 to 65535, got {shown(value)}")


def _read_duration(event: EventRecord, name: str, value: Any) -> None:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        amount, unit = (float(match[1]), match[2]) if match else (math.nan, None)
    else:
        amount, unit = _finite(value), None
    result = amount * (UNITS[unit] if unit else MILLISECONDS.get(name, 1.0))
    if not math.isfinite(result):
        raise RefusedRecord(f"{name}: expected a number, got {shown(value)}")
    event.duration_ms = result


def _read_weight(event: EventRecord, name: str, value: Any) -> None:
    weight = _finite(value)
    if not 1 <= weight <= 1e9:
        raise RefusedRecord(f"weight: expected a number from 1 to 1e9, got {shown(value)}")
    event.weight = weight


def _finite(value: Any) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan


_READERS = {
    "ts": _read_ts,
    "level": read_level,
    "route": _read_route,
    "status": _read_status,
    "duration_ms": _read_duration,
    "weight": _read_weight,
}


def _demote_event_code(event: EventRecord, chosen: Chosen) -> None:
    """ECS `event.code` names any event; it says what went wrong only where something did."""
    holder = chosen.get("error_code")
    if holder and holder[1] == "event.code" and event.level not in ABNORMAL_LEVELS and event.status < 500:
        event.attributes["event.code"] = event.error_code
        event.error_code = ""
