"""What a key's own history makes likely: a band for the count in one window.

Time is cut into slots of one window's length. Two views of the past:

- Recent: exponentially weighted mean m of the slots' counts, and spread v of the slots' peaks around it (a peak is the
  largest sliding count in the slot: the thing that is compared). Empty slots count. What lies above the bound that held
  is folded in as that bound, so one burst moves the band little, while a level that stays moves it further every slot.
- Same hour of week: mean and band of that hour in each of the last two weeks; the lower of the two is used, so that
  only what happened in both is normal.

The band is m + WIDTH * max(sqrt(v), sqrt(m)); sqrt(m) is the spread of independent events. The higher of both views
holds. The first 12 slots of a key that nothing is known of give their median, with its square root as the first spread,
so a burst of under half an hour at the very start does not become the normal. (With the MAD as first spread, bursty
noise settles half a day sooner, but a real SSH attack in an already uneasy log was seen 147 s late instead of 43 s.)

Measured, with windows of 5 minutes: Poisson streams of 5 to 200 events a slot gave 3 false crossings in 315 key-days
(width 3 gave 151); negative binomial noise (mean 30, variance 480) gave 13 to 17 on the first day, then one a day or
less; a daily wave of 20 to 180 gave 2 on the first day, then none. At a level of 20, twice as much raises; at 200, half
as much again. A shift from 0 to 200 is normal after 16 h, 0 to 1,500
after 23 h, 20 to 200 after 10 h (ALPHA twice as large: about two thirds of that). An hour of 200 lifts the bound of a
quiet key from 10 to 10.1, six hours lift it to 39.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from math import sqrt
from statistics import median

import msgspec

WIDTH = 4.0
ALPHA = 1 / 288
COMPLETE = 12
_HOURS = 168
_UNKNOWN = -1.0


class Band(msgspec.Struct, array_like=True, frozen=True):
    """Expected count in one window, and the largest that is still normal."""

    expected: float
    upper: float


Slots = dict[int, list[float]]
"""Count and peak of slots that are not folded in yet, and of the few before them."""


def band(mean: float, variance: float) -> Band:
    """Return the band of a level and its spread."""
    return Band(mean, mean + WIDTH * sqrt(max(variance, mean)))


class Week(msgspec.Struct):
    """Band of each hour of the week in the last two weeks: mean, upper, mean before, upper before; -1 is unknown."""

    values: bytes = b""

    def at(self, hour: int) -> Band | None:
        """Return the band for an hour since 1970, None before two weeks of it are known."""
        if not self.values:
            return None
        mean, upper, mean_before, upper_before = self._cells()[hour % _HOURS * 4 : hour % _HOURS * 4 + 4]
        if _UNKNOWN in (mean, mean_before):
            return None
        return Band(min(mean, mean_before), min(upper, upper_before))

    def note(self, first: int, after: int, level: Band) -> bool:
        """Note the hours first … after-1; False if nothing changed because nothing ever happened."""
        if not self.values and level.upper == 0:
            return False
        cells = self._cells()
        for hour in range(max(first, after - 2 * _HOURS), after):
            place = hour % _HOURS * 4
            cells[place : place + 4] = array("f", (level.expected, level.upper, *cells[place : place + 2]))
        self.values = cells.tobytes()
        return True

    def _cells(self) -> array[float]:
        return array("f", self.values) if self.values else array("f", [_UNKNOWN]) * (4 * _HOURS)


class Baseline(msgspec.Struct, array_like=True):
    """History of one key.

    Attributes:
        next_slot: the first slot that is not folded in.
        complete: slots known so far.
        start: count and peak of the first slots, until there are enough of them.
        bands: what held or will hold in slots around now.
        hour: the hour since 1970 being summed up, then its slots, sum of counts, of peaks and of squared peaks.
    """

    next_slot: int
    complete: int = 0
    mean: float = 0.0
    variance: float = 0.0
    start: list[tuple[float, float]] = []
    bands: dict[int, Band] = {}
    hour: int = -1
    hour_slots: int = 0
    hour_counts: float = 0.0
    hour_peaks: float = 0.0
    hour_squares: float = 0.0


class Folding:
    """Folds slots into baselines and reads bands from them.

    Args:
        slot_seconds: length of a slot.
        delay: slots that may still receive late events; a band uses only slots that no late event can change.
    """

    def __init__(self, slot_seconds: int, delay: int) -> None:
        self._slot_seconds = slot_seconds
        self._delay = delay
        self._single = delay + 3

    def begin(self, slot: int, known_empty: int) -> Baseline:
        """Return the history of a key that is first seen in `slot`, with so many slots known to be empty before.

        The first slot is only partly the key's own, so it is left out.
        """
        fresh = Baseline(next_slot=slot + 1, complete=known_empty if known_empty >= COMPLETE else 0)
        if fresh.complete:
            fresh.bands = {s: Band(0.0, 0.0) for s in range(slot, slot + self._delay + 2)}
        return fresh

    def band(
        self, baseline: Baseline, week: Week, slot: int, slots: Slots, bound: Callable[[Band | None], float]
    ) -> tuple[Band | None, bool]:
        """Return the band that holds in a slot (None: not enough history), and whether `week` was changed.

        Args:
            slots: counts and peaks that wait; those that are folded in are removed.
            bound: gives the count above which a band raises, for clipping.
        """
        changed = self._fold_to(baseline, week, slot - self._delay, slots, bound)
        return self._read(baseline, week, slot), changed

    def _read(self, baseline: Baseline, week: Week, slot: int) -> Band | None:
        recent = baseline.bands.get(slot)
        weekly = self._weekly(week, slot)
        if recent is None or weekly is None:
            return recent or weekly
        return Band(weekly.expected, max(recent.upper, weekly.upper))

    def _weekly(self, week: Week, slot: int) -> Band | None:
        """Return the band of the slot's hour; a window reaches back into the slot before, which may be another hour."""
        here = week.at(slot * self._slot_seconds // 3600)
        before = week.at((slot - 1) * self._slot_seconds // 3600)
        if here is None or before is None:
            return here
        return Band(here.expected, max(here.upper, before.upper))

    def _fold_to(
        self, base: Baseline, week: Week, slot: int, slots: Slots, bound: Callable[[Band | None], float]
    ) -> bool:
        changed = False
        while base.next_slot < slot:
            gap = self._empty_run(base, slot, slots)
            if gap:
                changed |= self._fold_empty(base, week, gap)
                continue
            count, peak = slots.get(base.next_slot, (0.0, 0.0))
            changed |= self._fold(base, week, count, peak, bound(self._read(base, week, base.next_slot)))
        for old in [s for s in slots if s < base.next_slot - self._single]:
            del slots[old]
        return changed

    def _empty_run(self, base: Baseline, slot: int, slots: Slots) -> int:
        """Return how many slots can be folded at once: empty ones, away from both ends of a gap."""
        if base.complete < COMPLETE:
            return 0
        recent = max((s for s in slots if s < base.next_slot), default=-(10**9))
        nearest = min((s for s in slots if s >= base.next_slot), default=slot)
        begin = max(base.next_slot, recent + self._single)
        if begin > base.next_slot:
            return 0
        return max(0, min(slot, nearest) - self._single - base.next_slot)

    def _fold(self, base: Baseline, week: Week, count: float, peak: float, limit: float) -> bool:
        slot = base.next_slot
        changed = self._sum_hour(base, week, slot * self._slot_seconds // 3600, 1, count, peak)
        if base.complete < COMPLETE:
            self._learn_start(base, count, peak)
        else:
            count, peak = min(count, limit), min(peak, limit)
            base.variance += ALPHA * ((peak - base.mean) ** 2 - base.variance)
            base.mean += ALPHA * (count - base.mean)
            base.complete += 1
        base.next_slot = slot + 1
        self._publish(base, slot + 1 + self._delay)
        return changed

    def _learn_start(self, base: Baseline, count: float, peak: float) -> None:
        base.start.append((count, peak))
        base.complete += 1
        if base.complete == COMPLETE:
            base.mean = float(median(c for c, _ in base.start))
            base.variance = base.mean
            base.start = []

    def _fold_empty(self, base: Baseline, week: Week, many: int) -> bool:
        """Fold in `many` empty slots at once: the closed form of the same recursion."""
        changed = self._sum_gap(base, week, many)
        kept = (1 - ALPHA) ** many
        carried = base.mean**2 * (1 - ALPHA) ** (many - 1) * (1 - kept)
        base.variance, base.mean = base.variance * kept + carried, base.mean * kept
        base.complete += many
        base.next_slot += many
        self._publish(base, base.next_slot + self._delay)
        return changed

    def _publish(self, base: Baseline, slot: int) -> None:
        if base.complete >= COMPLETE:
            base.bands[slot] = band(base.mean, base.variance)
        for old in [s for s in base.bands if s < base.next_slot - 1]:
            del base.bands[old]

    def _sum_gap(self, base: Baseline, week: Week, many: int) -> bool:
        hour = base.next_slot * self._slot_seconds // 3600
        after = (base.next_slot + many - 1) * self._slot_seconds // 3600
        rest = max(1, 3600 // self._slot_seconds)
        changed = self._sum_hour(base, week, hour, min(many, rest - base.hour_slots), 0.0, 0.0)
        if after > hour:
            changed |= self._sum_hour(base, week, hour + 1, 0, 0.0, 0.0)
            changed |= week.note(hour + 1, after, Band(0.0, 0.0))
            base.hour = after
            base.hour_slots = many % rest
        return changed

    def _sum_hour(self, base: Baseline, week: Week, hour: int, slots: int, count: float, peak: float) -> bool:
        changed = False
        if hour != base.hour:
            if base.hour_slots:
                changed = week.note(base.hour, base.hour + 1, _hour_band(base))
            base.hour, base.hour_slots = hour, 0
            base.hour_counts = base.hour_peaks = base.hour_squares = 0.0
        base.hour_slots += slots
        base.hour_counts += count
        base.hour_peaks += peak
        base.hour_squares += peak * peak
        return changed


def _hour_band(base: Baseline) -> Band:
    n = base.hour_slots
    mean = base.hour_counts / n
    return band(mean, max(0.0, base.hour_squares / n - 2 * mean * base.hour_peaks / n + mean * mean))
