from __future__ import annotations

from pathlib import Path

from tests.unit.intake.reading import line_of, read


def test_version_2_4() -> None:
    event = line_of(
        "apache_error",
        "[Wed Feb 11 14:32:52.123456 2026] [core:error] [pid 35:tid 43] "
        "[client 72.15.99.187:1234] AH00128: File does not exist",
    )
    assert (event.ts.isoformat(), event.level) == ("2026-02-11T14:32:52.123456+00:00", "ERROR")
    assert (event.error_code, event.client_ip) == ("AH00128", "72.15.99.187")
    assert event.attributes == {
        "log.logger": "core",
        "process.pid": "35",
        "process.thread.id": "43",
        "client.port": "1234",
    }


def test_version_2_2() -> None:
    event = line_of("apache_error", "[Sun Dec 04 04:47:44 2005] [error] [client 2001:db8::1] Directory index forbidden")
    assert (event.level, event.client_ip, event.message) == ("ERROR", "2001:db8::1", "Directory index forbidden")


def test_the_real_error_log(data_dir: Path) -> None:
    path = data_dir / "loghub-2k/loghub/Apache/Apache_2k.log"
    lines = path.read_text().splitlines()
    found, refused, _ = read(path)
    assert (len(found), refused) == (len(lines), [])
    assert sum(row["level"] == "ERROR" for row in found) == sum("] [error] " in line for line in lines) > 0
    assert sum(row["client_ip"] != "" for row in found) == sum("[client " in line for line in lines) > 0
