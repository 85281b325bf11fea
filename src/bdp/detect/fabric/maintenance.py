"""Maintenance: which links are expected to flap, and until when.

A change of the kind `maintenance` means the streams and ports that it names: its `service`, or a part of its `ref`
(parts are apart by commas), equals the stream or port, or its host, switch, HCA, GUID, rack, cluster or fabric as their
labels name them; upper and lower case are the same. It lasts from its `ts` to the end that its summary or ref states
(`until 2026-11-21T12:00Z`, `end=…`, `for 90 min`, `for 2 h`, `2026-11-21T12:00Z까지`, `90분 동안`), else for the set
time, and at most seven days. A time without a zone is UTC. Of an unreadable end the set time counts.

At most 1,000 are kept; the one that ends first goes first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from bdp.model.change import Change

_LONGEST: Final = timedelta(days=7)
_KEPT: Final = 1_000
_READ: Final = 300
_SHOWN: Final = 80
_TIME: Final = r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)"
_UNTIL: Final = (re.compile(rf"\b(?:until|till|to|ends?|end=|end:) ?{_TIME}", re.I), re.compile(rf"{_TIME} ?까지"))
_FOR: Final = (
    re.compile(r"\bfor (\d{1,4}) ?(m|min|minutes?|h|hours?|d|days?)\b", re.I),
    re.compile(r"(\d{1,4}) ?(분|시간|일) ?동안"),
)
_UNITS: Final = {"m": 1, "h": 60, "d": 1440, "분": 1, "시간": 60, "일": 1440}


class Window(msgspec.Struct, array_like=True):
    """One maintenance; instants in microseconds since 1970."""

    names: tuple[str, ...]
    start: int
    end: int
    ref: str


class Calendar:
    """The maintenances that are known."""

    def __init__(self, default: timedelta) -> None:
        self._default = default
        self._windows: list[Window] = []
        self.changed = False

    def note(self, change: Change) -> None:
        """Take in a maintenance."""
        names = [part.strip().lower()[:100] for part in (change.service, *change.ref[:_READ].split(","))]
        start = _micros(change.ts)
        window = Window(
            tuple(dict.fromkeys(name for name in names if name)),
            start,
            _micros(self._end(change)),
            _plain(change.ref or change.change_id or change.service),
        )
        if not window.names or window in self._windows:
            return
        self._windows.append(window)
        self._windows = sorted(self._windows, key=lambda w: w.end)[-_KEPT:]
        self.changed = True

    def covers(self, names: Sequence[str], instant: int) -> str | None:
        """Return the reference of a maintenance that means one of the names at this instant; None if there is none."""
        for window in reversed(self._windows):
            if window.end < instant:
                return None
            if window.start <= instant and any(name in window.names for name in names):
                return window.ref
        return None

    def row(self) -> bytes:
        """Return its state."""
        self.changed = False
        return msgspec.msgpack.encode(self._windows)

    def restore(self, row: bytes | None) -> None:
        """Take over what `row` described."""
        self._windows = msgspec.msgpack.decode(row, type=list[Window]) if row else []
        self.changed = False

    def _end(self, change: Change) -> datetime:
        text = f"{change.summary[:_READ]} {change.ref[:_READ]}"
        stated = _stated_time(text) or _stated_length(text, change.ts)
        if stated is None or stated <= change.ts:
            return change.ts + self._default
        return min(stated, change.ts + _LONGEST)


def _stated_time(text: str) -> datetime | None:
    for pattern in _UNTIL:
        if match := pattern.search(text):
            try:
                end = datetime.fromisoformat(match[1])
            except ValueError:
                return None
            return end if end.tzinfo else end.replace(tzinfo=UTC)
    return None


def _stated_length(text: str, start: datetime) -> datetime | None:
    for pattern in _FOR:
        if match := pattern.search(text):
            unit = match[2].lower()
            return start + timedelta(minutes=int(match[1]) * _UNITS[unit if unit in _UNITS else unit[0]])
    return None


def _micros(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000_000)


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_SHOWN]
