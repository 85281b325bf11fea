"""Traffic of InfiniBand streams, seeded, with faults planted in it; knows nothing of the detector.

Normal traffic has a daily wave, slow wandering, noise, and latency that grows with load as in a queue. Kinds: `steady`
40-70 % utilised; `light` under 40 %; `jobs` that start and end, between nearly idle and 65 %. Faults have side effects,
as real ones do: loss slows things down and breaks queue pairs, a flapping link errs also while it is up. A fault says
at each sample how large it and its side effects are, so that what a rule table makes of them can be worked out apart
from any detector. One sample in fifty is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bdp.model.metric import MetricPoint

Floats = NDArray[np.float64]
METRICS = {"latency_p99": "us", "utilization": "%", "error_rate": "1", "bandwidth_gbps": "Gbit/s", "qp_errors": "1"}
START = datetime(2026, 11, 16, tzinfo=UTC)


@dataclass
class Series:
    """One stream: its metrics by name, and the seconds between samples."""

    stream: str
    interval: int
    values: dict[str, Floats]
    link: float
    efficiency: float
    missing: frozenset[int] = frozenset()

    def time(self, index: int) -> datetime:
        return START + timedelta(seconds=self.interval * index)

    def points(self, index: int) -> list[MetricPoint]:
        if index in self.missing:
            return []
        ts = self.time(index)
        return [
            MetricPoint(ts=ts, name=name, entity=self.stream, value=float(self.values[name][index]), unit=unit)
            for name, unit in METRICS.items()
        ]

    def __len__(self) -> int:
        return len(self.values["utilization"])


@dataclass
class Fault:
    """What was planted.

    Attributes:
        kind: the prediction type that names it.
        first, last: its samples; shows: the first one that is beyond a bound of the written rules.
        size: per sample, by measure; only where the fault is.
    """

    kind: str
    first: int
    last: int
    shows: int
    size: Mapping[int, Mapping[str, float]]


def wandering(rng: np.random.Generator, count: int, spread: float, memory: float = 0.9) -> Floats:
    """An autoregressive walk around 0 with this standard deviation."""
    steps = rng.normal(0, spread * np.sqrt(1 - memory**2), count)
    out = np.empty(count)
    value = 0.0
    for index in range(count):
        value = memory * value + steps[index]
        out[index] = value
    return out


def normal(seed: int, hours: float, interval: int, kind: str = "steady") -> Series:
    rng = np.random.default_rng((seed, 7))
    count = int(hours * 3600 / interval)
    day = np.arange(count) * interval / 86_400
    wave = np.sin((day + rng.uniform()) * 2 * np.pi)
    if kind == "steady":
        utilization = np.clip(rng.uniform(50, 58) + rng.uniform(2, 6) * wave + wandering(rng, count, 2.0), 40.5, 69.5)
    elif kind == "light":
        utilization = np.clip(rng.uniform(15, 28) * (1 + 0.15 * wave) + wandering(rng, count, 1.0), 1.5, 40)
    else:
        utilization = np.clip(_jobs(rng, count, interval) + wandering(rng, count, 1.5), 1.5, 69)
    load = utilization / 100
    latency = rng.uniform(1.6, 3.0) * (1 + 0.25 * load / (1 - np.minimum(load, 0.9)))
    latency *= rng.lognormal(0, rng.uniform(0.03, 0.08), count)
    link, efficiency = float(rng.choice([100, 200, 400])), float(rng.uniform(0.9, 0.98))
    values = {
        "latency_p99": latency,
        "utilization": utilization,
        "error_rate": rng.gamma(2.0, rng.uniform(5e-5, 2e-4), count),
        "bandwidth_gbps": load * link * efficiency * rng.normal(1, 0.015, count),
        "qp_errors": rng.poisson(rng.uniform(0.01, 0.3), count).astype(float),
    }
    missing = frozenset(np.flatnonzero(rng.uniform(size=count) < 0.02).tolist())
    return Series(f"ib-{seed:05d}", interval, values, link, efficiency, missing)


def _jobs(rng: np.random.Generator, count: int, interval: int) -> Floats:
    out = np.empty(count)
    at = 0
    while at < count:
        length = int(rng.uniform(1800, 10_800) / interval)
        out[at : at + length] = rng.uniform(45, 62) if rng.uniform() < 0.6 else rng.uniform(3, 15)
        at += length
    return out


def _sizes(first: int, **columns: Sequence[float] | Floats) -> dict[int, dict[str, float]]:
    length = len(next(iter(columns.values())))
    return {first + i: {name: float(column[i]) for name, column in columns.items()} for i in range(length)}


def _mean_before(series: Series, first: int, planted: Floats, usual: float | Floats) -> Floats:
    """The mean of the quarter of an hour before each sample of the fault; before the fault it was as usual."""
    window = 900 // series.interval
    whole = np.concatenate([np.full(window, np.mean(usual)), planted])
    return np.array([whole[i : i + window].mean() for i in range(len(planted))])


def _twice_the_level(series: Series) -> int:
    """The first sample at which the mean of a quarter of an hour is twice the second highest hour of the first day."""
    values = series.values["latency_p99"]
    hour, window = 3600 // series.interval, 900 // series.interval
    level = np.sort(values[: 24 * hour].reshape(24, hour).mean(axis=1))[-2]
    mean = np.convolve(values, np.ones(window) / window, mode="full")[: len(values)]
    return int(np.argmax(mean >= 2 * level))


def _rise(rng: np.random.Generator, length: int, interval: int) -> Floats:
    """From 0 to 1 within a minute at most."""
    steps = int(rng.integers(0, max(1, 60 // interval) + 1))
    return np.minimum(1.0, (np.arange(length) + 1) / (steps + 1))


def saturation(series: Series, rng: np.random.Generator, first: int, length: int) -> Fault:
    v, when = series.values, slice(first, first + length)
    grown = _rise(rng, length, series.interval)
    target = rng.uniform(85, 99.5)
    before = v["utilization"][when].copy()
    level = before + (target - before) * grown
    factor = 1 + np.maximum(0, (level - 70) / 30) * rng.uniform(0.5, 2.5)
    v["utilization"][when] = np.minimum(100, level + rng.normal(0, 0.4, length))
    v["latency_p99"][when] *= factor
    v["bandwidth_gbps"][when] = v["utilization"][when] / 100 * series.link * series.efficiency
    v["error_rate"][when] += rng.uniform(0, 0.006)
    shows = first + int(np.argmax(level > 80))
    ratio = factor / _mean_before(series, first, factor, 1.0)
    return Fault("resource_saturation", first, first + length, shows, _sizes(first, utilization=level, latency=ratio))


def latency(series: Series, rng: np.random.Generator, first: int, length: int) -> Fault:
    factor = 1 + np.exp(rng.uniform(np.log(1.4), np.log(11))) * _rise(rng, length, series.interval)
    series.values["latency_p99"][first : first + length] *= factor
    series.values["utilization"][first : first + length] += rng.uniform(-8, 12)
    shows = first + int(np.argmax(factor >= 2))
    ratio = factor / _mean_before(series, first, factor, 1.0)
    return Fault("latency_spike", first, first + length, shows, _sizes(first, latency=ratio))


def loss(series: Series, rng: np.random.Generator, first: int, length: int) -> Fault:
    share = np.exp(rng.uniform(np.log(0.015), np.log(0.6))) * np.ones(length)
    v, when = series.values, slice(first, first + length)
    v["error_rate"][when] = np.clip(share * rng.normal(1, 0.05, length), 0, 1)
    factor = 1 + rng.uniform(0, 4) * share
    v["latency_p99"][when] *= factor
    ratio = factor / _mean_before(series, first, factor, 1.0)
    broken = share * rng.uniform(0, 60)
    v["qp_errors"][when] += rng.poisson(broken)
    sizes = _sizes(first, loss=share, latency=ratio, qp=broken)
    return Fault("packet_loss_detected", first, first + length, first, sizes)


def queue_pairs(series: Series, rng: np.random.Generator, first: int, length: int) -> Fault:
    count = np.exp(rng.uniform(np.log(12), np.log(600))) * np.ones(length)
    v, when = series.values, slice(first, first + length)
    v["qp_errors"][when] = rng.poisson(count)
    errors = np.full(length, rng.uniform(0, 0.02))
    v["error_rate"][when] += errors
    return Fault("qp_error_rate_high", first, first + length, first, _sizes(first, qp=count, loss=errors))


def throttling(series: Series, rng: np.random.Generator, first: int, length: int) -> Fault:
    v, when = series.values, slice(first, first + length)
    target, share = rng.uniform(73, 93), np.full(length, rng.uniform(0.3, 0.9))
    usual = v["utilization"][first - 900 // series.interval : first]
    level = np.full(length, target)
    moved = _mean_before(series, first, level * (1 - share), usual) / _mean_before(series, first, level, usual)
    v["utilization"][when] = target + rng.normal(0, 0.5, length)
    v["bandwidth_gbps"][when] = target / 100 * series.link * series.efficiency * (1 - share)
    v["bandwidth_gbps"][when] *= rng.normal(1, 0.015, length)
    sizes = _sizes(first, missing=1 - (1 - share) / moved, utilization=level)
    return Fault("bandwidth_throttling", first, first + length, first, sizes)


def flap(series: Series, rng: np.random.Generator, first: int, length: int) -> Fault:
    """Two to six falls within eight minutes; half of the links say so by errors too, those that don't fall thrice."""
    v = series.values
    errors = bool(rng.uniform() < 0.5)
    between = rng.uniform(0, 0.02) if errors else 0.0
    wanted = int(rng.integers(2 if errors else 3, 7))
    room = max(2, 480 // series.interval // wanted)
    series.missing = frozenset(series.missing - set(range(first, first + room * wanted)))
    size: dict[int, dict[str, float]] = {}
    at, falls = first, 0
    shows = -1
    while falls < wanted:
        falls += 1
        down = int(rng.integers(1, max(2, room - 1)))
        for index in range(at, at + down):
            v["utilization"][index] = v["bandwidth_gbps"][index] = 0.0
            if errors:
                v["error_rate"][index] = rng.uniform(0.2, 0.7)
                v["qp_errors"][index] = float(rng.integers(20, 90))
            size[index] = {"falls": falls, "agreeing": 2.0 if errors else 0.0, "down": (index - at) * series.interval}
        v["error_rate"][at + down : at + room] += between
        if shows < 0 and (errors or falls == 3):
            shows = at
        at += room
    return Fault("connection_instability", first, at, shows, size)


def slow(series: Series, rng: np.random.Generator, first: int, length: int) -> Fault:
    """Latency creeps up to a multiple; its 15-minute mean creeps along."""
    target = rng.uniform(2.4, 6.0)
    factor = 1 + (target - 1) * np.linspace(0, 1, length)
    series.values["latency_p99"][first : first + length] *= factor
    mean = _mean_before(series, first, factor, 1.0)
    shows = _twice_the_level(series)
    return Fault("performance_degradation", first, first + length, shows, _sizes(first, slow=mean))


Plant = Callable[[Series, np.random.Generator, int, int], Fault]
FAULTS: Mapping[str, Plant] = {
    "saturation": saturation,
    "latency spike": latency,
    "flap": flap,
    "QP errors": queue_pairs,
    "packet loss": loss,
    "throttling": throttling,
    "slow degradation": slow,
}


def roughen(series: Series, rng: np.random.Generator) -> None:
    """Make a stream worse to read: noise of 10-25 % on latency, 2-6 % on bandwidth, and one latency in 500 trebled."""
    v, count = series.values, len(series)
    v["latency_p99"] *= rng.lognormal(0, rng.uniform(0.1, 0.25), count)
    v["latency_p99"] *= np.where(rng.uniform(size=count) < 0.002, 3.0, 1.0)
    v["bandwidth_gbps"] *= rng.normal(1, rng.uniform(0.02, 0.06), count)
    v["error_rate"] *= rng.lognormal(0, 0.8, count)


def planted(name: str, seed: int, *, rough: bool = False) -> tuple[Series, Fault]:
    """Return a stream with one fault of a random size at a random time; it samples every 10, 15, 30 or 60 s.

    Args:
        rough: the stream is noisier than a steady one, and may be a light one or one of jobs that come and go.
    """
    rng = np.random.default_rng((seed, sum(name.encode())))
    if name == "slow degradation":
        series = normal(seed, hours=float(rng.uniform(44, 56)), interval=60)
        if rough:
            roughen(series, rng)
        length = int(rng.uniform(5, 20) * 60)
        return series, slow(series, rng, len(series) - length - int(rng.uniform(0, 120)), length)
    interval = int(rng.choice([10, 15, 30, 60]))
    kind = str(rng.choice(["steady", "light", "jobs"])) if rough else "steady"
    series = normal(seed, hours=2.5, interval=interval, kind=kind)
    if rough:
        roughen(series, rng)
    first = int(rng.uniform(2400, 6000) / interval)
    return series, FAULTS[name](series, rng, first, int(rng.uniform(240, 1200) / interval))


def as_json(points: Sequence[MetricPoint]) -> list[dict[str, Any]]:
    """The same points as a sender writes them."""
    return [
        {
            "ts": p.ts.isoformat(),
            "name": p.name,
            "entity": p.entity,
            "labels": p.labels,
            "value": p.value,
            "unit": p.unit,
        }
        for p in points
    ]
