"""Six streams of an InfiniBand fabric, sampled each minute, with a congestion and a link flap."""

from __future__ import annotations

from datetime import date

import numpy as np

from bdp.demo.columns import MINUTE_US, Floats, Row, rfc3339, rng_of

STREAMS = tuple(f"ib-{number:02d}" for number in range(1, 7))
UNITS = {"latency_p99": "us", "utilization": "%", "error_rate": "1", "bandwidth_gbps": "Gbit/s", "qp_errors": "1"}
LINK_GBPS = 200.0
_CONGESTED = ("ib-02", 480, 505)
_FLAPPING = ("ib-05", 910, 918)
_DOWN = (910, 913, 916)
"""Minutes of the day in which the flapping link was down."""


def fabric(seed: int, day: date) -> list[tuple[int, Row]]:
    """Return the day's metric points with their microsecond of the day, in time order."""
    rng = rng_of(seed, day, "fabric")
    minutes = np.arange(1440, dtype=np.int64)
    texts = rfc3339(day, minutes * MINUTE_US)
    series = [(stream, _labels(number), _stream(rng, stream)) for number, stream in enumerate(STREAMS)]
    columns = [
        (s, labels, name, values.tolist()) for s, labels, all_values in series for name, values in all_values.items()
    ]
    return [
        (minute * MINUTE_US, _point(texts[minute], name, stream, labels, values[minute]))
        for minute in range(1440)
        for stream, labels, name, values in columns
    ]


def _stream(rng: np.random.Generator, stream: str) -> dict[str, Floats]:
    minutes = np.arange(1440)
    wave = 55 + 7 * np.sin((minutes / 1440 + rng.uniform()) * 2 * np.pi)
    utilization = np.clip(wave + rng.normal(0, 2.0, 1440), 41, 69)
    latency = 2.6 + utilization / 60 + rng.gamma(2.0, 0.12, 1440)
    values = {
        "latency_p99": latency,
        "utilization": utilization,
        "error_rate": rng.gamma(2.0, 1.2e-4, 1440),
        "bandwidth_gbps": utilization / 100 * LINK_GBPS * rng.normal(1, 0.01, 1440),
        "qp_errors": rng.poisson(0.05, 1440).astype(float),
    }
    if stream == _CONGESTED[0]:
        _congest(rng, values, slice(*_CONGESTED[1:]))
    if stream == _FLAPPING[0]:
        _flap(rng, values, slice(*_FLAPPING[1:]))
    return {name: np.round(column, 6) for name, column in values.items()}


def _congest(rng: np.random.Generator, values: dict[str, Floats], when: slice) -> None:
    length = when.stop - when.start
    strength = np.minimum(1.0, (np.arange(length) + 1) / 4)
    values["utilization"][when] += (95 - values["utilization"][when]) * strength + rng.normal(0, 0.8, length)
    values["latency_p99"][when] *= 1 + strength * rng.uniform(3.0, 5.0, length)
    values["bandwidth_gbps"][when] = values["utilization"][when] / 100 * LINK_GBPS * 0.985
    values["error_rate"][when] *= 1 + 4 * strength


def _flap(rng: np.random.Generator, values: dict[str, Floats], when: slice) -> None:
    length = when.stop - when.start
    values["error_rate"][when] = rng.uniform(0.02, 0.05, length)
    values["latency_p99"][when] *= rng.uniform(2.0, 4.0, length)
    values["qp_errors"][when] = rng.poisson(6, length)
    for minute in _DOWN:
        values["utilization"][minute] = values["bandwidth_gbps"][minute] = 0.0
        values["error_rate"][minute] = rng.uniform(0.3, 0.6)
        values["qp_errors"][minute] = rng.integers(40, 90)


def _labels(number: int) -> dict[str, str]:
    return {"fabric": "hpc-a", "switch": f"leaf-{number // 3 + 1}", "port": str(number % 3 + 1)}


def _point(ts: str, name: str, stream: str, labels: dict[str, str], value: float) -> Row:
    return {"ts": ts, "name": name, "entity": stream, "labels": labels, "value": value, "unit": UNITS[name]}
