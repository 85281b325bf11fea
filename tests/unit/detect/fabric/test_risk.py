"""The rule table: monotonic, bounded, and one finding of many signals."""

from __future__ import annotations

import pytest

from bdp.detect.fabric.counters import COUNTERS
from bdp.detect.fabric.risk import RISKS, TYPES, Signal, confidence, judge, read, risk_class, signal
from bdp.model.insight import PredictionType as P

TABLES = {**RISKS, **{one.kind: one.table for one in COUNTERS}}


@pytest.mark.parametrize("rule", TABLES)
def test_risk_grows_with_the_measure_between_0_and_100(rule: str) -> None:
    table = TABLES[rule]
    measures = [table[0][0] + step * (table[-1][0] - table[0][0]) / 50 for step in range(60)]
    risks = [risk for measure in measures if (risk := read(table, measure)) is not None]
    assert risks == sorted(risks)
    assert 0 < risks[0] <= risks[-1] <= 100
    assert read(table, table[0][0] * 0.999 - 1e-9) is None


def of(rule: str, measure: float) -> Signal:
    made = signal(rule, measure)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("measures", "expected"),
    [
        ({"latency": 4}, (P.LATENCY_SPIKE, 80)),
        ({"latency": 4, "saturation": 90}, (P.RESOURCE_SATURATION, 85)),
        ({"latency": 10, "saturation": 81}, (P.LATENCY_SPIKE, 100)),
        ({"loss": 1, "qp": 100, "latency": 10, "falls": 1}, (P.CONNECTION_INSTABILITY, 60)),
        ({"falls": 2, "down": 300, "loss": 0.5}, (P.CONNECTION_INSTABILITY, 85)),
        ({"throttling": 0.5, "saturation": 85}, (P.BANDWIDTH_THROTTLING, 72)),
        ({"throttling": 0.2, "saturation": 100}, (P.RESOURCE_SATURATION, 95)),
        ({"loss": 0.05, "qp": 100}, (P.QP_ERROR_RATE_HIGH, 95)),
        ({"slow": 2, "latency": 2}, (P.LATENCY_SPIKE, 60)),
        ({"saturation": 100, "loss": 1, "qp": 1000, "slow": 10, "latency": 10}, (P.PACKET_LOSS_DETECTED, 100)),
    ],
)
def test_signals_of_one_sample_become_one_finding(measures: dict[str, float], expected: tuple[P, int]) -> None:
    signals = [of(rule, measure) for rule, measure in measures.items()]
    verdict = judge(signals)
    assert (verdict.type, verdict.risk) == expected
    assert judge(signals[::-1])[:3] == verdict[:3]


def test_classes_and_confidence() -> None:
    assert [risk_class(risk) for risk in (0, 39, 40, 59, 60, 79, 80, 100)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert confidence(0, 0) == 0.5
    assert confidence(1000, 9) == 1.0
    assert confidence(15, 1) == 0.75


def test_every_rule_has_a_type_and_every_type_a_rule_or_counter() -> None:
    assert RISKS.keys() == TYPES.keys()
    assert {*TYPES.values(), *(one.type for one in COUNTERS)} == set(P)
