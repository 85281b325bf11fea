"""How risky a finding is: the rule table, and how signals that agree become one finding.

A signal is one rule's measure of one sample. Its risk is read from RISKS: a straight line between two neighbours of the
table, the outermost risks beyond the ends; no signal below the first entry. A counter's table is in `counters.py`.

    rule          measure                                                       prediction type
    ------------  ------------------------------------------------------------  ----------------------
    saturation    utilisation, %                                                resource_saturation
    latency       P99 latency / its mean of 15 min                              latency_spike
    loss          error rate, fraction                                          packet_loss_detected
    qp            queue pair errors in one sample                               qp_error_rate_high
    throttling    share of the bandwidth that is missing for the utilisation    bandwidth_throttling
    falls         times the link fell to zero within `flap_seconds`             connection_instability
    down          seconds at zero, with errors                                  connection_instability
    slow          mean P99 latency of 15 min / its level of days or hours       performance_degradation
    load          utilisation / its mean of 15 min                              anomaly_detected
    inefficiency  as throttling, outside of high utilisation                    anomaly_detected

The signals of one sample become one finding. Its type is that of the riskiest signal (of equals, the first in ORDER),
unless another type that is there explains it (EXPLAINS) and lies at most `margin` below it: a full link explains its
latency. The risk is the riskiest of the type's own signals and of those it explains; a link that is down is rated only
by how often and how long it was down, since it always loses everything. Each further rule that was met and means
another type adds 5, at most 15. The sum is cut at 100 and rounded. In maintenance a link's falls have risk 10.

Confidence is 0.5 + 0.3 x min(1, samples heard / 30) + 0.1 for each other rule met, at most 0.2.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from bdp.model.insight import PredictionType as P

Table = tuple[tuple[float, float], ...]

RISKS: Final[Mapping[str, Table]] = {
    "saturation": ((80, 40), (85, 55), (90, 65), (95, 80), (100, 90)),
    "latency": ((1.5, 40), (2, 55), (3, 70), (4, 80), (6, 90), (10, 100)),
    "loss": ((0.01, 40), (0.05, 60), (0.1, 75), (0.2, 85), (0.5, 95), (1, 100)),
    "qp": ((5, 40), (10, 55), (20, 65), (50, 80), (100, 90), (1000, 100)),
    "throttling": ((0.2, 45), (0.4, 60), (0.6, 75), (0.8, 85), (1, 95)),
    "falls": ((1, 45), (2, 65), (3, 80), (5, 90), (10, 100)),
    "down": ((0, 45), (120, 65), (300, 80), (900, 90)),
    "slow": ((1.5, 40), (2, 55), (3, 70), (5, 85), (10, 95)),
    "load": ((1.5, 25), (3, 35), (5, 39)),
    "inefficiency": ((0.2, 25), (0.6, 39)),
}
TYPES: Final[Mapping[str, P]] = {
    "saturation": P.RESOURCE_SATURATION,
    "latency": P.LATENCY_SPIKE,
    "loss": P.PACKET_LOSS_DETECTED,
    "qp": P.QP_ERROR_RATE_HIGH,
    "throttling": P.BANDWIDTH_THROTTLING,
    "falls": P.CONNECTION_INSTABILITY,
    "down": P.CONNECTION_INSTABILITY,
    "slow": P.PERFORMANCE_DEGRADATION,
    "load": P.ANOMALY_DETECTED,
    "inefficiency": P.ANOMALY_DETECTED,
}


class Cause(NamedTuple):
    """What a type explains.

    Attributes:
        margin: risk by which an effect may exceed the cause and still be explained by it.
        takes_worst: the finding takes over the effects' risk where that is higher.
    """

    effects: frozenset[P]
    margin: float
    takes_worst: bool = True


EXPLAINS: Final[Mapping[P, Cause]] = {
    P.CONNECTION_INSTABILITY: Cause(
        frozenset(
            {P.PACKET_LOSS_DETECTED, P.QP_ERROR_RATE_HIGH, P.LATENCY_SPIKE, P.RDMA_TIMEOUT}
            | {P.BANDWIDTH_THROTTLING, P.ANOMALY_DETECTED}
        ),
        55,
        takes_worst=False,
    ),
    P.BANDWIDTH_THROTTLING: Cause(
        frozenset({P.RESOURCE_SATURATION, P.LATENCY_SPIKE, P.PERFORMANCE_DEGRADATION, P.ANOMALY_DETECTED}), 30
    ),
    P.RESOURCE_SATURATION: Cause(frozenset({P.LATENCY_SPIKE, P.PERFORMANCE_DEGRADATION, P.ANOMALY_DETECTED}), 20),
    P.PACKET_LOSS_DETECTED: Cause(frozenset({P.LATENCY_SPIKE, P.PERFORMANCE_DEGRADATION, P.RDMA_TIMEOUT}), 10),
    P.LATENCY_SPIKE: Cause(frozenset({P.PERFORMANCE_DEGRADATION, P.ANOMALY_DETECTED}), 100),
}
"""From cause to effect, in the order in which causes are tried."""
ORDER: Final = (
    P.CONNECTION_INSTABILITY,
    P.BANDWIDTH_THROTTLING,
    P.RESOURCE_SATURATION,
    P.PACKET_LOSS_DETECTED,
    P.QP_ERROR_RATE_HIGH,
    P.MEMORY_REGISTRATION_FAILURE,
    P.RDMA_TIMEOUT,
    P.LATENCY_SPIKE,
    P.PERFORMANCE_DEGRADATION,
    P.ANOMALY_DETECTED,
)
"""The more telling type first."""
AGREEMENT: Final = 5
MOST_AGREEMENT: Final = 15
MAINTENANCE: Final = 10
CLASSES: Final = (40, 60, 80)
"""From here on: medium, high, critical; below: information."""


class Signal(NamedTuple):
    """A rule that was met.

    Attributes:
        rule: its name in RISKS, or the kind of a counter.
        facts: numbers for the explanation, by the names that the wording's templates use.
    """

    rule: str
    type: P
    risk: float
    facts: Mapping[str, float]


class Verdict(NamedTuple):
    """One finding: its leading signal, and the others that were met."""

    type: P
    risk: int
    lead: Signal
    others: tuple[Signal, ...]


def read(table: Table, measure: float) -> float | None:
    """Return the risk of a measure; None below the table's first entry.

    >>> read(RISKS["latency"], 3.5)
    75.0
    """
    at = bisect_right(table, (measure, float("inf")))
    if at == 0:
        return None
    low, least = table[at - 1]
    if at == len(table):
        return least
    high, most = table[at]
    return least + (most - least) * (measure - low) / (high - low)


def signal(rule: str, measure: float, **facts: float) -> Signal | None:
    """Return the rule's signal; None below its table."""
    risk = read(RISKS[rule], measure)
    return None if risk is None else Signal(rule, TYPES[rule], risk, facts)


