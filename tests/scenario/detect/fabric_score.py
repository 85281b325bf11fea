"""Plays planted faults to the fabric detector and scores what it says.

The expected risk is worked out here from the size that was planted and the written table (the docstring of
`bdp.detect.fabric.risk`), copied by hand and interpolated by numpy, not by the detector's own code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from bdp.detect.fabric.detector import FabricDetector, FabricSettings
from bdp.model.insight import CRITICAL_RISK, Insight
from tests.scenario.detect.fabric_traffic import Fault, Series, planted

TABLES: Mapping[str, tuple[list[float], list[float]]] = {
    "utilization": ([80, 85, 90, 95, 100], [40, 55, 65, 80, 90]),
    "latency": ([1.5, 2, 3, 4, 6, 10], [40, 55, 70, 80, 90, 100]),
    "loss": ([0.01, 0.05, 0.1, 0.2, 0.5, 1], [40, 60, 75, 85, 95, 100]),
    "qp": ([5, 10, 20, 50, 100, 1000], [40, 55, 65, 80, 90, 100]),
    "missing": ([0.2, 0.4, 0.6, 0.8, 1], [45, 60, 75, 85, 95]),
    "falls": ([1, 2, 3, 5, 10], [45, 65, 80, 90, 100]),
    "down": ([0, 120, 300, 900], [45, 65, 80, 90]),
    "slow": ([1.5, 2, 3, 5, 10], [40, 55, 70, 85, 95]),
}
FORGOTTEN = timedelta(minutes=16)
"""So long after a fault its samples are still in the 15-minute means."""


def expected_risk(size: Mapping[str, float]) -> float:
    """The riskiest measure, and 5 for each further one that is beyond its first bound."""
    risks = [float(np.interp(size[name], *TABLES[name])) for name in size if name in TABLES and beyond(name, size)]
    agreeing = size.get("agreeing", 0.0)
    if "falls" not in size:
        agreeing += len(risks) - 1
    return min(100.0, max(risks, default=0.0) + min(15.0, 5 * agreeing))


def beyond(name: str, size: Mapping[str, float]) -> bool:
    if name == "down":
        return size["down"] > 0 and size["agreeing"] > 0
    return size[name] >= TABLES[name][0][0]


@dataclass
class Score:
    """One fault.

    Attributes:
        main: type of the riskiest insight of the fault; first: of its first.
        errors: |risk - expected| of the insights of the right type.
        delay: seconds from the first sample that shows the fault to its first insight.
        critical, false_critical: insights of risk 80 and more, and those outside the fault or of another type.
    """

    kind: str
    main: str = ""
    first: str = ""
    errors: list[float] = field(default_factory=list)
    delay: float | None = None
    critical: int = 0
    false_critical: int = 0
    false: int = 0


def play(series: Series, detector: FabricDetector | None = None) -> list[tuple[datetime, Insight]]:
    """Give the samples as they come and return each insight with the time at which it was told."""
    detector = detector or FabricDetector(FabricSettings())
    told = []
    for index in range(len(series)):
        now = series.time(index)
        told += [(now, one) for one in detector.observe(series.points(index))]
    return told


def score(name: str, seed: int, *, rough: bool = False) -> Score:
    series, fault = planted(name, seed, rough=rough)
    return judge(series, fault, play(series))


def judge(series: Series, fault: Fault, told: list[tuple[datetime, Insight]]) -> Score:
    result = Score(fault.kind)
    begin, end = series.time(fault.first), series.time(fault.last) + FORGOTTEN
    inside = [(at, one) for at, one in told if begin <= one.timestamp <= end]
    result.false = len(told) - len(inside)
    for at, one in told:
        critical = one.risk_score >= CRITICAL_RISK
        result.critical += critical
        result.false_critical += critical and ((at, one) not in inside or one.prediction_type != fault.kind)
    if not inside:
        return result
    result.first = inside[0][1].prediction_type
    result.main = max(inside, key=lambda item: item[1].risk_score)[1].prediction_type
    result.delay = (inside[0][0] - series.time(fault.shows)).total_seconds()
    for _, one in inside:
        index = round((one.timestamp - series.time(0)).total_seconds() / series.interval)
        if one.prediction_type == fault.kind and index in fault.size:
            result.errors.append(abs(one.risk_score - expected_risk(fault.size[index])))
    return result
