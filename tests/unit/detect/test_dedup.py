"""New, or a repeat?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from bdp.detect.burst.detector import BurstDetector, BurstSettings
from bdp.detect.dedup import DedupSettings, Judgement, judge
from bdp.model.anomaly import Anomaly, Sighting
from tests.unit.detect.burst.signals import raised, spread

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
TICK = timedelta(microseconds=1)


@pytest.fixture
def anomaly() -> Anomaly:
    return raised(BurstDetector(BurstSettings()).observe(spread(0, 60, 11)))[0]


def seen(anomaly: Anomaly, ago: timedelta, *, live: bool) -> Sighting:
    return Sighting(signature=anomaly.signature, incident_id="I1", live=live, last_seen=anomaly.detected_at - ago)


def test_first_sighting_is_new(anomaly: Anomaly) -> None:
    assert judge(None, anomaly, DedupSettings()) is Judgement.NEW


@pytest.mark.parametrize(
    ("live", "ago", "expected"),
    [
        (True, HOUR, Judgement.REPEAT),
        (True, HOUR + TICK, Judgement.NEW),
        (True, WEEK + TICK, Judgement.NEW),
        (False, timedelta(0), Judgement.REPEAT),
        (False, HOUR, Judgement.REPEAT),
        (False, HOUR + TICK, Judgement.NEW),
        (False, -5 * HOUR, Judgement.REPEAT),
    ],
)
def test_age_and_life_decide(anomaly: Anomaly, live: bool, ago: timedelta, expected: Judgement) -> None:
    assert judge(seen(anomaly, ago, live=live), anomaly, DedupSettings()) is expected


def test_sighting_of_another_signature_says_nothing(anomaly: Anomaly) -> None:
    other = seen(anomaly, HOUR, live=True).model_copy(update={"signature": "0" * 16})
    assert judge(other, anomaly, DedupSettings()) is Judgement.NEW