def judge(signals: Sequence[Signal]) -> Verdict:
    """Return the one finding of the signals of one sample; there is at least one."""
    worst = max(signals, key=lambda s: (s.risk, -ORDER.index(s.type), s.rule))
    lead = _cause_of(worst, signals)
    cause = EXPLAINS.get(lead.type)
    risk = worst.risk if cause is None or cause.takes_worst else lead.risk
    others = tuple(s for s in signals if s.rule != lead.rule)
    agreeing = sum(1 for s in others if s.type is not lead.type)
    risk = min(100.0, risk + min(MOST_AGREEMENT, AGREEMENT * agreeing))
    return Verdict(lead.type, round(risk), lead, others)


def risk_class(risk: int) -> int:
    """Return 0 information, 1 medium, 2 high, 3 critical."""
    return bisect_right(CLASSES, risk)


def confidence(heard: int, others: int) -> float:
    """Return how sure a finding is.

    Args:
        heard: samples of the stream so far.
        others: further rules that were met.
    """
    return round(0.5 + 0.3 * min(1.0, heard / 30) + 0.1 * min(2, others), 2)


def _cause_of(worst: Signal, signals: Sequence[Signal]) -> Signal:
    best = {s.type: s for s in sorted(signals, key=lambda s: (s.risk, s.rule))}
    for kind, cause in EXPLAINS.items():
        if kind in best and worst.type in cause.effects and best[kind].risk >= worst.risk - cause.margin:
            return best[kind]
    return worst
