"""Dumps: taken as they stand, the same ids again, whatever the wrapping."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from bdp.errors import BadRequest, TooLarge
from bdp.intake.dump import Part, read_dump
from bdp.intake.inputs import find
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import RecordKind

NOW = datetime(2026, 5, 2, tzinfo=UTC)
TS = "2026-05-01T12:00:00Z"


def parts(path: Path, **given: Any) -> list[Part]:
    [found] = find([path])
    return list(read_dump(found, now=NOW, settings=given.pop("settings", IntakeSettings()), **given))


def rows(found: list[Part]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for part in found for line in part.batch.payload.splitlines()]


def write(path: Path, records: list[Any]) -> Path:
    path.write_bytes(b"\n".join(json.dumps(record).encode() for record in records))
    return path


def test_records_come_as_they_stand(tmp_path: Path) -> None:
    event = {"event_id": "a", "ts": TS, "service": "shop", "message": "x", "weight": 4.0, "attributes": {"k": "v"}}
    [row] = rows(parts(write(tmp_path / "access.ndjson", [event | {"arrived_at": TS}])))
    assert {name: row[name] for name in event} == event


@pytest.mark.parametrize("wrap", ["ndjson", "gz", "zst", "array", "query", "pretty"])
def test_every_wrapping_gives_the_same_records(tmp_path: Path, wrap: str) -> None:
    records = [{"event_id": f"e{i}", "ts": TS, "message": f"m{i}"} for i in range(300)]
    lines = b"\n".join(json.dumps(record).encode() for record in records)
    written = {
        "ndjson": lines,
        "gz": gzip.compress(lines),
        "zst": zstandard.compress(lines),
        "array": json.dumps(records).encode(),
        "query": json.dumps({"rows": records}, indent=2).encode(),
        "pretty": json.dumps(records, indent=2).encode(),
    }
    (tmp_path / "dump").write_bytes(written[wrap])
    assert [row["event_id"] for row in rows(parts(tmp_path / "dump"))] == [f"e{i}" for i in range(300)]


def test_ids_follow_from_content_and_place_wherever_the_file_lies(tmp_path: Path) -> None:
    records = [{"ts": TS, "message": "same"}] * 3 + [{"ts": TS, "message": "other"}]
    first = write(tmp_path / "a.ndjson", records)
    second = write(tmp_path / "b.ndjson", records)
    ids = [row["event_id"] for row in rows(parts(first))]
    assert len(set(ids)) == 4
    assert [row["event_id"] for row in rows(parts(second, records=2))] == ids
    # Grown since: what was there keeps its ids. Begun otherwise: another file.
    assert [row["event_id"] for row in rows(parts(write(first, [*records, {"message": "new"}])))][:4] == ids
    other = rows(parts(write(first, [{"message": "head"}, *records[1:]])))
    assert not {row["event_id"] for row in other} & set(ids)


def test_bad_records_before_a_record_do_not_change_its_id(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(f'{{"ts":"{TS}"}}\nbad\n{{"ts":"{TS}","message":"x"}}\n')
    with_bad = parts(path)
    path.write_text(f'{{"ts":"{TS}"}}\n{{}}\n{{"ts":"{TS}","message":"x"}}\n')
    assert rows(with_bad)[1]["event_id"] == rows(parts(path))[2]["event_id"]
    [letter] = with_bad[0].batch.refused
    assert letter.reason.startswith("a.ndjson record 2: not valid JSON")
    assert letter.payload == b"bad"


def test_undated_records_have_the_files_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", [{"message": "x"}])
    os.utime(path, (1_700_000_000, 1_700_000_000))
    [row] = rows(parts(path))
    assert row["ts"] == "2023-11-14T22:13:20Z"
    assert rows(parts(path)) == [row]


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"ts": TS, "name": "cpu", "value": 1.5}, RecordKind.METRICS),
        ({"ts": TS, "kind": "deploy", "service": "a", "summary": "b"}, RecordKind.CHANGES),
        (
            {"charge_period_start": TS, "charge_period_end": TS, "service_name": "ec2", "billed_cost": 2},
            RecordKind.COSTS,
        ),
        ({"ts": TS, "name": "a", "value": 1, "event_id": "e"}, RecordKind.EVENTS),
        ({"ts": TS, "message": "x"}, RecordKind.EVENTS),
    ],
)
def test_the_kind_is_told_from_the_first_record(tmp_path: Path, record: dict[str, Any], kind: RecordKind) -> None:
    [part] = parts(write(tmp_path / "a.ndjson", [record | {"arrived_at": TS}]))
    assert (part.batch.kind, part.batch.count) == (kind, 1)


def test_equal_charges_are_told_apart_by_how_often_they_occurred(tmp_path: Path) -> None:
    charge = {"charge_period_start": TS, "charge_period_end": TS, "service_name": "ec2", "billed_cost": 2}
    path = write(tmp_path / "a.ndjson", [charge, charge, charge | {"billed_cost": 3}, charge])
    found = parts(path, records=2)
    assert [part.occurrences for part in found] == [(1, 2), (1, 3)]


def test_damage_ends_the_file_and_is_said(tmp_path: Path) -> None:
    lines = b"\n".join(b'{"ts":"%b","message":"%d"}' % (TS.encode(), i) for i in range(5000))
    packed = gzip.compress(lines)
    (tmp_path / "a.gz").write_bytes(packed[: len(packed) // 2])
    found = parts(tmp_path / "a.gz")
    assert 0 < len(rows(found)) < 5000
    assert "the file is damaged" in found[-1].batch.refused[-1].reason


def test_limits_hold(tmp_path: Path) -> None:
    tight = IntakeSettings(max_record_bytes=300, batch_records=10, max_json_file_bytes=1024)
    path = write(tmp_path / "a.ndjson", [{"ts": TS, "message": "x" * 400}, *[{"ts": TS}] * 24])
    found = parts(path, settings=tight)
    assert [part.batch.count for part in found] == [9, 10, 5]
    assert "at most 300" in found[0].batch.refused[0].reason
    (tmp_path / "b.json").write_text(json.dumps([{"ts": TS}] * 100))
    with pytest.raises(TooLarge):
        parts(tmp_path / "b.json", settings=tight)


def test_what_cannot_be_a_dump_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b'{"bdp_batch":1,"batch_id":"x"}\n'))
    with pytest.raises(BadRequest, match="compressed segment"):
        parts(tmp_path / "a.gz")
    (tmp_path / "b.json").write_text('[{"a": 1}')
    with pytest.raises(BadRequest):
        parts(tmp_path / "b.json")
