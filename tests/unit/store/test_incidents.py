"""The words that an incident gets from its first anomaly."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bdp.model.anomaly import Anomaly, AnomalyKind, Severity, Subject
from bdp.store.incidents import LONGEST_TITLE, title, worse

AT = datetime(2026, 3, 1, tzinfo=UTC)


def titled(**subject: str) -> str:
    return title(
        Anomaly(
            anomaly_id="a",
            kind=AnomalyKind.BURST,
            subject=Subject(**subject),
            signature="00000000000000aa",
            severity=Severity.LOW,
            start_time=AT,
            detected_at=AT,
            count=12,
            threshold=10,
            expected=None,
            window_seconds=300,
            never_seen=True,
            templates=("never in a title",),
            trace_ids=(),
        )
    )


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
    assert titled(**subject) == expected


def test_title_is_cut() -> None:
    long = titled(service="s" * 10_000)
    assert len(long) == LONGEST_TITLE
    assert long.endswith("s…")


def test_worse_keeps_the_worse() -> None:
    assert worse(Severity.LOW, Severity.CRITICAL) is Severity.CRITICAL
    assert worse(Severity.HIGH, Severity.MEDIUM) is Severity.HIGH
