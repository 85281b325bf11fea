"""What a model is asked about a sample or a scrape: its figures beside what is usual, each by a name of its own.

    latency_p99, utilization, error_rate, bandwidth_gbps, qp_errors    the sample; baseline: mean of the last 15 minutes
    latency_p99_15min                                                  that mean; baseline: its level of days or hours
    latency_p99_5min_ago, …_10min_ago, utilization_…                   means of a minute, so long before the sample
    bandwidth_missing                                                  share that is missing for the utilisation, %
    link_falls_10min, link_down                                        falls to zero in the window; seconds at zero
    symbol_error_5min, …                                               rise of a port's counter over its window

Which samples: `FabricSettings.ask`. What is asked has the id of its insight, or `ask_<stream>_<epoch seconds>`; both
are made of the data alone, so a replay asks the same again under the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import floor, log10
from typing import Final

from bdp.detect.fabric.counters import KINDS
from bdp.detect.fabric.risk import Signal
from bdp.detect.fabric.rules import BANDWIDTH, ERRORS, LATENCY, QP, UTILIZATION, Reading, Values, missing
from bdp.detect.fabric.settings import FabricSettings
from bdp.detect.fabric.track import MINUTE, SECOND
from bdp.model.inquiry import Inquiry, Measure
from bdp.model.insight import Insight

_NAMES: Final = ("latency_p99", "utilization", "error_rate", "bandwidth_gbps", "qp_errors")
_UNITS: Final = ("µs", "%", "%", "Gbit/s", "")
_SCALES: Final = (1.0, 1.0, 100.0, 1.0, 1.0)
_REFERENCES: Final = ("< 5", "40-70", "< 0.1", "", "")
_MISSING: Final = "bandwidth_missing"
_MEAN: Final = "latency_p99_15min"
_OF_RULE: Final[Mapping[str, str]] = {
    "saturation": "utilization",
    "latency": "latency_p99",
    "loss": "error_rate",
    "qp": "qp_errors",
    "throttling": _MISSING,
    "inefficiency": _MISSING,
    "falls": "link_falls",
    "down": "link_down",
    "slow": _MEAN,
    "load": "utilization",
}
_AGO: Final = (5, 10)
_DIGITS: Final = 6


def inquiry(
    entity: str, instant: int, measures: Sequence[Measure], insight: Insight | None, maintenance: str | None
) -> Inquiry:
    """Return the question about one instant (microseconds since 1970) of a stream or port."""
    second, rest = divmod(instant, SECOND)
    return Inquiry(
        inquiry_id=f"ask_{entity}_{second}" if insight is None else insight.entity_id,
        related_entity=entity,
        timestamp=datetime.fromtimestamp(second, UTC) + timedelta(microseconds=rest),
        measures=tuple(measures),
        insight=insight,
        maintenance=maintenance or "",
    )


def of_sample(
    instant: int,
    values: Values,
    base: Values,
    reading: Reading | None,
    signals: Iterable[Signal],
    minutes: Sequence[Sequence[float]],
    settings: FabricSettings,
) -> list[Measure]:
    """Return what can be said of a sample.

    Args:
        reading: None where the sample is normal.
        minutes: of the last quarter of an hour, see `track.Past`.
    """
    spoken = {_OF_RULE[signal.rule] for signal in signals if signal.rule in _OF_RULE}
    found = [
        _measure(name, value, unit, scale, known, reference, name in spoken or _far(slot, value, known, settings))
        for slot, (name, unit, scale, reference) in enumerate(zip(_NAMES, _UNITS, _SCALES, _REFERENCES, strict=True))
        for value, known in [(values[slot], base[slot])]
        if value is not None
    ]
    if reading is not None:
        found += _of_reading(reading, base, spoken, settings)
    return [*found, *_course(instant, minutes)]


def of_scrape(signals: Iterable[Signal]) -> list[Measure]:
    """Return what can be said of a port whose counters rose."""
    return [
        Measure(
            name=f"{KINDS[signal.rule].kind}_{signal.facts['minutes']:g}min",
            value=rounded(signal.facts["increase"]),
            stands_out=True,
        )
        for signal in signals
    ]


def rounded(value: float) -> float:
    """Return six significant digits: more is noise, and takes room.

    >>> rounded(0.000123456789), rounded(1234567.8), rounded(0)
    (0.000123457, 1234570.0, 0.0)
    """
    return round(value, _DIGITS - 1 - floor(log10(abs(value)))) if value else 0.0


def _measure(
    name: str, value: float, unit: str, scale: float, known: float | None, reference: str, stands_out: bool
) -> Measure:
    return Measure(
        name=name,
        value=rounded(scale * value),
        unit=unit,
        baseline=None if known is None else rounded(scale * known),
        reference=reference,
        stands_out=stands_out,
    )


def _of_reading(reading: Reading, base: Values, spoken: set[str], settings: FabricSettings) -> Iterable[Measure]:
    known, share = base[LATENCY], missing(reading.values, base)
    if known is not None and reading.level is not None:
        yield _measure(_MEAN, known, "µs", 1.0, reading.level, "< 5", _MEAN in spoken)
    if share >= settings.change_bound:
        yield Measure(name=_MISSING, value=rounded(100 * share), unit="%", stands_out=_MISSING in spoken)
    if reading.falls:
        name = f"link_falls_{settings.flap_seconds / 60:g}min"
        yield Measure(name=name, value=reading.falls, stands_out="link_falls" in spoken)
    if reading.down_seconds > 0:
        yield Measure(name="link_down", value=rounded(reading.down_seconds), unit="s", stands_out="link_down" in spoken)


def _far(slot: int, value: float, known: float | None, settings: FabricSettings) -> bool:
    """Return whether a metric is beyond a bound by itself; what is merely noisy (errors that hardly are any) is not."""
    if slot == UTILIZATION and value > settings.utilization_bound:
        return True
    if slot == ERRORS:
        return value >= settings.normal_errors
    if slot == QP:
        return value >= settings.qp_errors and value >= settings.anomaly_ratio * (known or 0.0)
    if known is None:
        return False
    if slot == BANDWIDTH:
        return value < (1 - settings.change_bound) * known
    return value >= (settings.anomaly_ratio if slot == LATENCY else 1 + settings.change_bound) * known


def _course(instant: int, minutes: Sequence[Sequence[float]]) -> Iterable[Measure]:
    """Return what latency and utilisation were some minutes ago."""
    known = {int(one[0]): one for one in minutes}
    for slot in (LATENCY, UTILIZATION):
        for ago in _AGO:
            minute = known.get(instant // MINUTE - ago)
            if minute is not None and minute[2 * slot + 1]:
                mean = minute[2 * slot + 2] / minute[2 * slot + 1]
                yield Measure(name=f"{_NAMES[slot]}_{ago}min_ago", value=rounded(mean), unit=_UNITS[slot])
