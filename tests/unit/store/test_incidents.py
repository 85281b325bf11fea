"""The words that an incident gets from its first anomaly."""

from __future__ import annotations

import pytest

from bdp.model.anomaly import AnomalyKind, Severity, Subject
from bdp.model.title import LONGEST_TITLE, titled
from bdp.store.incidents import worse
from tests.unit.explain.scene import incident


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"service": "pay", "route": "/pay", "error_code": "TIMEOUT"}, "Burst of TIMEOUT in pay /pay"),
        ({"service": "sshd"}, "Burst of abnormal events in sshd"),
        ({"error_code": "500"}, "Burst of 500 in unnamed service"),
        ({"service": "a\x1b[2J\r\n\u202eb"}, "Burst of abnormal events in a [2J b"),
    ],
    ids=["full", "no code", "no service", "control characters"],
)
def test_title_names_what_misbehaves(subject: dict[str, str], expected: str) -> None:
    assert titled(AnomalyKind.BURST, Subject(**subject)) == expected


@pytest.mark.parametrize(
    ("kind", "subject", "expected"),
    [
        (AnomalyKind.BURST, {"service": "pay", "route": "/pay", "error_code": "TIMEOUT"}, "pay /pay TIMEOUT 급증"),
        (AnomalyKind.BURST, {"service": ""}, "이름 없는 서비스 비정상 이벤트 급증"),
        (AnomalyKind.METRIC, {"service": "ib-02"}, "ib-02 지표 이상"),
        (AnomalyKind.FABRIC, {"service": "ib-02"}, "ib-02 패브릭 이상"),
    ],
)
def test_a_title_is_told_in_korean_with_its_names_as_they_are(
    kind: AnomalyKind, subject: dict[str, str], expected: str
) -> None:
    about = incident().model_copy(update={"subject": Subject(**subject)})
    ours = about.model_copy(update={"title": titled(kind, about.subject)})
    assert (ours.worded("title", "ko"), ours.worded("title", "en")) == (expected, ours.title)


def test_a_title_that_an_alert_wrote_is_no_words_of_ours() -> None:
    about = incident(service="pay").model_copy(update={"title": "Pay is slow"})
    assert about.worded("title", "ko") == "Pay is slow"


def test_title_is_cut() -> None:
    long = titled(AnomalyKind.BURST, Subject(service="s" * 10_000))
    assert len(long) == LONGEST_TITLE
    assert long.endswith("s…")


def test_worse_keeps_the_worse() -> None:
    assert worse(Severity.LOW, Severity.CRITICAL) is Severity.CRITICAL
    assert worse(Severity.HIGH, Severity.MEDIUM) is Severity.HIGH
