"""What is kept of one stream, in bounded memory, and what its samples are compared with.

    baseline   mean of the last 15 minutes: the running minute and the 14 before it, as sums, so 14 to 15 minutes
    level      of P99 latency, over what a 15-minute mean follows: each whole hour gives its mean, each day the second
               highest of its hours (a daily wave is no degradation, one bad hour is not the day's level). The level is
               the lower median of at most 14 days, and degraded from 1.5 times; of one day alone, or before that the
               lower quartile of 6 to 24 hours, it is degraded from 2 times only, since little is known yet. What lasts
               for a week becomes the level
    link       when utilisation and bandwidth fell to zero, at most 16 falls

A stream holds at most 15 minutes x 11 numbers, 24 hours x 5, 14 days x 2, 8 judged instants, 3 waiting samples, 16
falls, 10 raised types, 12 names of 100 characters: about 3 kB packed. Times are microseconds since 1970.

A stream's clock is its newest sample. A sample more than an hour ahead of it waits until two more are as far ahead, or
until time (`advance`) gets there: one wrong clock makes nothing late. A late sample is judged, but not learned; older
than the last 8 judged ones it is dropped and counted. An hour back in a stream's first three samples, or 30 batches in
a row that hold only samples more than an hour old, mean that the clock was wrong before: the stream starts anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median_low
from typing import Final

import msgspec

from bdp.detect.fabric.rules import (
    BANDWIDTH,
    ERRORS,
    LATENCY,
    QP,
    UTILIZATION,
    Reading,
    Values,
    heavier,
    missing,
    warmer,
)
from bdp.detect.fabric.settings import FabricSettings

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
METRICS: Final = 5
_MINUTES_BEFORE: Final = 14
_HOURS: Final = 24
_DAYS: Final = 14
_HOURS_FOR_LEVEL: Final = 6
_SEEN: Final = 8
_AHEAD: Final = 2
_YOUNG: Final = 3
BEHIND: Final = 30
_FALLS: Final = 16
_ZERO_PERCENT: Final = 1.0
_BACK_PERCENT: Final = 5.0
_ZERO_SHARE: Final = 0.02

Raised = dict[str, tuple[int, int]]
"""By prediction type: when it was raised last, and its risk class."""


class Head(msgspec.Struct, array_like=True):
    """The part of a stream that changes with each sample.

    Attributes:
        order: rises with every touch; the lowest is the least recently heard.
        fabric: one instant carried two of the five metrics; before that nothing is judged.
        names: what a maintenance may call it, in lower case.
        heard: samples judged.
        newest: the newest judged sample; -1 before the first.
        behind: micro-batches in a row that were more than an hour old.
        seen: the latest judged instants, each with the metrics (bits) that it carried.
        waiting: samples that are not complete yet, or too far ahead.
        minute: the running minute: its number, then count and sum of each metric.
        hour: the running hour: its number, samples, sum of P99 latency, falls, jumps of latency in one sample.
        down_at: since when the link has been at zero; -1 when it is not.
        falls: when it fell to zero; troubled: when errors were seen last.
        warm, busy, thin: samples in a row beyond a mild bound; see `rules.Reading`.
        hot: one of the warm ones was twice the baseline.
    """

    entity: str
    order: int = 0
    fabric: bool = False
    names: tuple[str, ...] = ()
    heard: int = 0
    newest: int = -1
    behind: int = 0
    seen: dict[int, int] = {}
    waiting: dict[int, Values] = {}
    minute: list[float] = []
    hour: list[float] = []
    down_at: int = -1
    falls: list[int] = []
    troubled: int = -1
    warm: int = 0
    hot: bool = False
    busy: int = 0
    thin: int = 0
    raised: Raised = {}


class Past(msgspec.Struct, array_like=True):
    """The part that changes once a minute.

    Attributes:
        minutes: like `Head.minute`, the oldest first.
        hours: like `Head.hour`, the oldest first.
        days: number, level.
    """

    minutes: list[list[float]] = []
    hours: list[list[float]] = []
    days: list[list[float]] = []


class Track:
    """One stream."""

    __slots__ = ("_level", "_slow_from", "_totals", "head", "past")

    def __init__(self, head: Head, past: Past | None = None) -> None:
        self.head = head
        self.past = past or Past()
        self._totals: list[float] = []
        self._sum_up()
        self._find_level()

    @property
    def level(self) -> float | None:
        """What P99 latency is used to over days or hours, µs."""
        return self._level

    def merge(self, samples: Mapping[int, Values]) -> int:
        """Add what came in to what waits, without what was judged before, and return how many were too old.

        Of doubled values the larger counts.
        """
        dropped = 0
        for instant in sorted(samples):
            values = samples[instant]
            if instant <= self.head.newest and not self._still_counts(instant, values):
                dropped += instant not in self.head.seen
                continue
            head = self.head
            known = head.waiting.get(instant)
            if known is not None:
                values = [_larger(a, b) for a, b in zip(known, values, strict=True)]
            head.waiting[instant] = values
            head.fabric = head.fabric or sum(value is not None for value in values) > 1
        if max(samples) >= self.head.newest - HOUR:
            self.head.behind = 0
        elif self._fall_behind():
            return self.merge(samples)
        return dropped

    def ripe(self) -> Iterable[tuple[int, Values]]:
        """Yield, and no longer keep, the samples that can be judged: complete, or with a newer one behind them."""
        head = self.head
        instants = sorted(head.waiting)
        if head.newest >= 0:
            near = [instant for instant in instants if instant <= head.newest + HOUR]
            instants = instants if len(instants) - len(near) > _AHEAD else near
        last = instants[-1] if instants else -1
        for instant in instants:
            if instant < max(last, head.newest) or None not in head.waiting[instant]:
                yield instant, head.waiting.pop(instant)

    def settled(self, until: int) -> Iterable[tuple[int, Values]]:
        """Yield, and no longer keep, the samples up to `until`, complete or not."""
        for instant in sorted(i for i in self.head.waiting if i <= until):
            yield instant, self.head.waiting.pop(instant)

    def base(self, settings: FabricSettings) -> Values:
        """Return the means of the last 15 minutes; None where too few samples are known."""
        totals, minute, least = self._totals, self.head.minute, settings.baseline_samples
        if not minute:
            return [None] * METRICS
        return [
            (totals[at] + minute[at]) / count if (count := totals[at - 1] + minute[at - 1]) >= least else None
            for at in range(2, 2 * METRICS + 1, 2)
        ]

    def turn(self, instant: int) -> bool:
        """Let the stream's clock go on to the sample's minute; say whether it did, which changes the past."""
        minute = instant // MINUTE
        running = self.head.minute
        if running and minute <= running[0]:
            return False
        if running:
            self.past.minutes.append(running)
        self.past.minutes = [one for one in self.past.minutes if one[0] >= minute - _MINUTES_BEFORE]
        self.head.minute = [float(minute), *[0.0] * (2 * METRICS)]
        self._sum_up()
        self._turn_hour(minute // 60)
        return True

    def reading(self, instant: int, values: Values, base: Values, settings: FabricSettings) -> Reading:
        """Note what the sample says of the link and of mild excesses, and return it beside what is usual."""
        head = self.head
        moved = self._move(instant, values, base, settings)
        if instant >= head.newest:
            if warmer(values, base, settings.anomaly_ratio):
                head.warm += 1
                head.hot = head.hot or warmer(values, base, settings.latency_ratio)
            else:
                self._cool()
            head.busy = head.busy + 1 if heavier(values, base, settings) else 0
            head.thin = head.thin + 1 if missing(values, base) >= settings.change_bound else 0
        window = settings.flap_seconds * SECOND
        return Reading(
            values=values,
            base=base,
            level=self._level,
            slow_from=self._slow_from if settings.anomaly_ratio <= self._slow_from else settings.anomaly_ratio,
            warm=head.warm,
            busy=head.busy,
            thin=head.thin,
            falls=len(head.falls),
            moved=moved,
            down_seconds=(instant - head.down_at) / SECOND if head.down_at >= 0 else -1,
            troubled=head.troubled >= 0 and instant - head.troubled <= window,
            habit=sum(1 for hour in self.past.hours if hour[3]),
            jumps=sum(1 for hour in self.past.hours if hour[4]),
        )

    def calm(self) -> None:
        """Note a normal sample: nothing is mildly beyond a bound, and the link is up."""
        head = self.head
        if head.warm:
            self._cool()
        head.busy = head.thin = 0
        head.down_at = -1

    def learn(self, instant: int, values: Values) -> None:
        """Take the sample into the means; a late one is only marked as judged."""
        head = self.head
        mask = 0
        late = instant < head.newest
        minute = head.minute
        for metric, value in enumerate(values):
            if value is not None:
                mask |= 1 << metric
                if not late:
                    minute[2 * metric + 1] += 1
                    minute[2 * metric + 2] += value
        head.heard += 1
        head.seen[instant] = head.seen.get(instant, 0) | mask
        if len(head.seen) > _SEEN:
            del head.seen[min(head.seen)]
        if late:
            return
        head.newest = instant
        latency = values[LATENCY]
        if latency is not None:
            hour = head.hour
            hour[1] += 1
            hour[2] += latency

    def forgive(self) -> None:
        """Take the latest fall back: it was expected."""
        if self.head.falls:
            self.head.falls.pop()
            self.head.hour[3] -= 1

    def _cool(self) -> None:
        head = self.head
        if head.warm == 1 and head.hot:
            head.hour[4] += 1
        head.warm, head.hot = 0, False

    def _still_counts(self, instant: int, values: Values) -> bool:
        """Blank what was judged before; say whether anything is left that is not too old."""
        head = self.head
        mask = head.seen.get(instant)
        if mask is not None:
            for metric in range(METRICS):
                if mask >> metric & 1:
                    values[metric] = None
            return any(value is not None for value in values)
        if len(head.seen) < _SEEN or instant > min(head.seen):
            young = head.heard <= _YOUNG and instant < head.newest - HOUR
            return not young or self._start_anew()
        return False

    def _fall_behind(self) -> bool:
        self.head.behind += 1
        return self.head.behind >= BEHIND and self._start_anew()

    def _start_anew(self) -> bool:
        head = self.head
        self.head = Head(head.entity, head.order, head.fabric, head.names, raised=head.raised)
        self.past = Past(days=self.past.days)
        self._sum_up()
        self._find_level()
        return True

    def _move(self, instant: int, values: Values, base: Values, settings: FabricSettings) -> bool:
        head = self.head
        horizon = instant - settings.flap_seconds * SECOND
        if head.falls and head.falls[0] < horizon:
            head.falls = [fall for fall in head.falls if fall >= horizon]
        errors, broken = values[ERRORS], values[QP]
        if (errors or 0.0) >= settings.normal_errors or (broken or 0.0) >= settings.qp_errors:
            head.troubled = max(head.troubled, instant)
        utilization = values[UTILIZATION]
        if utilization is None or instant < head.newest:
            return False
        if head.down_at < 0 and _fell(utilization, values[BANDWIDTH], base):
            head.down_at = instant
            head.falls = [*head.falls[-_FALLS + 1 :], instant]
            head.hour[3] += 1
            return True
        if head.down_at >= 0 and utilization >= _BACK_PERCENT:
            head.down_at = -1
            return True
        return head.down_at >= 0

    def _turn_hour(self, hour: int) -> None:
        running = self.head.hour
        if running and running[0] >= hour:
            return
        if running:
            self.past.hours = [*self.past.hours[-_HOURS + 1 :], running]
            if running[0] // 24 != hour // 24:
                self._close_day(running[0] // 24)
        self.past.hours = [one for one in self.past.hours if one[0] >= hour - _HOURS]
        self.head.hour = [float(hour), 0.0, 0.0, 0.0, 0.0]
        self._find_level()

    def _close_day(self, day: float) -> None:
        means = sorted(one[2] / one[1] for one in self.past.hours if one[0] // 24 == day and one[1])
        if len(means) >= _HOURS_FOR_LEVEL:
            self.past.days = [*self.past.days[-_DAYS + 1 :], [day, means[-2]]]

    def _sum_up(self) -> None:
        self._totals = [sum(column) for column in zip(*self.past.minutes, strict=True)] or [0.0] * (2 * METRICS + 1)

    def _find_level(self) -> None:
        days = [level for _, level in self.past.days]
        hours = [one[2] / one[1] for one in self.past.hours if one[1]]
        self._level: float | None = None
        self._slow_from = 2.0
        if days:
            self._level = median_low(days)
            self._slow_from = 1.5 if len(days) > 1 else 2.0
        elif len(hours) >= _HOURS_FOR_LEVEL:
            self._level = sorted(hours)[len(hours) // 4]


def _fell(utilization: float, bandwidth: float | None, base: Values) -> bool:
    usual, usual_bandwidth = base[UTILIZATION], base[BANDWIDTH]
    if utilization >= _ZERO_PERCENT or usual is None or usual < _BACK_PERCENT:
        return False
    return bandwidth is None or usual_bandwidth is None or bandwidth <= _ZERO_SHARE * usual_bandwidth


def _larger(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)
