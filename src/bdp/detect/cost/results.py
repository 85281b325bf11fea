"""What was found, as people and scripts read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Final

import numpy as np

from bdp.detect.cost import wording
from bdp.detect.cost.daily import DailyCosts
from bdp.detect.cost.settings import PATTERNS, CostSettings
from bdp.detect.cost.walk import DayJudged, Walk
from bdp.model.anomaly import SEVERITIES, Severity
from bdp.model.cost_result import CostKey, CostResult, MethodResult, PatternContext, Standing, TrendDirection

SHOWN_DAYS: Final = 60
USUAL_DAYS: Final = 35
_TINY: Final = 1e-9
_MOST: Final = 5_000
_HIGH: Final = 3.0
"""Spreads up to the most that is to be expected."""
_STEADY: Final = 0.01
"""Weekly drift, as a logarithm, from which costs are going somewhere."""
_BY_RISE: Final = (
    (Severity.CRITICAL, 0.9, 1000.0, 2.0),
    (Severity.HIGH, 0.75, 100.0, 1.0),
    (Severity.MEDIUM, 0.6, 10.0, 0.3),
)
"""Severity, and the least confidence, money (in least impacts, or units of the currency) and rise as a share of what is
expected."""
_BY_PART: Final = (
    (Severity.CRITICAL, 0.7, 1000.0, 0.3),
    (Severity.HIGH, 0.5, 100.0, 0.1),
    (Severity.MEDIUM, 0.5, 10.0, 0.03),
)
"""The same with the rise as a share of all that a usual day costs. A small rise never makes the methods very sure."""


@dataclass(frozen=True)
class Spike:
    """Abnormal days of a series without a normal one between them.

    Attributes:
        start, last: places of the first and last day; the first may lie before the day that gave it away.
        days: abnormal ones among them; days without data are not counted.
        impact: money above what was expected, over all of them.
    """

    start: int
    last: int
    days: int
    impact: float


class Results:
    """Gathers spikes over the days of a walk, and the result of the last day of each.

    Args:
        whole: by currency, what all that is paid for costs on a usual day; None: what is walked over is all.

    Memory: at most 5,000 spikes; beyond that the cheapest are dropped, counted in `dropped`.
    """

    def __init__(
        self, walk: Walk, settings: CostSettings, now: datetime, whole: Mapping[str, float] | None = None
    ) -> None:
        self._walk = walk
        self._given = whole
        self._settings = settings
        self._now = now
        self._open: dict[int, Spike] = {}
        self._found: dict[tuple[int, int], CostResult] = {}
        self.quiet: dict[tuple[int, int], CostResult] = {}
        self.spikes: dict[tuple[int, int], Spike] = {}
        self.dropped = 0

    def add(self, day: DayJudged, *, tell: bool = True) -> None:
        """Take in what was found on a day.

        Args:
            tell: False only follows the spikes, for days before those that are asked for.
        """
        abnormal = {int(day.rows[i]): int(i) for i in np.flatnonzero(day.anomalous)}
        for row in [row for row in self._open if day.settled[row] and row not in abnormal]:
            del self._open[row]
        for row, i in abnormal.items():
            spike = self._grown(row, day, i)
            if tell:
                self.spikes[row, spike.start] = spike
                self._found[row, spike.start] = self._result(day, i, spike, Standing.JUDGED)
        if tell:
            self._add_quiet(day)
            self._bound()

    @cached_property
    def whole(self) -> Mapping[str, float]:
        """By currency, what all that is paid for costs on a usual day."""
        return usual_days(self._walk.daily) if self._given is None else self._given

    def anomalies(self) -> list[CostResult]:
        """Return the result of the last day of each spike, dearest first."""
        return sorted(self._found.values(), key=lambda one: (-one.impact, str(one.key), one.day))

    def going_on(self) -> dict[CostKey, date]:
        """Return the spikes that are not over, by their first days; a day without data, or not over, ends none."""
        daily = self._walk.daily
        return {daily.keys[row]: daily.days[spike.start] for row, spike in self._open.items()}

    def _grown(self, row: int, day: DayJudged, i: int) -> Spike:
        excess = float(day.weighed.outlook.today[i] - day.weighed.outlook.expected[i])
        spike = self._open.get(row)
        if spike is None:
            back = int(day.earlier[i])
            spike = Spike(day.place - back, day.place, 1 + back, excess + float(day.owed[i]))
        else:
            spike = replace(spike, last=day.place, days=spike.days + 1, impact=spike.impact + excess)
        self._open[row] = spike
        return spike

    def _add_quiet(self, day: DayJudged) -> None:
        for flags, standing in ((day.is_small, Standing.BELOW_IMPACT), (day.is_doubled, Standing.LOOKS_DOUBLED)):
            for i in np.flatnonzero(flags).tolist():
                if len(self.quiet) < _MOST:
                    excess = float(day.weighed.outlook.today[i] - day.weighed.outlook.expected[i])
                    spike = Spike(day.place, day.place, 0, excess)
                    self.quiet[int(day.rows[i]), day.place] = self._result(day, i, spike, standing)

    def _bound(self) -> None:
        if len(self._found) <= _MOST:
            return
        cheapest = sorted(self._found, key=lambda one: self._found[one].impact)[: len(self._found) - _MOST]
        for one in cheapest:
            del self._found[one], self.spikes[one]
        self.dropped += len(cheapest)

    def _result(self, day: DayJudged, i: int, spike: Spike, standing: Standing) -> CostResult:
        settings, weighed, outlook = self._settings, day.weighed, day.weighed.outlook
        daily, row = self._walk.daily, int(day.rows[i])
        active = settings.pattern_recognition and settings.pattern_mode == "active"
        confidence = float((weighed.confidence if active else weighed.plain)[i])
        raw = max(confidence, float((weighed.raw if active else weighed.plain)[i]))
        anomaly = standing is Standing.JUDGED
        methods = self._methods(day, i)
        patterns = tuple(self._patterns(day, i, active=active))
        key, at = daily.keys[row], daily.days[day.place]
        begin = max(0, day.place + 1 - SHOWN_DAYS)
        shown = daily.costs[row, begin : day.place + 1]
        today, expected = float(outlook.today[i]), float(outlook.expected[i])
        average = float(outlook.average[i])
        change = 100 * (today - average) / average if average > _TINY else None
        detected = tuple(name for name, one in methods.items() if one.is_anomaly)
        start = daily.days[spike.start]
        said = [one for one in patterns if one.adjustment < 0 and one.applied]
        english, korean = wording.analysis(
            wording.Said(
                key=key, day=at, cost=today, expected=expected, impact=spike.impact, start=start, days=spike.days,
                methods=detected, confidence=confidence,
                lowered=([one.explanation for one in said], [one.explanation_ko for one in said]),
            )
        )  # fmt: skip
        return CostResult(
            key=key,
            day=at,
            standing=standing,
            is_anomaly=anomaly,
            confidence_score=confidence,
            raw_confidence_score=raw,
            severity=self._severity(confidence, key.currency, today, expected, spike.impact) if anomaly else None,
            current_cost=today,
            historical_average=average,
            expected_cost=expected,
            expected_high=expected * float(np.exp(outlook.bias[i] + _HIGH * outlook.spread[i])),
            change_percent=change,
            impact=spike.impact,
            spike_duration_days=spike.days,
            spike_start_date=start if anomaly else None,
            trend_direction=direction(float(outlook.weekly[i])),
            detection_results=methods,
            detected_methods=detected,
            pattern_contexts=patterns,
            historical_costs=tuple(None if np.isnan(cost) else round(float(cost), 6) for cost in shown),
            timestamps=tuple(daily.days[begin : day.place + 1]),
            analysis=english,
            analysis_ko=korean,
            timestamp=self._now,
        )

    def _methods(self, day: DayJudged, i: int) -> dict[str, MethodResult]:
        found = {}
        for name, said in day.weighed.votes.by_method.items():
            value, threshold = float(said.value[i]), float(said.threshold[i])
            english, korean = wording.method(name, value, threshold)
            confidence = float(said.confidence[i])
            found[name] = MethodResult(
                is_anomaly=confidence >= 0.5,
                confidence=confidence,
                value=round(value, 6),
                threshold=round(threshold, 6),
                explanation=english,
                explanation_ko=korean,
            )
        return found

    def _patterns(self, day: DayJudged, i: int, *, active: bool) -> Iterator[PatternContext]:
        if not self._settings.pattern_recognition:
            return
        at = self._walk.daily.days[day.place]
        times = float(day.weighed.shape.week[i, at.weekday()])
        percent = 100 * float(np.expm1(day.weighed.outlook.weekly[i]))
        for name in PATTERNS:
            adjustment = min(0.0, round(float(day.weighed.adjustments[name][i]), 6))
            english, korean = wording.pattern(name, holds=adjustment < 0, day=at, times=times, percent=percent)
            yield PatternContext(
                pattern=name, adjustment=adjustment, applied=active, explanation=english, explanation_ko=korean
            )

    def _severity(self, confidence: float, currency: str, today: float, expected: float, impact: float) -> Severity:
        """Return how grave a day is: a small rise of most of the bill matters as a large rise of little does."""
        more, whole = today - expected, self.whole.get(currency, 0.0)
        money = impact / max(1.0, self._settings.least_impact)
        shares = (
            (_BY_RISE, more / expected if expected > 0 else np.inf),
            (_BY_PART, more / whole if whole > 0 else 0.0),
        )
        found = [
            severity
            for table, share in shares
            for severity, sure, worth, least in table
            if confidence >= sure and money >= worth and share >= least
        ]
        return min(found, key=SEVERITIES.index, default=Severity.LOW)


def usual_days(daily: DailyCosts) -> dict[str, float]:
    """Return, by currency, what all of it costs on a usual day: the median of the last `USUAL_DAYS`."""
    currencies = np.array([key.currency for key in daily.keys], np.str_)
    newest = daily.costs[:, -USUAL_DAYS:]
    return {
        str(currency): float(np.median(np.nansum(newest[currencies == currency], axis=0)))
        for currency in np.unique(currencies)
    }


def direction(weekly: float) -> TrendDirection:
    """Return where costs were going by their weekly drift."""
    if abs(weekly) < _STEADY:
        return TrendDirection.STABLE
    return TrendDirection.INCREASING if weekly > 0 else TrendDirection.DECREASING
