"""One micro-batch, cut by key and second."""

from __future__ import annotations

from collections.abc import Sequence

from bdp.detect.burst.window import Cell
from bdp.model.event import EventSignal, Level

Key = tuple[str, str, str]
_NAME_CHARS = 200


class Group:
    """The abnormal signals of one key by second.

    Attributes:
        cells: second -> its counts and how many signals they stand for.
        signals: second -> its signals in the order they came.
    """

    def __init__(self) -> None:
        self.cells: dict[int, tuple[Cell, int]] = {}
        self.signals: dict[int, list[EventSignal]] = {}

    def add(self, signal: EventSignal) -> None:
        """Take in one signal."""
        moment = round(signal.ts.timestamp() * 1_000_000)
        second = moment // 1_000_000
        weight = signal.weight
        level = signal.level
        error = weight if level is Level.ERROR or level is Level.FATAL or signal.status >= 500 else 0.0
        known = self.cells.get(second)
        if known is None:
            self.cells[second] = Cell(weight, error, moment, moment), 1
            self.signals[second] = [signal]
            return
        cell, many = known
        cell.count += weight
        cell.errors += error
        cell.first = min(cell.first, moment)
        cell.last = max(cell.last, moment)
        self.cells[second] = cell, many + 1
        self.signals[second].append(signal)


def abnormal(signals: Sequence[EventSignal]) -> list[EventSignal]:
    """Return the signals for which `EventSignal.abnormal` holds; written out, because most signals only pass here."""
    normal = (Level.INFO, Level.DEBUG)
    return [s for s in signals if s.level not in normal or s.error_code or s.status >= 500]


def group(signals: Sequence[EventSignal]) -> dict[Key, Group]:
    """Return the abnormal signals by key, keys in order of their first signal; names are cut at 200 characters."""
    groups: dict[Key, Group] = {}
    for signal in abnormal(signals):
        key = signal.service[:_NAME_CHARS], signal.route[:_NAME_CHARS], signal.error_code[:_NAME_CHARS]
        known = groups.get(key)
        if known is None:
            known = groups[key] = Group()
        known.add(signal)
    return groups
