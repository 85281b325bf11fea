"""Alerts of other systems: what a user looks for is where it belongs, and a repeat has the same id."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bdp.errors import BadRequest, TooLarge
from bdp.ids import Ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import PROTOCOLS
from bdp.intake.protocols.alerts import MAX_ALERTS
from bdp.intake.protocols.vendors import VENDORS
from bdp.model.batch import Batch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Row = dict[str, Any]

FIRING: Row = {
    "status": "firing",
    "labels": {"alertname": "HighLatency", "service": "checkout", "severity": "critical", "job": "node"},
    "annotations": {"summary": "p99 is 4 s", "description": "since the last deploy"},
    "startsAt": "2026-03-01T11:00:00.5Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "c0ffee",
}
RESOLVED: Row = {**FIRING, "status": "resolved", "endsAt": "2026-03-01T11:30:00Z"}


def webhook(*alerts: Row) -> Row:
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "status": "firing",
        "receiver": "bdp",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "truncatedAlerts": 0,
        "alerts": list(alerts),
    }


def read(sender: str, document: object) -> Parcel:
    protocol = PROTOCOLS[f"alerts_{sender}"]
    parcel = Parcel(protocol.kind, Edge(NOW, IntakeSettings()), f"alerts_{sender}")
    protocol.read(json.dumps(document).encode(), "application/json", parcel)
    return parcel


def batch(sender: str, document: object) -> Batch:
    return read(sender, document).batch("b", Ids.seeded(1))


def rows(sender: str, document: object) -> list[Row]:
    found = batch(sender, document)
    assert found.refused == ()
    return [msgspec.json.decode(line) for line in found.payload.splitlines()]


def test_an_alert_that_fires_is_an_event_with_its_name_as_error_code() -> None:
    (row,) = rows("alertmanager", webhook(FIRING))
    assert (row["service"], row["level"], row["error_code"]) == ("checkout", "FATAL", "HighLatency")
    assert (row["message"], row["ts"]) == ("p99 is 4 s", "2026-03-01T11:00:00.500000Z")
    attributes = row["attributes"]
    assert attributes["labels.job"] == "node"
    assert attributes["annotations.description"] == "since the last deploy"
    assert attributes["alert.status"] == "firing"
    assert attributes["fingerprint"] == "c0ffee"
    assert attributes["externalURL"] == "http://alertmanager:9093"


def test_one_that_is_over_is_no_error() -> None:
    (row,) = rows("alertmanager", webhook(RESOLVED))
    assert (row["level"], row["error_code"], row["ts"]) == ("INFO", "", "2026-03-01T11:30:00Z")
    assert (row["attributes"]["alert.name"], row["attributes"]["alert.status"]) == ("HighLatency", "resolved")


@pytest.mark.parametrize(
    ("severity", "level", "code"),
    [
        ("page", "FATAL", "HighLatency"),
        ("CRITICAL", "FATAL", "HighLatency"),
        ("error", "ERROR", "HighLatency"),
        ("warning", "WARN", "HighLatency"),
        ("info", "INFO", ""),
        ("none of these", "WARN", "HighLatency"),
        ("", "WARN", "HighLatency"),
    ],
)
def test_the_severity_is_the_level(severity: str, level: str, code: str) -> None:
    alert = {**FIRING, "labels": {"alertname": "HighLatency", "severity": severity}}
    (row,) = rows("alertmanager", webhook(alert))
    assert (row["level"], row["error_code"]) == (level, code)


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"app": "shop", "job": "kube-state-metrics"}, "shop"),
        ({"app_kubernetes_io_name": "cart", "namespace": "prod"}, "cart"),
        ({"job": "node"}, "node"),
        ({"instance": "10.0.0.1:9100"}, ""),
    ],
)
def test_the_service_is_the_most_telling_label(labels: Row, service: str) -> None:
    (row,) = rows("alertmanager", webhook({**FIRING, "labels": {"alertname": "X", **labels}}))
    assert row["service"] == service


def ids(sender: str, document: object) -> list[str]:
    return [row["event_id"] for row in rows(sender, document)]


def test_a_repeat_has_the_same_id_in_whatever_group_it_comes() -> None:
    other = {**FIRING, "fingerprint": "beef"}
    (first,) = ids("alertmanager", webhook(FIRING))
    again = ids("alertmanager", webhook(other, {**FIRING, "annotations": {"summary": "p99 is 5 s"}}))
    assert again[1] == first
    assert again[0] != first


def test_its_end_and_its_next_start_are_new() -> None:
    later = {**FIRING, "startsAt": "2026-03-01T11:40:00Z"}
    assert len(set(ids("alertmanager", webhook(FIRING, RESOLVED, later)))) == 3


def test_without_a_fingerprint_the_labels_tell() -> None:
    bare = {name: value for name, value in FIRING.items() if name != "fingerprint"}
    other = {**bare, "labels": {**bare["labels"], "instance": "b"}}
    first, again, different = ids("alertmanager", webhook(bare, bare, other))
    assert first == again != different


def test_a_prometheus_server_sends_a_list_and_an_end_that_lies_ahead() -> None:
    bare = {name: FIRING[name] for name in ("labels", "annotations", "startsAt", "generatorURL")}
    firing = {**bare, "endsAt": "2026-03-01T12:04:00Z"}
    firing_again = {**bare, "endsAt": "2026-03-01T12:05:00Z"}
    over = {**bare, "endsAt": "2026-03-01T11:59:00Z"}
    found = rows("prometheus", [firing, firing_again, over])
    assert [row["attributes"]["alert.status"] for row in found] == ["firing", "firing", "resolved"]
    assert found[0]["event_id"] == found[1]["event_id"] != found[2]["event_id"]


def test_a_grafana_webhook() -> None:
    document = {
        "receiver": "bdp",
        "status": "firing",
        "orgId": 1,
        "alerts": [{**FIRING, "values": {"A": 4.2}, "dashboardURL": "http://grafana/d/1"}],
        "title": "[FIRING:1] HighLatency",
        "state": "alerting",
        "message": "**Firing**",
    }
    (row,) = rows("grafana", document)
    assert (row["service"], row["level"], row["error_code"]) == ("checkout", "FATAL", "HighLatency")
    assert row["attributes"]["values.A"] == "4.2"
    assert row["attributes"]["orgId"] == "1"


@pytest.mark.parametrize(("transition", "level"), [("Triggered", "ERROR"), ("Recovered", "INFO")])
def test_a_datadog_webhook_of_its_own_variables(transition: str, level: str) -> None:
    document = {
        "id": "7001", "alert_title": "Errors of checkout", "alert_type": "error", "alert_transition": transition,
        "date": "1772362800000", "tags": "service:checkout,env:prod,monitor", "body": "too many",
    }  # fmt: skip
    (row,) = rows("datadog", document)
    assert (row["service"], row["level"], row["message"]) == ("checkout", level, "too many")
    assert row["ts"] == "2026-03-01T11:00:00Z"
    assert (row["attributes"]["tags.env"], row["attributes"]["tags.monitor"]) == ("prod", "true")


@pytest.mark.parametrize(
    ("written", "ts", "source"),
    [("Sun Mar 01 10:00:00 UTC 2026", "2026-03-01T10:00:00Z", None), ("Sun Mar 01 10:00:00 CET 2026", NOW, "arrival")],
)
def test_a_checkmk_time_counts_only_where_its_zone_is_known(written: str, ts: object, source: str | None) -> None:
    document = {"id": "1", "service": "CPU load", "host": "db1", "severity": "CRITICAL", "long_date_time": written}
    (row,) = rows("checkmk", document)
    assert row["ts"] == (ts if isinstance(ts, str) else "2026-03-01T12:00:00Z")
    assert row["attributes"].get("bdp.ts_source") == source


def payloads(data_dir: Path, sender: str) -> list[Row]:
    """What the sender would send, out of the file's own wrapping."""
    file = data_dir / "alert-payloads" / "keep" / f"{sender}_provider" / "alerts_mock.json"
    alerts = json.loads(file.read_text(encoding="utf-8"))["ALERTS"]
    inner = [alert["payload"] for alert in alerts.values() if isinstance(alert, dict) and "payload" in alert]
    return inner or [alerts]


