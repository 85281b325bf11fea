"""One series by itself, point by point, and the anomalies in it from their beginning to their end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from bdp.detect.series.bank import SIGNALS, SeriesBank, Verdicts
from bdp.detect.series.columns import Columns
from bdp.detect.series.counter import layout, rates
from bdp.detect.series.reason import why
from bdp.detect.series.settings import SeriesSettings

_ROW: Final = np.zeros(1, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of one point.

    Attributes:
        value: what was judged: the value, or the rate per second of a counter; NaN where there is none.
        score: None for a point that was not judged: not later than the one before, no number, or still learning.
        low, high: the expected band; NaN until the series is known.
        reason: one sentence where the point is abnormal, else empty.
        taken: False for a point that was not looked at.
    """

    value: float
    score: float | None
    low: float
    high: float
    is_anomaly: bool
    opened: bool
    closed: bool
    direction: int
    reason: str
    taken: bool


class Solo:
    """The detector for one series.

    Args:
        counter: values only grow; their rate is judged, and one that fell began again at 0.
    """

    def __init__(self, settings: SeriesSettings, *, counter: bool = False) -> None:
        self._bank = SeriesBank(settings, 1)
        self._threshold = settings.threshold
        self._began = 0.0
        self._counter = counter
        self._counted = Columns(layout(), 1)

    def judge(self, ts: float, value: float) -> Judged:
        """Judge one point by those before it, and learn from it.

        Args:
            ts: unix seconds.
        """
        at, values = np.array([ts]), np.array([value])
        if self._counter:
            values = rates(self._counted, _ROW, at, values)
        verdicts = self._bank.observe(_ROW, at, values)
        if verdicts.opened[0]:
            self._began = ts
        return _judged(float(values[0]), verdicts, self._reason(float(values[0]), verdicts))

    def _reason(self, value: float, verdicts: Verdicts) -> str:
        if not verdicts.is_anomaly[0]:
            return ""
        if verdicts.score[0] < self._threshold:
            # What such a point is like by itself says nothing: it echoes what came before it.
            return (
                f"Part of the anomaly that began at {datetime.fromtimestamp(self._began, UTC):%Y-%m-%d %H:%M:%S} UTC."
            )
        return why(
            SIGNALS[verdicts.reason[0]],
            int(verdicts.direction[0]),
            value=value,
            low=float(verdicts.expected_low[0]),
            high=float(verdicts.expected_high[0]),
            nearest=float(verdicts.nearest[0]),
            unit="/s" if self._counter else "",
        )


def _judged(value: float, verdicts: Verdicts, reason: str) -> Judged:
    low, high = float(verdicts.expected_low[0]), float(verdicts.expected_high[0])
    taken = bool(verdicts.taken[0])
    return Judged(
        value=value,
        score=float(verdicts.score[0]) if taken and not math.isnan(low) else None,
        low=low,
        high=high,
        is_anomaly=bool(verdicts.is_anomaly[0]),
        opened=bool(verdicts.opened[0]),
        closed=bool(verdicts.closed[0]),
        direction=int(verdicts.direction[0]),
        reason=reason,
        taken=taken,
    )


@dataclass(slots=True)
class Episode:
    """One anomaly, from its first abnormal point to its last.

    Attributes:
        start, end: unix seconds.
        start_text, end_text: the same as they were given.
        peak: the highest score; `peak_at`, `peak_value`, `direction` and `reason` are of that point.
        points: abnormal points in it.
        over: False while it goes on.
    """

    start: float
    start_text: str
    end: float
    end_text: str
    peak: float
    peak_at: float
    peak_value: float
    direction: int
    reason: str
    points: int = 1
    over: bool = False


class Episodes:
    """Gathers anomalies from judged points. Memory: the anomalies."""

    def __init__(self) -> None:
        self.found: list[Episode] = []

    def add(self, ts: float, text: str, judged: Judged) -> None:
        """Take the next point in."""
        if judged.opened:
            self.found.append(_episode(ts, text, judged))
        elif judged.is_anomaly and self.found:
            _extend(self.found[-1], ts, text, judged)
        if judged.closed and self.found:
            self.found[-1].over = True


def _episode(ts: float, text: str, judged: Judged) -> Episode:
    score = judged.score or 0.0
    return Episode(ts, text, ts, text, score, ts, judged.value, judged.direction, judged.reason)


def _extend(episode: Episode, ts: float, text: str, judged: Judged) -> None:
    episode.end, episode.end_text = ts, text
    episode.points += 1
    if (score := judged.score or 0.0) > episode.peak:
        episode.peak, episode.peak_at, episode.peak_value = score, ts, judged.value
        episode.direction, episode.reason = judged.direction, judged.reason
