"""Day by day: each day is held against what was learnt from the days before it, and taught in its turn.

Of an abnormal day what was expected is learnt, not what it cost, so that a spike does not hide the next and a step
stays abnormal on its second day. From the second day on a spike goes on while the confidence stays near the
threshold. What lasts for 35 days is the new level: the past is lifted to it, and the series is judged by that then.

Only series whose day costs more than usual by a rough look, and by more money than anybody would be told of, are shown
to the methods; the others cannot be abnormal.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bdp.detect.cost.daily import DailyCosts, Flags, Floats, middle
from bdp.detect.cost.doubled import Doubled
from bdp.detect.cost.ensemble import Ensemble
from bdp.detect.cost.patterns import service_profile
from bdp.detect.cost.patterns.chain import Weighed, joined, nothing, weigh
from bdp.detect.cost.settings import CostSettings
from bdp.detect.cost.window import WEEK, Window

ACCEPTED: Final = 35
"""Days after which a spike is the new level."""
_HOLD: Final = 0.15
_BACK: Final = 13
_LEAST_ABOVE: Final = 0.02
_CLEAR_SPREADS: Final = 1.5
_RISE: Final = 1.08
_CHUNK: Final = 8_000
_THREADS: Final = 2
_LEAST_PART: Final = 0.1
"""Of the least impact; a day that is dearer by less is no matter to look at."""
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class DayJudged:
    """What was found on one day.

    Attributes:
        place: of the day.
        rows: series that were shown to the methods; the arrays beside it are theirs.
        anomalous: what decides says so; `shadow` what does not decide would.
        is_small: abnormal, but below the least impact; `is_doubled`: the whole account's day looks counted twice.
        earlier, owed: of spikes that open, days in a row before this one that belong to them, and their money.
        judged, young, idle: how many series were judged, have too short a past, cost nothing that day.
        settled: of all series, those whose cost of the day is known for good.
    """

    place: int
    rows: Rows
    weighed: Weighed
    anomalous: Flags
    shadow: dict[str, Flags]
    is_small: Flags
    is_doubled: Flags
    earlier: Rows
    owed: Floats
    judged: int
    young: int
    idle: int
    settled: Flags


class Walk:
    """One pass over daily costs.

    Args:
        is_open: the last day is not over. What is too dear already is told; of the rest it says nothing yet: it ends no
            spike, and nothing is learnt from it.

    Attributes:
        learnt: costs without their spikes, see the module; shape (series, days).
        running: for how many days a spike of each series has been going on; shape (series,).

    Memory: a second copy of the costs, and for 16,000 series at a time what the methods need, about 10 KB each.
    """

    def __init__(self, daily: DailyCosts, settings: CostSettings, ensemble: Ensemble, *, is_open: bool = False) -> None:
        self.daily = daily
        self.is_open = is_open
        self.settings = settings
        self._ensemble = ensemble
        self.learnt = daily.costs.copy()
        self.running = np.zeros(len(daily.costs), np.int64)
        self._bursts = service_profile.bursts(daily.keys)
        self._doubled = Doubled(daily.keys)
        self._weeks = settings.window_days // WEEK

    def judge(self, place: int) -> DayJudged:
        """Judge one day; days must come in order."""
        costs = self.daily.costs
        known = np.count_nonzero(~np.isnan(costs[:, max(0, place - self.settings.window_days) : place]), axis=1)
        there = ~np.isnan(costs[:, place])
        ripe = there & (known >= self.settings.least_days) & (place >= WEEK)
        paid = ripe & (costs[:, place] > 0)
        rows = np.flatnonzero(paid & self._stands_out(place)) if place >= WEEK else np.zeros(0, np.intp)
        day = self._judged(place, rows, ripe, there, paid)
        self._learn(day)
        return day

    def walk(self, first: int, last: int) -> Iterator[DayJudged]:
        """Judge the days of these places, both included."""
        for place in range(first, last + 1):
            yield self.judge(place)

    def _window(self, place: int, rows: Rows) -> Window:
        weeks = max(1, min(place // WEEK, self._weeks))
        past = slice(place - weeks * WEEK, place)
        costs = self.daily.costs
        # Whole weeks leave up to six days out, and the first of a month may be among them.
        every = costs[rows, max(0, place - self.settings.window_days) : place]
        # What is still going on was not there before.
        most = np.where(self.running[rows] > 0, 0.0, np.where(np.isnan(every), 0.0, every).max(axis=1, initial=0.0))
        return Window(self.daily.calendar, place, self.learnt[rows, past], costs[rows, past], costs[rows, place], most)

    def _stands_out(self, place: int) -> Flags:
        """Take a rough look: more than the same days of the last weeks, or than the last days, by enough money."""
        learnt, today = self.learnt, self.daily.costs[:, place]
        with np.errstate(invalid="ignore"):
            same = _mean(learnt[:, [at for at in range(place - 28, place, WEEK) if at >= 0]])
            usual = np.fmin(same, _mean(learnt[:, max(0, place - 14) : place]))
            dearer = (today > _RISE * usual) & (today - usual >= _LEAST_PART * self.settings.least_impact)
            found: Flags = dearer | (self.running > 0)
        return found

    def _judged(self, place: int, rows: Rows, ripe: Flags, there: Flags, paid: Flags) -> DayJudged:
        settings = self.settings
        active = settings.pattern_recognition and settings.pattern_mode == "active"
        parts = [rows[at : at + _CHUNK] for at in range(0, len(rows), _CHUNK)]
        if len(parts) > 1:
            # Numpy sorts and sums without the interpreter's lock.
            with ThreadPoolExecutor(_THREADS) as pool:
                weighed = joined(list(pool.map(lambda part: self._weigh(place, part), parts)))
        else:
            weighed = self._weigh(place, rows) if len(rows) else nothing()
        confidence = weighed.confidence if active else weighed.plain
        impact = weighed.outlook.today - weighed.outlook.expected
        over = (confidence >= settings.threshold) & (impact > 0)
        over |= (self.running[rows] > 0) & (confidence >= settings.threshold - _HOLD) & (impact > 0)
        is_open = self.is_open and place == len(self.daily.days) - 1
        over &= ~(is_open & (self.running[rows] > 0))  # a part of a day says nothing new of a spike that goes on
        twice = over & self._doubled.of(rows, weighed.outlook, ripe & paid)
        small = over & ~twice & (impact < settings.least_impact)
        earlier, owed = self._began(place, rows, weighed, over & ~twice & ~small & (self.running[rows] == 0))
        settled = there.copy()
        if is_open:
            settled[:] = False
            settled[rows[over]] = True
        return DayJudged(
            place=place,
            rows=rows,
            weighed=weighed,
            anomalous=over & ~twice & ~small,
            shadow=self._shadow(weighed, impact, active=active),
            is_small=small,
            is_doubled=twice,
            earlier=earlier,
            owed=owed,
            judged=int(np.count_nonzero(settled & ripe & paid)),
            young=int(np.count_nonzero(settled & ~ripe)),
            idle=int(np.count_nonzero(settled & ripe & ~paid)),
            settled=settled,
        )

    def _weigh(self, place: int, rows: Rows) -> Weighed:
        window = self._window(place, rows)
        settings = self.settings
        return weigh(
            window, self._bursts[rows], self._ensemble, patterns=settings.pattern_recognition,
            active=settings.pattern_mode == "active",
        )  # fmt: skip

    def _shadow(self, weighed: Weighed, impact: Floats, *, active: bool) -> dict[str, Flags]:
        """Return what those would have said that do not decide."""
        settings = self.settings
        enough = impact >= max(settings.least_impact, np.finfo(np.float64).tiny)
        found = {}
        if settings.pattern_recognition:
            other = weighed.plain if active else weighed.confidence
            found["without patterns" if active else "patterns"] = (other >= settings.threshold) & enough
        if self._ensemble.shadow and len(impact):
            deciding = weighed.confidence if active else weighed.plain
            with_them = self._ensemble.with_shadow(weighed.votes, settings.weights)
            lowered = np.maximum(0.0, with_them + np.minimum(0.0, deciding - weighed.votes.confidence))
            found["methods"] = (lowered >= settings.threshold) & enough
        return found

    def _learn(self, day: DayJudged) -> None:
        rows, place, costs = day.rows, day.place, self.daily.costs
        odd = day.anomalous | day.is_doubled | day.is_small
        self.learnt[rows[odd], place] = np.minimum(day.weighed.outlook.expected[odd], costs[rows[odd], place])
        goes_on = np.zeros(len(costs), np.bool_)
        goes_on[rows[day.anomalous | day.is_small]] = True
        # A day without data, or not over, neither ends a spike nor makes it longer.
        self.running = np.where(goes_on, self.running + 1, np.where(day.settled, 0, self.running))
        self.learnt[~day.settled, place] = np.nan
        accepted = np.flatnonzero(self.running >= ACCEPTED)
        if len(accepted):
            self._accept(accepted, place)

    def _began(self, place: int, rows: Rows, weighed: Weighed, opening: Flags) -> tuple[Rows, Floats]:
        """Return how many days before this one each spike that opens had begun, and what they cost too much.

        A ramp, or a step within the noise, gives itself away after some days; those before it in a row that were above
        the level before it belong to it, and are not to be learnt from either.
        """
        days, money = np.zeros(len(rows), np.intp), np.zeros(len(rows))
        chosen = np.flatnonzero(opening & (weighed.outlook.run > 0))
        if not len(chosen):
            return days, money
        window = self._window(place, rows[chosen])
        multiple = weighed.shape.rows(chosen).past(window)[:, -_BACK:]
        likely = weighed.outlook.base[chosen, None] * multiple
        billed = window.billed[:, -likely.shape[1] :]
        room = np.maximum(_CLEAR_SPREADS * weighed.outlook.spread[chosen], _LEAST_ABOVE)
        above = billed > likely * (1 + room)[:, None]
        row = np.logical_and.accumulate(above[:, ::-1], axis=1)[:, ::-1]
        days[chosen] = row.sum(axis=1)
        money[chosen] = np.where(row, billed - likely, 0.0).sum(axis=1)
        past = slice(place - likely.shape[1], place)
        self.learnt[rows[chosen], past] = np.where(
            row, np.fmin(self.learnt[rows[chosen], past], likely), self.learnt[rows[chosen], past]
        )
        return days, money

    def _accept(self, rows: Rows, place: int) -> None:
        recent = slice(place - 2 * WEEK + 1, place + 1)
        now, before = middle(self.daily.costs[rows, recent]), middle(self.learnt[rows, recent])
        with np.errstate(invalid="ignore", divide="ignore"):
            lift = np.where(before > 0, now / before, 1.0)
        self.learnt[rows, : place + 1] *= np.nan_to_num(lift, nan=1.0)[:, None]
        self.running[rows] = 0


def _mean(values: Floats) -> Floats:
    count = np.count_nonzero(~np.isnan(values), axis=1)
    found: Floats = np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)
    return found