EXPECTED: dict[str, list[Row]] = {
    "checkmk": [{"service": "server1", "level": "INFO", "client_ip": "10.10.0.185", "ts": "2024-10-26T23:20:39Z"}],
    "cloudwatch": [
        {"service": "AWS/EC2", "level": "ERROR", "error_code": "HighCPUUsage"},
        {"service": "AWS/ECS", "level": "ERROR", "error_code": "HighMemoryUsage"},
        {"service": "AWS/ApiGateway", "level": "ERROR", "error_code": "APIErrorRate"},
    ],
    "datadog": [
        {"level": "WARN", "error_code": "High CPU Usage", "message": "CPU usage is over 90% on {{host.name}}."},
        {"level": "WARN", "error_code": "Low Disk Space"},
        {"level": "WARN", "error_code": "MQ Consumer Is Struggling"},
    ],
    "grafana": [
        {"level": "WARN", "error_code": "High Memory Usage", "message": "Memory Usage High on {{ host.name }}"},
        {"level": "INFO", "error_code": "", "message": "Network Latency High on {{ host.name }}"},
    ],
    "graylog": [
        {"service": "server", "level": "ERROR", "error_code": "Event - 1", "ts": "2024-10-24T10:22:04.556000Z"}
    ],
    "prometheus": [
        {"service": "somecoolworkload", "level": "FATAL", "message": "CPU usage is over 90%"},
        {"level": "WARN", "message": "Message queue is over 33% capacity"},
        {"level": "FATAL", "message": "Message queue is over 90% capacity"},
        {"level": "WARN", "message": "Disk space is below 20%"},
        {"level": "INFO", "error_code": ""},
    ],
    "sentry": [
        {
            "service": "frontend-app", "level": "ERROR", "error_code": "NetworkError", "status": 504,
            "user_id": "user_8675309", "client_ip": "198.51.100.42", "ts": "2024-03-09T13:34:45.873000Z",
        },
        {"service": "frontend-app", "level": "ERROR", "error_code": "ApiError", "status": 503},
        {"service": "frontend-app", "level": "ERROR", "error_code": "ApiError", "status": 502},
    ],
}  # fmt: skip


