from __future__ import annotations

from pathlib import Path

import pytest

from bdp.intake.formats import LINES
from bdp.intake.formats.line import LineContext
from bdp.intake.formats.syslog import SyslogReader
from bdp.intake.limits import Edge, IntakeSettings
from tests.unit.intake.reading import NOW, line_of, read


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


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [("2026-02-20T03:00:10Z ERROR payment failed", "ERROR", "payment failed"),
     ("2026-02-20T03:00:10.123Z ERROR payment failed for order", "ERROR", "payment failed for order"),
     ("2026-02-20T03:00:10,123Z error payment failed", "ERROR", "payment failed"),
     ("2026-02-20T03:00:10Z [ERROR] payment: failed", "ERROR", "payment: failed"),
     ("2026-02-20T03:00:10Z [main] ERROR payment: failed", "ERROR", "payment: failed"),
     ("2026-02-20T03:00:10Z WARN: payment: failed", "WARN", "payment: failed"),
     ("2026-02-20T03:00:10+09:00 ERROR payment: connection refused", "ERROR", "payment: connection refused"),
     ("2026-02-20T03:00:10.123Z\tERR\tpayment failed", "ERROR", "payment failed"),
     ('2026-02-20T03:00:10Z level=error msg="payment failed"', "ERROR", 'msg="payment failed"')],
)  # fmt: skip
def test_an_iso_time_and_a_level_are_no_syslog(tmp_path: Path, line: str, level: str, message: str) -> None:
    path = tmp_path / "shop.log"
    path.write_text(f"{line}\n" * 3)
    found, refused, _ = read(path)
    assert [(row["service"], row["level"], row["message"]) for row in found] == [("shop", level, message)] * 3
    assert refused == []
    assert SyslogReader(LineContext(Edge(NOW, IntakeSettings()))).start(line) is None


def test_a_level_needs_to_be_a_word_of_its_own() -> None:
    reader = LINES["timestamped"](LineContext(Edge(NOW, IntakeSettings())))
    assert reader.start("2026-01-01 10:00:00 informal talk") is None
    assert reader.start("2026-01-01 10:00:00 [ERROR]x") is None


def test_a_traceback_belongs_to_its_line(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    path.write_text(
        "2026-01-01 10:00:00 ERROR failed\nTraceback (most recent call last):\n  File x\nstray\n"
        "2026-01-01 10:00:01 INFO ok\n"
    )
    found, refused, _ = read(path)
    assert [row["message"].count("\n") for row in found] == [2, 0]
    assert [letter.reason for letter in refused] == ["shop.log line 4: no timestamped line"]
