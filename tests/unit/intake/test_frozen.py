"""A folder with a frozen incident, in the forms that people export."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bdp.errors import BadRequest, NotFound
from bdp.intake.frozen import read_folder
from bdp.model.batch import RecordKind


def rows(folder: Path, kind: RecordKind) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read_folder(folder).records[kind].splitlines()]


def test_logs_are_read_by_any_of_their_names_and_bad_lines_are_counted(tmp_path: Path) -> None:
    lines = [
        {"timestamp": "2026-05-01T12:00:00Z", "service": "a", "severity_text": "ERROR", "msg": "no", "code": 7},
        {"@timestamp": "2026-05-01T12:00:01Z", "service.name": "b", "level": "warning", "message": "hm"},
        {"service": "c", "message": "without a time"},
    ]
    (tmp_path / "logs.ndjson").write_text("\n".join(map(json.dumps, lines)) + "\nno json\n[1]\n")
    found = read_folder(tmp_path)
    assert (found.counts, found.refused) == ({"logs.ndjson": 2}, {"logs.ndjson": 3})
    first, second = rows(tmp_path, RecordKind.EVENTS)
    assert (first["service"], first["level"], first["message"], first["attributes"]) == (
        "a", "ERROR", "no", {"code": "7"},
    )  # fmt: skip
    assert (second["service"], second["level"]) == ("b", "WARN")
    assert (found.first, found.last) == (
        datetime(2026, 5, 1, 12, tzinfo=UTC), datetime(2026, 5, 1, 12, 0, 1, tzinfo=UTC),
    )  # fmt: skip


def test_nested_names_and_broken_text_are_taken_as_by_every_way_in(tmp_path: Path) -> None:
    line = {"ts": "2026-05-01T12:00:00Z", "log": {"level": "err"}, "service": {"name": "a"}, "message": "x\0y\ud800"}
    (tmp_path / "events.ndjson").write_text(json.dumps(line))
    (event,) = rows(tmp_path, RecordKind.EVENTS)
    assert (event["service"], event["level"], event["message"]) == ("a", "ERROR", "x\ufffdy\ufffd")


def test_points_spans_and_changes_are_found_one_folder_down(tmp_path: Path) -> None:
    inner = tmp_path / "context"
    inner.mkdir()
    (inner / "metrics.csv").write_text(
        "timestamp,service,metric,value\n2026-05-01T12:00:00Z,a,latency_ms,4.5\n2026-05-01T12:01:00Z,a,latency_ms,x\n"
    )
    span = {"trace_id": "t1", "span_id": "s2", "parent_id": "s1", "service": "a", "name": "GET /", "duration_ms": 5}
    (inner / "traces.json").write_text(json.dumps([{**span, "start": "2026-05-01T12:00:00Z", "status": "ERROR"}]))
    (inner / "commits.json").write_text(
        json.dumps([{"sha": "abc", "timestamp": "2026-05-01T11:00:00Z", "message": "m", "files_changed": ["x.go"],
                     "diff": "@@ func f @@\n-a\n+b"}])
    )  # fmt: skip
    (inner / "deploys.json").write_text(
        json.dumps({"deploys": [{"timestamp": "2026-05-01T11:30:00Z", "service": "a", "commit_sha": "abc"}]})
    )
    (point,) = rows(tmp_path, RecordKind.METRICS)
    assert (point["entity"], point["name"], point["value"]) == ("a", "latency_ms", 4.5)
    (event,) = rows(tmp_path, RecordKind.EVENTS)
    assert (event["level"], event["parent_id"], event["duration_ms"]) == ("ERROR", "s1", 5.0)
    commit, deploy = rows(tmp_path, RecordKind.CHANGES)
    assert (commit["kind"], commit["ref"], commit["diff"][:24]) == ("commit", "abc", "diff --git a/x.go b/x.go")
    assert (deploy["kind"], deploy["service"], deploy["ref"]) == ("deploy", "a", "abc")


def test_a_span_without_its_parent_belongs_to_the_trace_before(tmp_path: Path) -> None:
    spans = [
        {"trace_id": "t1", "span_id": "a", "parent_id": None, "service": "x", "start": "2026-05-01T12:00:00Z"},
        {"trace_id": "broken", "span_id": "b", "parent_id": "a", "service": "y", "start": "2026-05-01T12:00:00Z"},
        {"trace_id": "t2", "span_id": "c", "parent_id": None, "service": "z", "start": "2026-05-01T12:00:00Z"},
    ]
    (tmp_path / "traces.json").write_text(json.dumps(spans))
    assert [row["trace_id"] for row in rows(tmp_path, RecordKind.EVENTS)] == ["t1", "t1", "t2"]


def test_the_alert_is_read(tmp_path: Path) -> None:
    (tmp_path / "logs.ndjson").write_text('{"ts": "2026-05-01T12:00:00Z", "message": "m"}')
    (tmp_path / "alert.json").write_text(
        json.dumps(
            {"service": "a", "metric": "errors", "fired_at": "2026-05-01T12:05:00Z", "summary": "many", "observed": 9}
        )
    )
    alert = read_folder(tmp_path).alert
    assert alert is not None
    assert (alert.service, alert.metric, alert.observed) == ("a", "errors", 9)
    assert "many" in alert.text


def test_what_cannot_be_an_incident_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_folder(tmp_path / "none")
    with pytest.raises(NotFound, match=r"logs\.ndjson"):
        read_folder(tmp_path)
    (tmp_path / "traces.json").write_text("{")
    with pytest.raises(BadRequest, match=r"traces\.json"):
        read_folder(tmp_path)
