from __future__ import annotations

import pytest

from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import read_time


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00+00:00"),
        ("2026-01-01T10:00:00.123456789+09:00", "2026-01-01T01:00:00.123457+00:00"),
        ("2026-01-01 10:00:00,123", "2026-01-01T10:00:00.123000+00:00"),
        ("2026-01-01T10:00:00+0100", "2026-01-01T09:00:00+00:00"),
        ("2026-01-01 10:00:00 UTC", "2026-01-01T10:00:00+00:00"),
        ("2026-01-01 10:00:00 +0100", "2026-01-01T09:00:00+00:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59+00:00"),
        ("2026-01-01", "2026-01-01T00:00:00+00:00"),
        (1767261600, "2026-01-01T10:00:00+00:00"),
        (1767261600.5, "2026-01-01T10:00:00.500000+00:00"),
        (1767261600123, "2026-01-01T10:00:00.123000+00:00"),
        (1767261600123456, "2026-01-01T10:00:00.123456+00:00"),
        (1767261600123456789, "2026-01-01T10:00:00.123456+00:00"),
        ("1767261600", "2026-01-01T10:00:00+00:00"),
        ("1767261600.25", "2026-01-01T10:00:00.250000+00:00"),
        ("1767261600123456789", "2026-01-01T10:00:00.123456+00:00"),
    ],
)
def test_times_are_read(value: object, expected: str) -> None:
    assert read_time(value).isoformat() == expected


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2026-13-01T00:00:00Z", True, None, [1], 1e30, float("nan"), "9" * 400]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(RefusedRecord, match=r"ts: expected RFC 3339 text or epoch"):
        read_time(value)
