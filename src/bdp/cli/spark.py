"""Small charts of costs by day, in characters.

All of them begin at zero, so that heights compare as the money does. A day without a delivery is left blank, one whose
credits are more than its costs is a minus.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from rich.text import Text

from bdp.cli.money import figure

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_USUAL, _MARKED, _CREDIT, _AHEAD, _SOFT = "cyan", "bold red", "yellow", "blue", "dim"


@dataclass(frozen=True)
class Day:
    """One column of a chart.

    Attributes:
        cost: None where nothing was delivered.
        marked: part of what the chart is about.
        low, high: the interval of a day ahead; None for a day that has been.
    """

    at: date
    cost: float | None
    marked: bool = False
    low: float | None = None
    high: float | None = None


def spark(costs: Sequence[float | None], marked: Collection[int] = (), width: int = 30) -> Text:
    """Return one line of blocks, of the last days that fit.

    Args:
        marked: places in `costs` to colour.
    """
    first = max(0, len(costs) - width)
    shown = [_sound(cost) for cost in costs[first:]]
    most = max((cost for cost in shown if cost is not None), default=0.0)
    text = Text()
    for place, cost in enumerate(shown, first):
        sign, style = _sign(cost, most)
        text.append(sign, _MARKED if place in marked and cost is not None else style)
    return text


def _sign(cost: float | None, most: float) -> tuple[str, str]:
    if cost is None:
        return " ", ""
    if cost < 0:
        return "-", _CREDIT
    if cost == 0:
        return _BLOCKS[1], _SOFT
    return _BLOCKS[min(8, max(1, math.ceil(cost / most * 8)))], _USUAL


def chart(days: Sequence[Day], width: int, height: int = 6, level: float | None = None) -> list[Text]:
    """Return the lines of a chart with an axis of money and one of days.

    Args:
        width: columns in all; of the days, the last ones that fit are drawn.
        level: what was expected, drawn as a dashed line.
    """
    shown = [_clean(day) for day in days]
    top = _top(shown, level)
    names = _names(top, height, level)
    left = max(map(len, names.values())) + 1
    room = max(1, width - left - 1)
    shown = shown[-room:]
    step = 2 if len(shown) * 2 - 1 <= room else 1
    unit = top / height
    lines = [_line(row, names.get(row, ""), left, shown, step, unit, level) for row in range(height - 1, -1, -1)]
    return [*lines, _axis(shown, step, left), *_marks(shown, step, left), _dates(shown, step, left)]


def _sound(cost: float | None) -> float | None:
    return cost if cost is not None and math.isfinite(cost) else None


def _clean(day: Day) -> Day:
    return Day(day.at, _sound(day.cost), day.marked, _sound(day.low), _sound(day.high))


def _top(days: Sequence[Day], level: float | None) -> float:
    """Return the height of the chart; an interval that is far beyond all costs is cut off."""
    costs = [day.cost for day in days if day.cost is not None]
    most = max([*costs, level if level is not None and math.isfinite(level) else 0.0, 0.0])
    highs = [day.high for day in days if day.high is not None]
    return max(most, min(max(highs, default=0.0), 2 * most)) or 1.0


def _names(top: float, height: int, level: float | None) -> dict[int, str]:
    """Return what stands beside the rows of the axis, 0 the lowest."""
    names = {height - 1: figure(top), 0: "0"}
    if level is not None and 0 < (row := _row(level, top / height, height)) < height - 1:
        names[row] = figure(level)
    return names


def _row(value: float, unit: float, height: int) -> int:
    return min(height - 1, max(0, math.ceil(value / unit) - 1))


def _line(
    row: int, name: str, left: int, days: Sequence[Day], step: int, unit: float, level: float | None
) -> Text:  # fmt: skip
    text = Text.assemble((f"{name.rjust(left - 1)} {'┤' if name else '│'}", _SOFT))
    dashed = level is not None and level > 0 and row == math.ceil(level / unit) - 1
    for number, day in enumerate(days):
        sign, style = _cell(day, row, unit)
        empty = ("╌", _SOFT) if dashed else (" ", "")
        text.append(*(empty if sign == " " else (sign, style)))
        if step == 2 and number + 1 < len(days):
            text.append(*empty)
    return text


def _cell(day: Day, row: int, unit: float) -> tuple[str, str]:
    if day.cost is None:
        return " ", ""
    if day.high is not None and day.low is not None:
        return _ahead(day.cost, day.low, day.high, row, unit)
    if day.cost < 0:
        return ("-", _CREDIT) if row == 0 else (" ", "")
    eighths = min(8, max(0, round((day.cost / unit - row) * 8)))
    if row == 0 and day.cost > 0:
        eighths = max(1, eighths)
    return _BLOCKS[eighths], _MARKED if day.marked else _USUAL


def _ahead(cost: float, low: float, high: float, row: int, unit: float) -> tuple[str, str]:
    """Return a cell of a day ahead: sure up to the lower end, a line where the cost is likely to be, then shade."""
    if row == max(0, math.ceil(cost / unit) - 1):
        return "━", "bold blue"
    if row >= math.ceil(high / unit):
        return " ", ""
    return ("░", _AHEAD) if row >= math.floor(low / unit) else ("▒", _AHEAD)


def _axis(days: Sequence[Day], step: int, left: int) -> Text:
    signs = [" " if day.cost is None else "─" for day in days]
    joint = "" if step == 1 else "─"
    return Text(" " * left + "└" + joint.join(signs), _SOFT)


def _marks(days: Sequence[Day], step: int, left: int) -> Iterator[Text]:
    """Yield a line that points at the marked days, for those who see no colours."""
    if any(day.marked for day in days):
        signs = ["^" if day.marked else " " for day in days]
        yield Text(" " * (left + 1) + (" " * (step - 1)).join(signs).rstrip(), _MARKED)


def _dates(days: Sequence[Day], step: int, left: int) -> Text:
    if not days:
        return Text()
    first, last = str(days[0].at), str(days[-1].at)
    room = len(days) * step - (step - 1)
    ends = first if room <= len(first) else first + last.rjust(room - len(first)) if room > 21 else last.rjust(room)
    return Text(" " * (left + 1) + ends, _SOFT)
