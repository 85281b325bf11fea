"""Pairing is one to one, the same from both sides and as large as it can be; agreement is counted on equal inputs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdp.flow.comparison import Comparison, Judgement, compared, differences, paired
from bdp.flow.finding import Finding, FindingKind
from bdp.model.anomaly import Severity
from bdp.model.insight import PredictionType, severity_of

START = datetime(2026, 5, 1, tzinfo=UTC)
LATENCY, SATURATION = PredictionType.LATENCY_SPIKE, PredictionType.RESOURCE_SATURATION


def burst(begin: float, end: float | None = None, service: str = "shop", risk: int = 60) -> Finding:
    start = START + timedelta(minutes=begin)
    return Finding(
        kind=FindingKind.BURST,
        entity=(service,),
        shown=service,
        start=start,
        end=START + timedelta(minutes=begin if end is None else end),
        severity=severity_of(risk),
        text="",
    )


def both(first: list[Finding], second: list[Finding]) -> list[tuple[int, int]]:
    return paired(first, second, lambda finding: finding.subject).both


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ([burst(0)], [burst(5)], [(0, 0)]),
        ([burst(0)], [burst(5.1)], []),
        ([burst(0, 60)], [burst(30)], [(0, 0)]),
        ([burst(0, 60)], [burst(64.9)], [(0, 0)]),
        ([burst(0)], [burst(0, service="mail")], []),
        ([burst(0, 60)], [burst(10), burst(20)], [(0, 0)]),
        ([burst(0), burst(5), burst(10)], [burst(3), burst(8), burst(13)], [(0, 0), (1, 1), (2, 2)]),
        ([burst(20), burst(0)], [burst(1), burst(21)], [(0, 1), (1, 0)]),
    ],
)
def test_pairs(first: list[Finding], second: list[Finding], pairs: list[tuple[int, int]]) -> None:
    assert both(first, second) == pairs
    assert sorted((one, other) for other, one in both(second, first)) == pairs


@st.composite
def stretches(draw: st.DrawFn) -> list[Finding]:
    """Bursts of two services; those of one follow each other."""
    found: list[Finding] = []
    for service in ("shop", "mail"):
        times = sorted(draw(st.lists(st.integers(0, 60), max_size=8)))
        found += [burst(begin, end, service) for begin, end in pairwise(times)][:: draw(st.sampled_from([1, 2]))]
    return found


@given(stretches(), stretches())
def test_no_other_way_gives_more_pairs(first: list[Finding], second: list[Finding]) -> None:
    found = paired(first, second, lambda finding: finding.subject)
    back = paired(second, first, lambda finding: finding.subject)
    assert sorted((one, other) for other, one in back.both) == found.both
    ones, others = [one for one, _ in found.both], [other for _, other in found.both]
    assert sorted([*ones, *found.only_first]) == list(range(len(first)))
    assert sorted([*others, *found.only_second]) == list(range(len(second)))
    assert len(found.both) == _largest(first, second)


def _largest(first: list[Finding], second: list[Finding]) -> int:
    """Size of a maximum matching, by augmenting paths."""
    five = timedelta(minutes=5)
    near = [
        [
            at
            for at, other in enumerate(second)
            if other.subject == one.subject and one.start <= other.end + five and other.start <= one.end + five
        ]
        for one in first
    ]
    taken: dict[int, int] = {}

    def augment(one: int, seen: set[int]) -> bool:
        for at in near[one]:
            if at not in seen:
                seen.add(at)
                if at not in taken or augment(taken[at], seen):
                    taken[at] = one
                    return True
        return False

    return sum(augment(one, set()) for one in range(len(first)))


def test_differences_name_their_source_worst_first() -> None:
    ours = [burst(0), burst(100, risk=40), burst(200, service="mail")]
    theirs = [burst(1), burst(300, risk=90)]
    found = differences(("was", ours), ("present", theirs), most=2)
    [tally] = found.kinds
    assert (tally.first, tally.second, tally.both, tally.only_first, tally.only_second) == (3, 2, 1, 2, 1)
    assert [(one.only, one.finding.severity) for one in found.worst] == [
        ("present", Severity.CRITICAL),
        ("was", Severity.HIGH),
    ]
    assert found.more == 1


def judgement(minute: float, kind: PredictionType = LATENCY, risk: int = 60, text: str = "ab") -> Judgement:
    at = START + timedelta(minutes=minute)
    return Judgement(
        source="x", subject=("leaf1",), start=at, prediction_type=kind, risk=risk, confidence=0.8, explanation=text
    )


def compare(first: list[Judgement], second: list[Judgement]) -> Comparison:
    return compared(("rules", "model"), first, second)


def test_agreement_on_the_same_inputs() -> None:
    rules = [judgement(0), judgement(10), judgement(20, SATURATION, 80), judgement(30)]
    model = [judgement(0, risk=70, text="abcd"), judgement(10, SATURATION, 90), judgement(20, SATURATION, 80)]
    total = compare(rules, model).total
    assert (total.inputs, total.same_type, total.type_percent, total.near) == (3, 2, 66.7, 0)
    assert (total.risk_mean, total.risk_p95) == (13.33, 30)
    assert (total.length_first, total.length_second) == (2.0, 2.7)
    assert (total.only_first, total.only_second) == (1, 0)


def test_each_type_has_its_row() -> None:
    rows = compare([judgement(0), judgement(10, SATURATION)], [judgement(0, SATURATION), judgement(60, SATURATION)])
    [latency, saturation] = sorted(rows.types, key=lambda row: str(row.prediction_type))
    assert (latency.prediction_type, latency.inputs, latency.same_type) == (LATENCY, 1, 0)
    assert (saturation.inputs, saturation.only_first, saturation.only_second) == (0, 1, 1)
    assert (saturation.type_percent, saturation.risk_mean, saturation.risk_p95) == (None, None, None)


def test_the_same_sample_is_paired_before_a_near_one() -> None:
    total = compare([judgement(0), judgement(1, SATURATION)], [judgement(1, SATURATION), judgement(3)]).total
    assert (total.inputs, total.near, total.same_type) == (2, 1, 2)


def test_nothing_to_compare() -> None:
    found = compare([], [])
    assert (found.total.inputs, found.total.type_percent, found.types) == (0, None, ())
