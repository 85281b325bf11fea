"""The rules of a fabric sample: from one reading to the signals it gives.

    never       utilisation 40-70 %, P99 latency under 2 x its baselines, errors under 1 %, no queue pair trouble
    triggered   utilisation > 80 %, or P99 > 2 x baseline, or errors > 5 %, or a metric more than 20 % off its baseline,
                or a slow degradation, or a link that fell to zero
    then        each rule below may give a signal; `risk.judge` makes one finding of them

Directions count: a metric that got better is no finding, so the end of a fault raises nothing. A mild excess (latency
of 1.5 to 2 times, load, missing bandwidth under 30 %) must show in two or three samples in a row: noise does not. Where
single samples jumped in two or more hours of the last day, latency must be high twice in a row: such a stream's single
jumps say nothing.

"Latency baseline" of the never rule means both: the mean of 15 minutes, and the level of days or hours that a slow
degradation cannot drag along. Queue pair errors are errors: a burst of them is not normal, whatever the error rate.

Reference values are those of the product's specification: P99 < 5 µs, utilisation 40-70 %, errors < 0.1 %.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan, sqrt
from typing import Final, NamedTuple

from bdp.detect.fabric.risk import Signal, signal
from bdp.detect.fabric.settings import FabricSettings

LATENCY, UTILIZATION, ERRORS, BANDWIDTH, QP = range(5)
Values = list[float | None]
"""One sample: P99 latency in µs, utilisation in %, error rate as a fraction, Gbit/s, queue pair errors."""

REFERENCE_LATENCY: Final = 5.0
_LOW_LOAD: Final = 5.0
_LOAD_POINTS: Final = 10.0
_CLEAR_LOSS: Final = 0.3
_QUIET_FALLS: Final = 3
_HABIT_HOURS: Final = 3
_JUMPY_HOURS: Final = 2


class Reading(NamedTuple):
    """One sample beside what its stream is used to.

    Attributes:
        base: means of the last 15 minutes, without this sample; None where too few are known.
        level: what P99 latency is used to over days or hours, µs; None while unknown.
        slow_from: multiple of the level from which on latency is degraded.
        warm, busy, thin: samples in a row, this one included, beyond a mild bound: latency, utilisation, and bandwidth
            for the utilisation.
        falls: times the link fell to zero within the window.
        moved: it is at zero now, or has just come back.
        down_seconds: how long it has been at zero; -1 when it is not.
        troubled: errors were seen within the window.
        habit: hours of the last day in which it fell to zero.
        jumps: hours of the last day in which latency jumped in single samples.
    """

    values: Values
    base: Values
    level: float | None
    slow_from: float
    warm: int
    busy: int
    thin: int
    falls: int
    moved: bool
    down_seconds: float
    troubled: bool
    habit: int
    jumps: int


def normal(values: Values, base: Values, level: float | None, settings: FabricSettings) -> bool:
    """Return whether nothing may be raised from this sample: the never rule."""
    latency, utilization, errors, _, _ = values
    if utilization is None or not settings.normal_low <= utilization <= settings.normal_high:
        return False
    if errors is not None and errors >= settings.normal_errors:
        return False
    if latency is not None:
        known = base[LATENCY]
        if known is not None and latency >= settings.latency_ratio * known:
            return False
        if level is not None and latency >= settings.latency_ratio * level:
            return False
    return not queue_pairs_high(values[QP], base[QP], settings)


def triggered(reading: Reading, settings: FabricSettings) -> bool:
    """Return whether the sample is worth an analysis."""
    latency, utilization, errors, _, _ = reading.values
    return (
        (utilization is not None and utilization > settings.utilization_bound)
        or (errors is not None and errors > settings.error_bound)
        or (latency is not None and reading.level is not None and latency >= reading.slow_from * reading.level)
        or reading.falls > 0
        or any(
            abs(value - known) > settings.change_bound * known
            for value, known in zip(reading.values, reading.base, strict=True)
            if value is not None and known is not None
        )
    )


def signals(reading: Reading, settings: FabricSettings) -> list[Signal]:
    """Return what the rules say of a sample that is not normal."""
    found = (rule(reading, settings) for rule in RULES)
    return [one for one in found if one is not None]


def queue_pairs_high(value: float | None, known: float | None, settings: FabricSettings) -> bool:
    """Return whether queue pair errors are beyond what such a mean shows by chance: five sigma of Poisson."""
    if value is None or value < settings.qp_errors:
        return False
    mean = known or 0.0
    return value >= settings.anomaly_ratio * mean and value > mean + 5 * sqrt(mean + 1)


def missing(values: Values, base: Values) -> float:
    """Return the share of the bandwidth that is missing for the utilisation, 0..1, by the ratio of the baselines."""
    utilization, bandwidth = values[UTILIZATION], values[BANDWIDTH]
    usual, usual_bandwidth = base[UTILIZATION], base[BANDWIDTH]
    if utilization is None or bandwidth is None or not usual or not usual_bandwidth or utilization < _LOW_LOAD:
        return 0.0
    return max(0.0, 1 - bandwidth / (utilization * usual_bandwidth / usual))


def _or_unknown(baseline: float | None) -> float:
    """A stream without a baseline yet has none to be told; that is not a baseline of nought."""
    return nan if baseline is None else baseline


def saturation(reading: Reading, settings: FabricSettings) -> Signal | None:
    value, known = reading.values[UTILIZATION], reading.base[UTILIZATION]
    if value is None or value <= settings.utilization_bound:
        return None
    return signal("saturation", value, value=value, baseline=_or_unknown(known), bound=settings.utilization_bound)


def latency(reading: Reading, settings: FabricSettings) -> Signal | None:
    value, known = reading.values[LATENCY], reading.base[LATENCY]
    if value is None or not known or value < settings.anomaly_ratio * known:
        return None
    if reading.warm < 2 and (value < settings.latency_ratio * known or reading.jumps >= _JUMPY_HOURS):
        return None
    ratio = value / known
    return signal("latency", ratio, value=value, baseline=known, ratio=ratio, reference=REFERENCE_LATENCY)


def loss(reading: Reading, settings: FabricSettings) -> Signal | None:
    value, known = reading.values[ERRORS], reading.base[ERRORS]
    if value is None or value < settings.normal_errors:
        return None
    if value <= settings.error_bound and (known is None or value < settings.anomaly_ratio * known):
        return None
    return signal("loss", value, value=100 * value, baseline=100 * _or_unknown(known))


def queue_pairs(reading: Reading, settings: FabricSettings) -> Signal | None:
    value, known = reading.values[QP], reading.base[QP]
    if value is None or not queue_pairs_high(value, known, settings):
        return None
    return signal("qp", value, value=value, baseline=_or_unknown(known))


def throttling(reading: Reading, settings: FabricSettings) -> Signal | None:
    return _thin("throttling", reading, settings, above=True)


def inefficiency(reading: Reading, settings: FabricSettings) -> Signal | None:
    return _thin("inefficiency", reading, settings, above=False)


def falls(reading: Reading, settings: FabricSettings) -> Signal | None:
    """Falls with errors count at once; those without may be a job's pauses: three, on a link that is not used to it."""
    if not reading.falls or not reading.moved:
        return None
    quiet = not reading.troubled
    if quiet and (reading.falls < _QUIET_FALLS or reading.habit >= _HABIT_HOURS):
        return None
    if reading.falls == 1 and reading.down_seconds < 0:
        return None
    return signal("falls", reading.falls, falls=reading.falls, minutes=settings.flap_seconds / 60)


