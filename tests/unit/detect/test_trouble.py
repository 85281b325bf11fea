"""From insights to the incident list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bdp.detect.trouble import Troubles
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind, AnomalyProgress, Severity
from bdp.model.insight import TTL, Insight, InsightSource, PredictionType

START = datetime(2026, 3, 2, tzinfo=UTC)


def insight(
    second: int,
    risk: int,
    entity: str = "ib-1",
    kind: PredictionType = PredictionType.LATENCY_SPIKE,
    series: str = "",
) -> Insight:
    at = START + timedelta(seconds=second)
    return Insight(
        entity_id=f"alert_{entity}{series}_{int(at.timestamp())}",
        timestamp=at,
        prediction_type=kind,
        risk_score=risk,
        explanation=f"risk {risk}",
        recommendations=("look", "mend"),
        confidence=0.8,
        model_used="rules",
        source=InsightSource.RULES,
        related_entity=entity,
        ttl=at + TTL,
    )


def test_a_high_risk_opens_and_quiet_time_closes() -> None:
    troubles = Troubles()
    (opened,) = troubles.observe([insight(0, 65)], AnomalyKind.FABRIC)
    assert isinstance(opened, Anomaly)
    assert (opened.kind, opened.subject.service, opened.severity) == (AnomalyKind.FABRIC, "ib-1", Severity.HIGH)
    assert opened.templates == ("risk 65",)
    assert troubles.advance(START + timedelta(seconds=599)) == []
    (ended,) = troubles.advance(START + timedelta(seconds=600))
    assert (ended.anomaly_id, ended.end_time, ended.peak) == (opened.anomaly_id, START, 65)


def test_a_medium_risk_alone_opens_nothing() -> None:
    troubles = Troubles()
    again = [insight(60 * i, 55) for i in range(20)]
    assert troubles.observe(again, AnomalyKind.FABRIC) == []


def test_two_different_findings_together_open() -> None:
    fabric = [insight(0, 45), insight(200, 45, kind=PredictionType.RESOURCE_SATURATION)]
    (opened,) = Troubles().observe(fabric, AnomalyKind.FABRIC)
    assert isinstance(opened, Anomaly)
    assert opened.start_time == START
    odd = PredictionType.ANOMALY_DETECTED
    metrics = [insight(0, 45, kind=odd, series="/cpu_1"), insight(10, 45, kind=odd, series="/mem_2")]
    assert len(Troubles().observe(metrics, AnomalyKind.METRIC)) == 1
    same = [insight(0, 45, kind=odd, series="/cpu_1"), insight(10, 45, kind=odd, series="/cpu_1")]
    assert Troubles().observe(same, AnomalyKind.METRIC) == []
    apart = [insight(0, 45), insight(301, 45, kind=PredictionType.RESOURCE_SATURATION)]
    assert Troubles().observe(apart, AnomalyKind.FABRIC) == []


def test_more_of_it_only_lets_it_grow() -> None:
    found = Troubles().observe([insight(0, 65), insight(60, 62), insight(120, 70)], AnomalyKind.FABRIC)
    assert [type(one) for one in found] == [Anomaly, AnomalyProgress, AnomalyProgress]
    last = found[-1]
    assert isinstance(last, AnomalyProgress)
    assert (last.total, last.last_seen) == (3, START + timedelta(seconds=120))


def test_a_worse_class_takes_its_place_under_the_same_signature() -> None:
    first, second, end = Troubles().observe([insight(0, 65), insight(60, 85)], AnomalyKind.FABRIC)
    assert isinstance(first, Anomaly)
    assert isinstance(second, Anomaly)
    assert isinstance(end, AnomalyEnd)
    assert second.severity is Severity.CRITICAL
    assert second.signature == first.signature
    assert end.anomaly_id == first.anomaly_id != second.anomaly_id


def test_entities_and_kinds_are_apart() -> None:
    troubles = Troubles()
    found = troubles.observe([insight(0, 65), insight(0, 65, entity="ib-2")], AnomalyKind.FABRIC)
    found += troubles.observe([insight(0, 65)], AnomalyKind.METRIC)
    assert len({one.signature for one in found if isinstance(one, Anomaly)}) == 3


def test_late_quiet_is_noticed_by_the_next_finding() -> None:
    found = Troubles().observe([insight(0, 65), insight(3600, 65)], AnomalyKind.FABRIC)
    assert [type(one) for one in found] == [Anomaly, AnomalyEnd, Anomaly]


def test_restored_it_goes_on() -> None:
    first, second = Troubles(), Troubles()
    (opened,) = first.observe([insight(0, 65)], AnomalyKind.FABRIC)
    rows = {name: row for name, row in first.changed_rows().items() if row is not None}
    second.restore({**rows, "series/x": b"of another"})
    assert [type(one) for one in second.observe([insight(60, 65)], AnomalyKind.FABRIC)] == [AnomalyProgress]
    (ended,) = second.finish()
    assert isinstance(opened, Anomaly)
    assert ended.anomaly_id == opened.anomaly_id
    assert set(second.changed_rows().values()) == {None}


def test_the_same_finding_gives_the_same_anomaly() -> None:
    once, twice = (Troubles().observe([insight(0, 65)], AnomalyKind.FABRIC) for _ in range(2))
    assert once == twice
