"""Requests that are wrong around their body: methods, paths, types, tokens, lengths, headers, queries."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.corpus.entry import Entry, Good, whole


def _line(good: Good) -> bytes:
    return good.line(1)


def _methods_and_paths() -> Iterator[Entry]:
    idea = "methods and paths"
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"):
        yield whole(f"method-{method.lower()}", idea, _line, 405, method=method)
    for name, path, status in (
        ("unknown", "/v1/nothing", 404),
        ("other-version", "/v2/events", 404),
        ("encoded-dots", "/v1/%2e%2e/%2e%2e/etc/passwd", 404),
        ("doubled-slash", "//v1//events", 404),
        ("nul", "/v1/events%00", 404),
        ("broken-utf8", "/v1/%ff%fe", 404),
        ("line-break", "/v1/events%0d%0aX-Evil:1", 404),
        ("long", "/v1/" + "x" * 20_000, 404),
        ("sql", "/v1/events';DROP TABLE events", 404),
        ("upper-case", "/V1/EVENTS", 404),
    ):
        yield whole(f"path-{name}", idea, _line, status, path=path)


def _tokens() -> Iterator[Entry]:
    idea = "authentication"
    for name, token in {
        "none": "",
        "wrong": "Bearer wrong",
        "other-scheme": "Basic dXNlcjpwYXNz",
        "empty": "Bearer ",
        "only-scheme": "Bearer",
        "doubled": "Bearer the token, Bearer the token",
        "long": "Bearer " + "x" * 50_000,
        "prefix": "Bearer the toke",
        "latin-1": "Bearer caf\xe9",
        "lower-case-value": "Bearer THE TOKEN",
    }.items():
        yield whole(f"token-{name}", idea, _line, 401, "token", token=token)
    yield whole("token-none-for-a-bomb", idea, lambda good: b"\0" * 1_000_000, 401, "token", token="")


def _headers() -> Iterator[Entry]:
    idea = "headers"
    for name, content_type in {
        "none": "",
        "odd": "image/png",
        "form": "application/x-www-form-urlencoded",
        "broken": 'application/json; ===; "',
        "multipart-without-boundary": "multipart/form-data",
        "long": "a/" + "b" * 5000,
        "json-for-lines": "application/json",
        "xml": "text/xml",
    }.items():
        # What a client calls its lines does not matter as long as they can be read.
        yield Entry(
            f"type-of-content-{name}",
            idea,
            lambda good: good.lines(1, 2),
            good=2,
            headers={"Content-Type": content_type},
        )
    yield whole("header-key-too-long", idea, _line, 422, "idempotency-key", headers={"Idempotency-Key": "k" * 129})
    yield Entry(
        "header-key-of-odd-characters", idea, _line, good=1, headers={"Idempotency-Key": "'; DROP TABLE x; -- <b>"}
    )
    yield Entry("header-key-latin-1", idea, _line, good=1, headers={"Idempotency-Key": "cl\xe9"})
    yield Entry("header-key-empty", idea, _line, good=1, headers={"Idempotency-Key": ""})
    yield whole("length-says-100-gb", idea, _line, 413, "bytes", headers={"Content-Length": str(10**11)})
    yield whole("length-says-10^30", idea, _line, 413, "bytes", headers={"Content-Length": str(10**30)})
    yield whole("length-of-5000-digits", idea, _line, 413, "bytes", headers={"Content-Length": "9" * 5000})
    yield Entry("header-host-evil", idea, _line, good=1, headers={"Host": "evil.example"})
    yield Entry(
        "header-forwarded", idea, _line, good=1, headers={"X-Forwarded-For": "1.2.3.4, <script>", "Forwarded": "for=;;"}
    )
    yield Entry("header-expect", idea, _line, good=1, headers={"Expect": "200-maybe"})


def _queries() -> Iterator[Entry]:
    """The SQL window and the lists: what is asked wrongly is told, never run."""
    idea = "queries"
    asked: dict[str, object] = {
        "no-sql": {},
        "number": {"sql": 7},
        "null": {"sql": None},
        "empty": {"sql": ""},
        "long": {"sql": "x" * 20_001},
        "array": ["SELECT 1"],
        "text": "SELECT 1",
    }
    for name, question in asked.items():
        body = json.dumps(question).encode()
        yield whole(f"query-{name}", idea, body, 422, path="/v1/query", headers={"Content-Type": "application/json"})
    for name, sql in {
        "write": "INSERT INTO events (ts) VALUES (now())",
        "drop": "DROP TABLE events",
        "file": "SELECT * FROM file('/etc/passwd')",
        "url": "SELECT * FROM url('http://127.0.0.1:1/')",
        "two": "SELECT 1; SELECT 2",
        "nonsense": "SELECT FROM WHERE",
        "nul": "SELECT '\0",
        "settings": "SELECT 1 SETTINGS max_execution_time = 0, readonly = 0",
        "unclosed": "SELECT 'a",
        "deep": "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "no-table": "SELECT * FROM nowhere",
        "outfile": "SELECT 1 INTO OUTFILE '/tmp/x'",
    }.items():
        body = json.dumps({"sql": sql}).encode()
        yield whole(f"query-{name}", idea, body, 400, path="/v1/query", headers={"Content-Type": "application/json"})
    for name, body, status in (
        ("not-json", b"{", 422),
        ("deep", b"[" * 100_000, 400),
        ("latin-1", b'{"sql":"\xe9"}', 400),
        ("nothing", b"", 422),
        ("surrogate", b'{"sql":"\\ud800"}', 422),
    ):
        yield whole(
            f"query-body-{name}", idea, body, status, path="/v1/query", headers={"Content-Type": "application/json"}
        )
    for name, path, status in (
        ("limit-zero", "/v1/incidents?limit=0", 422),
        ("limit-huge", "/v1/incidents?limit=" + "9" * 400, 422),
        ("limit-word", "/v1/dead-letters?limit=many", 422),
        ("since-naive", "/v1/incidents?since=2026-01-01T00:00:00", 422),
        ("since-year-0", "/v1/incidents?since=0000-01-01T00:00:00Z", 422),
        ("status-unknown", "/v1/incidents?status=lost", 422),
        ("no-incident", "/v1/incidents/%00", 404),
        ("no-incident-long", "/v1/incidents/" + "x" * 5000, 404),
        ("day-nonsense", "/v1/briefing?day=2026-99-99", 400),
        ("day-far", "/v1/briefing?day=9999-12-31", 400),
        ("language-unknown", "/v1/briefing?language=xx", 422),
        ("day-broken-utf8", "/v1/briefing?day=%ff", 400),
    ):
        yield whole(f"list-{name}", idea, b"", status, path=path, method="GET")


def entries() -> Iterator[Entry]:
    for part in (_methods_and_paths, _tokens, _headers, _queries):
        yield from part()
