from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.unit.intake.reading import line_of, read


def test_a_combined_line() -> None:
    event = line_of(
        "apache_access",
        '10.0.0.9 - ann [01/Feb/2026:10:00:00 +0900] "GET /shop/cart?id=7 HTTP/1.1" 502 321 "https://x/" "Moz \\"5\\""',
    )
    assert (event.ts.isoformat(), event.route, event.status) == ("2026-02-01T01:00:00+00:00", "/shop/cart", 502)
    assert (event.level, event.error_code, event.client_ip, event.user_id) == ("ERROR", "502", "10.0.0.9", "ann")
    assert event.attributes == {
        "http.response.body.bytes": "321",
        "http.request.header.referer": "https://x/", "user_agent.original": 'Moz \\"5\\"',
        "http.request.method": "GET", "url.path": "/shop/cart", "url.query": "id=7", "network.protocol.version": "1.1",
    }  # fmt: skip


def test_a_common_line_and_a_broken_request() -> None:
    event = line_of("apache_access", '::1 - - [01/Feb/2026:10:00:00 +0000] "\\x16\\x03" 400 -')
    assert (event.route, event.status, event.level, event.error_code) == ("", 400, "INFO", "")
    assert event.attributes == {"http.request.line": "\\x16\\x03"}


def test_the_real_access_log(data_dir: Path) -> None:
    path = data_dir / "elastic-examples-logs/common-data-formats/apache_logs/apache_logs"
    lines = path.read_text().splitlines()
    found, refused, _ = read(path)
    assert (len(found), refused) == (10_000, [])
    statuses = Counter(line.split('" ')[1].split()[0] for line in lines)
    assert Counter(str(row["status"]) for row in found) == statuses
    assert Counter(row["client_ip"] for row in found) == Counter(line.split()[0] for line in lines)
    paths = Counter(line.split()[6].split("?")[0] for line in lines)
    assert Counter(row["attributes"]["url.path"] for row in found) == paths
    routes = {row["route"] for row in found}
    assert len(routes) < len(paths)
    assert {path for path in paths if path.endswith((".png", ".css")) and path.count("/") == 2} <= routes
    assert sum(row["level"] == "ERROR" for row in found) == sum(n for status, n in statuses.items() if status >= "500")