@pytest.mark.parametrize("sender", EXPECTED)
def test_recorded_alerts_of_each_vendor(sender: str, data_dir: Path) -> None:
    found = [row for payload in payloads(data_dir, sender) for row in rows(sender, payload)]
    assert len(found) == len(EXPECTED[sender])
    for row, expected in zip(found, EXPECTED[sender], strict=True):
        assert {name: row[name] for name in expected} == expected
        assert row["message"]


def test_every_recorded_vendor_is_looked_at(data_dir: Path) -> None:
    folders = (data_dir / "alert-payloads" / "keep").glob("*_provider")
    assert {folder.name.removesuffix("_provider") for folder in folders} == set(EXPECTED)


def test_an_empty_document_is_refused_by_name(data_dir: Path) -> None:
    file = data_dir / "alert-payloads" / "keep" / "datadog_provider" / "topology_mock.json"
    (letter,) = batch("datadog", json.loads(file.read_text(encoding="utf-8"))).refused
    assert "no name" in letter.reason


def deep(levels: int) -> Row:
    inner: Any = []
    for _ in range(levels):
        inner = [inner]
    return {**FIRING, "labels": {"alertname": "X"}, "values": inner}


@pytest.mark.parametrize(
    "bad",
    [
        None, 7, "text", [], {}, {"labels": []}, {"labels": {"alertname": ""}}, {**FIRING, "startsAt": "yesterday"},
        {**FIRING, "startsAt": {}, "fingerprint": "x"}, {**FIRING, "startsAt": "2031-01-01T00:00:00Z"},
        {**FIRING, "startsAt": 1e300}, {**FIRING, "status": "", "endsAt": "soon"},
        {**FIRING, "status": 3, "endsAt": []},
        deep(900),
    ],
)  # fmt: skip
def test_a_bad_alert_costs_its_neighbour_nothing(bad: object) -> None:
    found = batch("alertmanager", webhook(FIRING, bad, RESOLVED))  # type: ignore[arg-type]
    assert found.count + len(found.refused) == 3
    assert found.payload.count(b"checkout") >= 2
    assert all(letter.index == 1 and letter.reason for letter in found.refused)


@pytest.mark.parametrize("sender", VENDORS)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"7", b'"text"', b"null", b"[" * 5000])
def test_what_is_no_document_is_a_bad_request(sender: str, body: bytes) -> None:
    protocol = PROTOCOLS[f"alerts_{sender}"]
    with pytest.raises(BadRequest):
        protocol.read(body, "", Parcel(protocol.kind, Edge(NOW, IntakeSettings()), "x"))


def test_too_many_at_once_are_turned_away() -> None:
    with pytest.raises(TooLarge):
        read("alertmanager", [FIRING] * (MAX_ALERTS + 1))


def test_each_is_a_batch_of_its_own_and_so_are_the_refused_together() -> None:
    first = read("alertmanager", webhook(FIRING, RESOLVED, {})).each(Ids.seeded(1))
    again = read("alertmanager", webhook({}, RESOLVED, FIRING)).each(Ids.seeded(2))
    assert [(batch.count, len(batch.refused)) for batch in first] == [(1, 0), (1, 0), (0, 1)]
    assert {batch.batch_id for batch in first} == {batch.batch_id for batch in again}
    assert len({batch.batch_id for batch in first}) == 3