def down(reading: Reading, settings: FabricSettings) -> Signal | None:
    if reading.down_seconds <= 0 or not reading.troubled:
        return None
    return signal("down", reading.down_seconds, seconds=reading.down_seconds)


def slow(reading: Reading, settings: FabricSettings) -> Signal | None:
    """The mean and the sample must both be above the level: the one shows that it lasts, the other that it goes on."""
    value, known, level = reading.values[LATENCY], reading.base[LATENCY], reading.level
    if value is None or known is None or not level or min(value, known) < reading.slow_from * level:
        return None
    ratio = known / level
    return signal("slow", ratio, value=known, baseline=level, ratio=ratio, reference=REFERENCE_LATENCY)


def load(reading: Reading, settings: FabricSettings) -> Signal | None:
    value, known = reading.values[UTILIZATION], reading.base[UTILIZATION]
    if value is None or not known or reading.busy < 3 or value > settings.utilization_bound:
        return None
    return signal("load", value / known, value=value, baseline=known, ratio=value / known)


def warmer(values: Values, base: Values, ratio: float) -> bool:
    """Return whether latency is at least this multiple of its baseline."""
    value, known = values[LATENCY], base[LATENCY]
    return value is not None and known is not None and value >= ratio * known


def heavier(values: Values, base: Values, settings: FabricSettings) -> bool:
    """Return whether utilisation is far above its baseline."""
    value, known = values[UTILIZATION], base[UTILIZATION]
    if value is None or known is None:
        return False
    return value >= settings.anomaly_ratio * known and value - known >= _LOAD_POINTS


def _thin(rule: str, reading: Reading, settings: FabricSettings, *, above: bool) -> Signal | None:
    utilization = reading.values[UTILIZATION] or 0.0
    share = missing(reading.values, reading.base)
    if (utilization > settings.normal_high) is not above or share < settings.change_bound:
        return None
    if reading.thin < (2 if above else 3) and (share < _CLEAR_LOSS or not above):
        return None
    value, known = reading.values[BANDWIDTH] or 0.0, reading.base[BANDWIDTH] or 0.0
    return signal(rule, share, value=value, baseline=known, share=100 * share, utilization=utilization)


RULES: Final[tuple[Callable[[Reading, FabricSettings], Signal | None], ...]] = (
    falls,
    down,
    throttling,
    saturation,
    loss,
    queue_pairs,
    latency,
    slow,
    load,
    inefficiency,
)
