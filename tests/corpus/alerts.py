"""Malformed alerts of other systems."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator

from tests.corpus import protocols as made
from tests.corpus.entry import HERE, IN, Entry, outcome, placed, whole

ALERTS = "/v1/alerts/alertmanager"

_NAMED = '"labels":{"alertname":"a"}'
_BAD_ALERTS: dict[str, tuple[str, str]] = {
    "null": ("null", "schema"),
    "number": ("5", "schema"),
    "text": ('"x"', "schema"),
    "empty": ("{}", "schema"),
    "array": ("[]", "schema"),
    "no-labels": ('{"status":"firing"}', "schema"),
    "labels-null": ('{"labels":null}', "schema"),
    "labels-list": ('{"labels":["alertname"]}', "schema"),
    "labels-deep": ('{"labels":{"alertname":{"a":{"b":[]}}}}', "schema"),
    "name-number": ('{"labels":{"alertname":5}}', IN),
    "name-empty": ('{"labels":{"alertname":""}}', "schema"),
    "name-list": ('{"labels":{"alertname":["a"]}}', IN),
    "name-nul": ('{"labels":{"alertname":"a\\u0000"}}', IN),
    "name-surrogate": ('{"labels":{"alertname":"a\\ud800"}}', IN),
    "label-key-surrogate": ('{"labels":{"alertname":"a","\\ud800":"\\udfff"},"startsAt":"2026-03-01T00:00:00Z"}', IN),
    "fingerprint-surrogate": ("{" + _NAMED + ',"fingerprint":"\\ud800","startsAt":"2026-03-01T00:00:00Z"}', IN),
    "fingerprint-object": ("{" + _NAMED + ',"fingerprint":{"a":1}}', IN),
    "starts-nonsense": ("{" + _NAMED + ',"startsAt":"soon"}', "schema"),
    "starts-number": ("{" + _NAMED + ',"startsAt":12}', IN),
    "starts-list": ("{" + _NAMED + ',"startsAt":["x"]}', "schema"),
    "starts-1950": ("{" + _NAMED + ',"startsAt":"1950-01-01T00:00:00Z"}', "schema"),
    "starts-9999": ("{" + _NAMED + ',"startsAt":"9999-12-31T23:59:59-12:00"}', "schema"),
    "starts-ahead": ("{" + _NAMED + ',"startsAt":"2030-01-01T00:00:00Z"}', "clock"),
    "ends-nonsense": ("{" + _NAMED + ',"endsAt":"never"}', "schema"),
    "starts-true": ("{" + _NAMED + ',"startsAt":true}', "schema"),
    "status-number": ("{" + _NAMED + ',"status":7}', IN),
    "status-object": ("{" + _NAMED + ',"status":{"state":["x"]}}', IN),
    "severity-odd": ('{"labels":{"alertname":"a","severity":"🔥"}}', IN),
    "deep": ("{" + _NAMED + ',"x":' + "[" * 700 + "]" * 700 + "}", "schema"),
    "10k-labels": (json.dumps({"labels": {"alertname": "a", **{f"l{n}": "v" for n in range(10_000)}}}), IN),
    "annotation-numbers": ("{" + _NAMED + ',"annotations":{"summary":1e308,"description":[1e400]}}', IN),
    "infinite": ("{" + _NAMED + ',"x":NaN,"y":[Infinity]}', IN),
    "key-twice": ("{" + _NAMED + ',"labels":{"alertname":"b"}}', IN),
}


def _alertmanager() -> Iterator[Entry]:
    idea = "alert webhooks"
    for name, (bad, cause) in _BAD_ALERTS.items():
        yield Entry(
            f"alert-{name}",
            idea,
            lambda good, bad=bad: placed(made.webhook([made.alert(good, 1), HERE, made.alert(good, 2)]), bad),
            path=ALERTS,
            good=2,
            **outcome(cause),
        )
    for name, body in {
        "not-json": b"alert!",
        "number": b"5",
        "text": b'"x"',
        "alerts-object": b'{"alerts":{}}',
        "deep": b'{"alerts":' + b"[" * 50_000,
        "nothing": b"",
        "null": b"null",
        "5000-digits": b'{"alerts":' + b"9" * 5000 + b"}",
        "cut": b'{"alerts":[{"labels":',
    }.items():
        yield whole(f"alert-whole-{name}", idea, body, 400, path=ALERTS)
    yield whole("alert-10001", idea, b'{"alerts":[' + b"{}," * 10_000 + b"{}]}", 413, "10000 alerts", path=ALERTS)
    yield whole("alert-unknown-sender", idea, b"{}", 404, "senders", path="/v1/alerts/nagios")
    yield whole("alert-odd-sender", idea, b"{}", 404, "senders", path="/v1/alerts/%00%0d%0a")
    yield whole("alert-long-sender", idea, b"{}", 422, path="/v1/alerts/" + "x" * 41)
    yield whole("alert-no-token", idea, b"{}", 401, "token", path=ALERTS, token="")
    yield whole(
        "alert-basic-without-colon",
        idea,
        b"{}",
        401,
        "token",
        path=ALERTS,
        token="Basic " + base64.b64encode(b"x").decode(),
    )
    yield whole("alert-basic-no-base64", idea, b"{}", 401, "token", path=ALERTS, token="Basic %%%")
    yield whole(
        "alert-basic-not-utf8",
        idea,
        b"{}",
        401,
        "token",
        path=ALERTS,
        token="Basic " + base64.b64encode(b"\xff:\xfe").decode(),
    )
    yield whole(
        "alert-gzip-damaged",
        idea,
        gzip.compress(b"{}" * 500)[:-10],
        400,
        path=ALERTS,
        headers={"Content-Encoding": "gzip"},
    )
    yield Entry("alert-none", idea, lambda good: b'{"alerts":[]}', path=ALERTS)
    yield Entry("alert-empty-list", idea, lambda good: b"[]", path=ALERTS)
    yield Entry(
        "alert-twice-in-one",
        idea,
        lambda good: placed(made.webhook([made.alert(good, 1), made.alert(good, 1), made.alert(good, 2)]), ""),
        path=ALERTS,
        good=2,
    )
    yield Entry(
        "alert-not-utf8",
        idea,
        lambda good: placed(made.webhook([made.alert(good, 1), HERE]), '{"labels":{"alertname":"?!"}}').replace(
            b"?!", b"\xff"
        ),
        path=ALERTS,
        good=1,
        odd=1,
    )
    for sender, bad in {
        "grafana": '{"labels":7,"state":[]}',
        "datadog": '{"tags":{"a":[]},"title":null,"date":"x"}',
        "sentry": '{"event":[],"level":{}}',
        "checkmk": '{"long_date_time":"Mon Feb 31 10:00:00 UTC 2026","service":"s"}',
        "graylog": '{"event":{"timestamp":[]},"event_definition_title":null}',
    }.items():
        taken = {"odd": 1} if sender == "checkmk" else {"refused": ("schema",)}
        yield Entry(
            f"alert-{sender}-odd", idea, lambda good, bad=bad: bad.encode(), path=f"/v1/alerts/{sender}", **taken
        )
    yield Entry(
        "alert-datadog-100k-tags",
        idea,
        lambda good: json.dumps({"title": "t", "tags": ",".join(f"a{n}:b" for n in range(100_000))}).encode(),
        path="/v1/alerts/datadog",
        odd=1,
    )


def entries() -> Iterator[Entry]:
    yield from _alertmanager()
