from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bdp.intake.formats.line import LineContext
from bdp.intake.formats.syslog import SyslogReader
from bdp.intake.limits import Edge, IntakeSettings
from tests.unit.intake.reading import line_of, read


def test_rfc_3164() -> None:
    event = line_of("syslog", "<11>Feb  5 17:32:18 web-1 cron[42]: something broke")
    assert (event.service, event.level, event.message) == ("cron", "ERROR", "something broke")
    assert event.attributes == {"host.name": "web-1", "process.pid": "42"}


@pytest.mark.parametrize(
    ("now", "stamp", "year"),
    [(datetime(2026, 3, 1, tzinfo=UTC), "Feb 28 10:00:00", 2026),
     (datetime(2026, 3, 1, tzinfo=UTC), "Dec 31 23:59:59", 2025),
     (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), "Jan  1 00:10:00", 2026),
     (datetime(2026, 3, 1, tzinfo=UTC), "Feb 29 10:00:00", 2024)],
)  # fmt: skip
def test_the_year_is_the_latest_that_is_not_ahead(now: datetime, stamp: str, year: int) -> None:
    event = SyslogReader(LineContext(Edge(now, IntakeSettings()))).start(f"{stamp} h p: m")
    assert event is not None
    assert event.ts.year == year


def test_rsyslog_with_an_offset() -> None:
    event = line_of("syslog", "2026-02-01T10:00:00.5+09:00 web-1 nginx[7]: started")
    assert (event.ts, event.service) == (datetime(2026, 2, 1, 1, 0, 0, 500000, tzinfo=UTC), "nginx")


@pytest.mark.parametrize("host", ["web-1", "10.0.0.7", "fe80::1%eth0", "errors.example.org", "log"])
def test_what_is_no_level_is_a_host(host: str) -> None:
    event = line_of("syslog", f"2026-02-01T10:00:00Z {host} nginx[7]: started")
    assert (event.service, event.attributes["host.name"]) == ("nginx", host)


def test_rfc_5424_with_structured_data() -> None:
    line = (
        '<165>1 2026-02-01T10:00:00.003Z host app 1234 ID47 [ex@32473 iut="3" q="a \\"b\\" \\]"][o k="v"] it happened'
    )
    event = line_of("syslog", line)
    assert (event.service, event.level, event.message) == ("app", "INFO", "it happened")
    assert event.attributes == {
        "host.name": "host", "process.pid": "1234", "syslog.msgid": "ID47", "ex@32473.iut": "3",
        "ex@32473.q": 'a "b" ]',
        "o.k": "v",
    }  # fmt: skip


def test_rfc_5424_without_anything() -> None:
    event = line_of("syslog", "<34>1 - - - - - - nothing known", file_service="box")
    assert (event.service, event.level, event.message) == ("box", "FATAL", "nothing known")


@pytest.mark.parametrize(
    "line", ["", "Feb 30 10:00:00 h p: m", "Foo  1 10:00:00 h p: m", "Feb  1 99:00:00 h p: m", "<999>"]
)
def test_other_lines_are_not_syslog(line: str) -> None:
    assert SyslogReader(LineContext(Edge(datetime(2026, 3, 1, tzinfo=UTC), IntakeSettings()))).start(line) is None


def test_a_real_host(data_dir: Path) -> None:
    path = data_dir / "loghub-2k/loghub/Linux/Linux_2k.log"
    lines = path.read_text().splitlines()
    found, refused, _ = read(path)
    assert (len(found), refused) == (len(lines), [])
    for program in ("ftpd", "su", "kernel", "logrotate", "named"):
        expected = sum(
            f" combo {program}" in line and line.split(" combo ")[1][len(program)] in "[(:" for line in lines
        )
        assert sum(row["service"] == program for row in found) == expected > 0
    failures = sum("sshd(pam_unix)" in line and "authentication failure;" in line for line in lines)
    assert sum(row["error_code"] == "authentication_failure" for row in found) == failures > 0
