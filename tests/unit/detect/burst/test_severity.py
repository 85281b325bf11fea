"""The table of the docstring, line by line."""

from __future__ import annotations

import pytest

from bdp.detect.burst.severity import rate
from bdp.model.anomaly import Severity


@pytest.mark.parametrize(
    ("count", "span", "errors", "never_seen", "expected"),
    [
        (11, 300, 1.0, False, Severity.LOW),
        (11, 200, 1.0, False, Severity.MEDIUM),
        (11, 100, 1.0, False, Severity.HIGH),
        (11, 1, 1.0, False, Severity.HIGH),
        (20, 60, 1.0, False, Severity.CRITICAL),
        (11, 1, 1.0, True, Severity.HIGH),
        (11, 300, 1.0, True, Severity.MEDIUM),
        (11, 300, 0.4, True, Severity.LOW),
        (20, 60, 0.4, False, Severity.HIGH),
        (5000, 1, 0.0, True, Severity.MEDIUM),
    ],
)
def test_rate(count: float, span: int, errors: float, never_seen: bool, expected: Severity) -> None:
    severity = rate(count=count, span=span, window=300, bound=10, errors=errors, never_seen=never_seen)
    assert severity is expected
