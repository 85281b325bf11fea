from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.intake.reading import line_of, read


@pytest.mark.parametrize(
    ("line", "ts", "level", "message"),
    [("2026-01-01 10:00:00,123 INFO [main] com.x.Shop - started",
      "2026-01-01T10:00:00.123000+00:00", "INFO", "[main] com.x.Shop - started"),
     ("[2026-01-01T10:00:00+09:00] [worker-1] ERROR: no table", "2026-01-01T01:00:00+00:00", "ERROR", "no table"),
     ("2026-01-01 10:00:00 [warning] slow", "2026-01-01T10:00:00+00:00", "WARN", "slow")],
)  # fmt: skip
def test_common_layouts(line: str, ts: str, level: str, message: str) -> None:
    event = line_of("timestamped", line)
    assert (event.ts.isoformat(), event.level, event.message) == (ts, level, message)


def test_a_traceback_belongs_to_its_line(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    path.write_text(
        "2026-01-01 10:00:00 ERROR failed\nTraceback (most recent call last):\n  File x\nstray\n"
        "2026-01-01 10:00:01 INFO ok\n"
    )
    found, refused, _ = read(path)
    assert [row["message"].count("\n") for row in found] == [2, 0]
    assert [letter.reason for letter in refused] == ["shop.log line 4: no timestamped line"]
