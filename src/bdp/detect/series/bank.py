"""The detector for many metric series at once: one point of each series a call.

    value -> forecasts -> five signals -> how new is each (`novelty`) -> how rare is that (`rarity`) -> the most
    surprising one speaks -> score, alarm (`alarm`)

| signal | what it sees |
|---|---|
| value | a value unlike any before, high, low or between |
| error | it runs beside its forecast for a while |
| trough | even the lowest of the last points is unlike before: a level that lasts |
| unrest | it moves much more, or much less, than usual |
| season | it is unlike this time of the week |

What is new need not be rare: a series that breaks records daily has learnt that they are nothing. And what is rare in
a young series is less rare in an old one, so surprise is divided by a power of the logarithm of the age.

Nothing looks ahead: a point is judged by what came before it, and learnt afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bdp.detect.series import alarm, forecast, novelty, rarity, window
from bdp.detect.series.columns import Columns, Floats, Rows, Shape
from bdp.detect.series.settings import SeriesSettings

SIGNALS = ("value", "error", "trough", "unrest", "season")
_VALUE, _ERROR, _TROUGH, _UNREST, _SEASON = range(len(SIGNALS))
_WEIGHTS = np.array([1.0, 0.8, 0.7, 0.6, 0.8], dtype=np.float32)
"""How much the surprise of each signal counts; chosen on every other file of the NAB corpus, see docs/reference."""
_PLAIN = 0.7
"""The value itself is the reason if its surprise is at least this share of the greatest."""
_LAGS = {_VALUE: 1, _ERROR: window.TROUGH, _TROUGH: window.TROUGH, _SEASON: 1}
"""Points after which a signal's value counts as seen: values that share points with the present one do not."""
_SMOOTH = 12.0
_UNREST_MEMORY = 576.0
_AGE = 30.0
_AGEING = 0.8
_PACE = 300.0
"""Seconds between points, from which a series is not called quick."""
_GRAIN = 0.01
"""Differences below this share of the usual step from point to point are nothing …"""
_LEAST_GRAIN = 1e-20
"""… or below this."""
_ROUNDING = 2 * float(np.finfo(np.float64).eps)
"""Differences from the first value below this share of it are how a computer rounds: 0.1 + 0.2 is not 0.3."""
_FARTHEST = 1e17
"""Distance from the first value at which values are cut off: sums of squares stay within 32 bits."""
_LATEST = 1e11
"""Unix seconds; beyond the year 5138 it is no time."""
_GAP = 12.0
"""A silence of so many usual intervals is a gap."""
_BOUND = 0.95
"""Surprise that makes a score of one half; chosen for less than one false alarm a series and week, see figures."""
_DAY = 86_400.0
_FIRST_SHARE = 0.5
"""What surprise is worth in the first hours of a series; it rises to its whole by the end of the first day."""
_MARK_EVERY = 8
_CHUNK = 2048
"""Series that are worked on together; their temporaries fit into a processor's cache."""


@dataclass(frozen=True)
class Verdicts:
    """One row a point, in the order of the points given.

    Attributes:
        score: 0 to below 1; one half and more is abnormal at the default threshold. An echo of a stronger alarm scores
            less than the alarm.
        expected_low, expected_high: the band in which about 99 % of such points lie; NaN until the series is known.
        opened, closed: an anomaly begins, or is over, with this point.
        is_anomaly: an anomaly is going on.
        direction: 1 above its forecast (or moving more), -1 below (or less).
        reason: index in `SIGNALS`.
        nearest: distance to the nearest value seen before, for the value signal.
        taken: False for a point that is not later than the one before it, or no number: it was not looked at.
    """

    score: NDArray[np.float64]
    expected_low: NDArray[np.float64]
    expected_high: NDArray[np.float64]
    opened: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    is_anomaly: NDArray[np.bool_]
    direction: NDArray[np.int8]
    reason: NDArray[np.uint8]
    nearest: NDArray[np.float64]
    taken: NDArray[np.bool_]

    @classmethod
    def empty(cls, size: int) -> Verdicts:
        """Return verdicts that say nothing."""
        false = np.zeros(size, dtype=bool)
        return cls(
            np.zeros(size),
            np.full(size, np.nan),
            np.full(size, np.nan),
            false,
            false.copy(),
            false.copy(),
            np.zeros(size, dtype=np.int8),
            np.zeros(size, dtype=np.uint8),
            np.zeros(size),
            false.copy(),
        )


def layout() -> dict[str, Shape]:
    """Return the state of one series."""
    signals = len(SIGNALS)
    return {
        "origin": ((), np.float64, 0.0),
        "since": ((), np.float64, 0.0),
        "ts": ((), np.float64, -np.inf),
        "interval": ((), np.float32, 0.0),
        "points": ((), np.int64, 0),
        "reference": ((), np.float32, 0.0),
        "smooth": ((), np.float32, 0.0),
        "smooth_before": ((window.TROUGH,), np.float32, 0.0),
        "season_before": ((), np.float32, 0.0),
        "unrest": ((), np.float32, 0.0),
        **forecast.layout(),
        **window.layout(),
        **novelty.layout(signals),
        **rarity.layout(signals),
        **alarm.layout(),
    }


class SeriesBank:
    """State and judgement of many series; about 5 KiB each."""

    def __init__(self, settings: SeriesSettings, series: int) -> None:
        self._settings = settings
        self.columns = Columns(layout(), series)
        threshold = settings.threshold
        self._bound = _BOUND * threshold / (1 - threshold)

    def observe(self, rows: NDArray[np.intp], ts: NDArray[np.float64], values: NDArray[np.float64]) -> Verdicts:
        """Judge one point of each of some series, and learn from them.

        Args:
            rows: distinct row numbers, shape (n,).
            ts: unix seconds, shape (n,).
            values: shape (n,).
        """
        verdicts = Verdicts.empty(len(rows))
        known = self.columns["ts"][rows]
        with np.errstate(invalid="ignore"):
            taken = (ts > known) & (np.abs(ts) < _LATEST) & np.isfinite(values)
        verdicts.taken[:] = taken
        for begin in range(0, len(rows), _CHUNK):
            here = begin + np.flatnonzero(taken[begin : begin + _CHUNK])
            if here.size:
                self._observe(verdicts, here, rows[here], ts[here], values[here])
        return verdicts

    def _observe(
        self,
        verdicts: Verdicts,
        out: NDArray[np.intp],
        rows: NDArray[np.intp],
        ts: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        columns = self.columns
        value, passed, after_gap = self._arrive(rows, ts, values)
        points = columns["points"][rows]
        young = (1.0 / points).astype(np.float32)
        told = forecast.forecast(columns, rows, ts, value, young, after_gap)
        grain = np.float32(_GRAIN) * columns["moves"][rows] + np.float32(_LEAST_GRAIN)
        signals = self._signals(rows, value, told, points, young, grain, after_gap)
        surprise, nearest = self._surprise(rows, signals, points, grain)
        old = points > self._settings.learn_points
        surprise[~old] = 0
        weighed = surprise * _WEIGHTS
        most, total = weighed.argmax(axis=1), weighed.max(axis=1)
        # A spike is also a high mean of the latest errors; people are told of the spike.
        most[weighed[:, _VALUE] >= _PLAIN * total] = _VALUE
        total = self._discounted(rows, total, points, ts)
        itself = (most != _ERROR) | (np.abs(told.error) > told.width)
        alarms = alarm.judge(columns, rows, total, itself, passed, self._bound, self._settings.rest_hours * 3600)
        score = total / (total + _BOUND)
        verdicts.score[out] = np.where(alarms.fresh, score, np.minimum(score, alarm.HIGHEST_ECHO))
        middle = columns["origin"][rows] + told.value
        verdicts.expected_low[out] = np.where(old, middle - told.width, np.nan)
        verdicts.expected_high[out] = np.where(old, middle + told.width, np.nan)
        verdicts.opened[out], verdicts.closed[out] = alarms.opened, alarms.closed
        verdicts.is_anomaly[out] = alarms.going
        up = np.where(most == _UNREST, signals[_UNREST] > 0, told.error >= 0)
        verdicts.direction[out] = np.where(up, 1, -1)
        verdicts.reason[out], verdicts.nearest[out] = most, nearest

    def _discounted(
        self, rows: NDArray[np.intp], surprise: Floats, points: NDArray[np.intp], ts: NDArray[np.float64]
    ) -> Floats:
        """Return what surprise is worth by the pace and the age of the series."""
        # More points are more chances for a false alarm.
        worth = np.maximum(surprise - np.log10(self._quickness(rows)), 0)
        worth /= np.log10(points + _AGE).astype(np.float32) ** np.float32(_AGEING)
        # Who has not seen a whole day yet has not seen its highest and lowest hours.
        lived = np.minimum((ts - self.columns["since"][rows]) / _DAY, 1)
        discounted: Floats = (worth * (_FIRST_SHARE + (1 - _FIRST_SHARE) * lived**2)).astype(np.float32)
        return discounted

    def _quickness(self, rows: Rows) -> Floats:
        """Return how many points come in the time of one point of a slow series."""
        with np.errstate(divide="ignore", over="ignore"):  # infinitely quick is as quick as can be
            return np.clip(np.float32(_PACE) / self.columns["interval"][rows], 1, _PACE).astype(np.float32)

    def _arrive(
        self, rows: NDArray[np.intp], ts: NDArray[np.float64], values: NDArray[np.float64]
    ) -> tuple[Floats, Floats, Floats]:
        """Return values as distances from the first one, seconds since the last point, and where a gap was."""
        columns = self.columns
        fresh = columns["points"][rows] == 0
        columns["origin"][rows[fresh]] = values[fresh]
        columns["since"][rows[fresh]] = ts[fresh]
        columns["points"][rows] += 1
        passed = np.where(fresh, 0, ts - columns["ts"][rows]).astype(np.float32)
        columns["ts"][rows] = ts
        usual = columns["interval"][rows]
        gap = (usual > 0) & (passed > _GAP * usual)
        # A quick mean that takes no single step for more than twice what was usual.
        step = np.where(usual > 0, usual + 0.1 * (np.minimum(passed, 2 * usual) - usual), passed)
        columns["interval"][rows] = np.where(gap, usual, step)
        origin = columns["origin"][rows]
        with np.errstate(over="ignore"):
            distance = np.clip(values - origin, -_FARTHEST, _FARTHEST)
        distance[np.abs(distance) <= _ROUNDING * np.abs(origin)] = 0
        return distance.astype(np.float32), passed, gap.astype(np.float32)

    def _signals(
        self,
        rows: NDArray[np.intp],
        value: Floats,
        told: forecast.Forecast,
        points: NDArray[np.intp],
        young: Floats,
        grain: Floats,
        after_gap: Floats,
    ) -> list[Floats]:
        columns = self.columns
        smooth = columns["smooth"][rows] * (1 - after_gap)
        smooth += np.maximum(np.float32(forecast.half_life(_SMOOTH)), young) * (told.error - smooth)
        columns["smooth"][rows] = smooth
        self._held = window.push(columns, rows, value)
        unrest = window.unrest(self._held, points, grain)
        usual = np.where(points == 1, unrest, columns["unrest"][rows])
        columns["unrest"][rows] = usual + np.maximum(np.float32(forecast.half_life(_UNREST_MEMORY)), young) * (
            unrest - usual
        )
        return [value, smooth, window.trough(self._held), unrest - usual, told.season]

    def _surprise(
        self, rows: NDArray[np.intp], signals: list[Floats], points: NDArray[np.intp], grain: Floats
    ) -> tuple[Floats, Floats]:
        """Return the surprise of each signal, shape (n, signals), and how far the value is from any before."""
        columns = self.columns
        self._refer(rows, points)
        reference = columns["reference"][rows]
        found = np.zeros((len(rows), len(SIGNALS)), dtype=np.float32)
        nearest = np.zeros(len(rows), dtype=np.float32)
        mark = points % _MARK_EVERY == 0
        for signal in range(len(SIGNALS)):
            if signal == _UNREST:
                size, scale = np.abs(signals[signal]) + np.float32(1e-6), np.ones_like(reference)
            else:
                apart = self._apart(rows, signal, signals[signal], points, mark)
                size, scale = apart + grain, reference
                if signal == _VALUE:
                    nearest = apart
            place = rarity.places(size, scale)
            rare = rarity.surprise(columns, rows, signal, size, place)
            found[:, signal] = rare if signal == _UNREST else np.where(apart > 0, rare, 0)
            rarity.learn(columns, rows, signal, size, place)
        columns["past"][rows] += 1
        self._forget(rows)
        return found, nearest

    def _refer(self, rows: NDArray[np.intp], points: NDArray[np.intp]) -> None:
        """Fix the scale of the bins once a series is known a little."""
        moves = self.columns["moves"][rows]
        due = rows[(self.columns["reference"][rows] == 0) & (points > self._settings.learn_points) & (moves > 0)]
        self.columns["reference"][due] = self.columns["moves"][due]

    def _apart(
        self, rows: NDArray[np.intp], signal: int, value: Floats, points: NDArray[np.intp], mark: alarm.Flags
    ) -> Floats:
        """Let the value in that is old enough, and return how far the new one is from all in the set."""
        columns = self.columns
        due = np.flatnonzero(points > _LAGS[signal])
        if due.size:
            before = self._before(rows, signal)[due]
            at = rows[due]
            novelty.remember(columns, at, signal, before, novelty.distance(columns, at, signal, before))
        self._note(rows, signal, value)
        apart = novelty.distance(columns, rows, signal, value, mark=mark)
        return np.where(np.isfinite(apart), apart, np.float32(0))

    def _before(self, rows: Rows, signal: int) -> Floats:
        """Return what a signal was `_LAGS` points ago."""
        if signal == _VALUE:
            return self._held[:, 1]
        if signal == _TROUGH:
            return window.trough(self._held, window.TROUGH)
        kept = self.columns["smooth_before" if signal == _ERROR else "season_before"][rows]
        return kept[:, -1] if signal == _ERROR else kept

    def _note(self, rows: Rows, signal: int, value: Floats) -> None:
        if signal == _ERROR:
            kept = self.columns["smooth_before"][rows]
            self.columns["smooth_before"][rows] = np.concatenate([value[:, None], kept[:, :-1]], axis=1)
        if signal == _SEASON:
            self.columns["season_before"][rows] = value

    def _forget(self, rows: NDArray[np.intp]) -> None:
        # A quick series would forget within days what it meets once a week.
        full = rows[self.columns["past"][rows] > self._settings.memory_points * self._quickness(rows)]
        if full.size:
            rarity.fade(self.columns, full)
            novelty.renew(self.columns, full)
