"""Files to replay: dumps and segments told apart, everything in them exactly once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bdp.errors import BadRequest, NotFound
from bdp.flow.shelf import Shelf
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind
from bdp.stream.backlog.segment import frame

NOW = datetime(2026, 5, 2, tzinfo=UTC)


def shelf(path: Path, **given: Any) -> Shelf:
    return Shelf([path], now=NOW, settings=given.pop("settings", IntakeSettings()), **given)


def batch(name: str, count: int = 2, **fields: Any) -> Batch:
    lines = [json.dumps({"event_id": f"{name}-{i}", "ts": "2026-05-01T00:00:00Z"}).encode() for i in range(count)]
    return Batch(batch_id=name, source="http", kind=RecordKind.EVENTS, count=count, payload=b"\n".join(lines), **fields)


def letter() -> DeadLetter:
    return DeadLetter(source="http", cause=Cause.SCHEMA, reason="r", payload=b"x", index=2, first_seen=NOW)


def test_a_folder_of_both(tmp_path: Path) -> None:
    (tmp_path / "00000001.ndjson").write_bytes(frame(batch("a")) + frame(batch("b", refused=(letter(),))))
    (tmp_path / "00000001.done").write_bytes(b"marks")
    (tmp_path / "00000002.ndjson").write_text('{"event_id":"x","ts":"2026-05-01T00:00:00Z"}\nbad\n')
    found = shelf(tmp_path)
    pieces = list(found.pieces())
    chunks = [piece.chunk for piece in pieces if piece.chunk]
    assert [(chunk.batch.batch_id, chunk.keep_id, chunk.batch.count) for chunk in chunks[:2]] == [
        ("a", True, 2), ("b", True, 2),
    ]  # fmt: skip
    assert chunks[1].batch.refused == (letter(),)
    assert (chunks[2].keep_id, chunks[2].batch.count, chunks[2].batch.refused) == (False, 1, ())
    [reason] = [reason for piece in pieces for reason in piece.reasons]
    assert reason.partition("/")[2].startswith("00000002.ndjson record 2: not valid JSON")
    assert [piece.done for piece in pieces] == sorted(piece.done for piece in pieces)
    assert pieces[-1].done == found.size


def test_damage_in_a_segment_is_told_and_costs_no_neighbour(tmp_path: Path) -> None:
    first, second, third = (frame(batch(name)) for name in "abc")
    torn = second.replace(b"b-1", b"b-X")
    (tmp_path / "1.ndjson").write_bytes(first + torn + third + b'{"bdp_batch":1,"ba')
    pieces = list(shelf(tmp_path).pieces())
    assert [piece.chunk.batch.batch_id for piece in pieces if piece.chunk] == ["a", "c"]
    reasons = [reason for piece in pieces for reason in piece.reasons]
    assert len(reasons) == 2
    assert "does not fit its checksum" in reasons[0]


def test_an_archive_brings_records_only(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").write_bytes(frame(batch("a", refused=(letter(),))))
    [chunk] = [piece.chunk for piece in shelf(tmp_path, archive=True).pieces() if piece.chunk]
    assert (chunk.batch.count, chunk.batch.refused, chunk.batch.batch_id) == (2, (), "a")


def test_a_file_that_is_no_segment_is_refused_by_name_and_the_archive_read_on(tmp_path: Path) -> None:
    for name in "13":
        (tmp_path / f"{name}.ndjson").write_bytes(frame(batch(name)))
    (tmp_path / "0.ndjson").touch()
    (tmp_path / "2.ndjson").write_text("{}")
    (tmp_path / "4.ndjson").write_bytes(frame(batch("4")))
    found = shelf(tmp_path, archive=True)
    (tmp_path / "4.ndjson").unlink()
    pieces = list(found.pieces())
    assert [piece.chunk.batch.batch_id for piece in pieces if piece.chunk] == ["1", "3"]
    reasons = [reason.partition("/")[2] for piece in pieces for reason in piece.reasons]
    assert reasons == [
        "0.ndjson is empty",
        "2.ndjson is no segment of an archive",
        "4.ndjson cannot be read: No such file or directory",
    ]
    assert pieces[-1].done == found.size


def test_an_archive_without_a_segment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "2.ndjson").write_text("{}")
    with pytest.raises(BadRequest, match="no segment"):
        shelf(tmp_path, archive=True)


def test_a_batch_over_the_request_limit_goes_in_parts(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").write_bytes(frame(batch("a", 100, refused=(letter(),))))
    settings = IntakeSettings(max_request_bytes=1024, max_record_bytes=512)
    chunks = [piece.chunk for piece in shelf(tmp_path, settings=settings).pieces() if piece.chunk]
    assert sum(chunk.batch.count for chunk in chunks) == 100
    assert sum(len(chunk.batch.refused) for chunk in chunks) == 1
    assert all(len(chunk.batch.payload) < 1024 for chunk in chunks)
    assert [chunk.keep_id for chunk in chunks] == [True] + [False] * (len(chunks) - 1)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        shelf(tmp_path)
    with pytest.raises(NotFound):
        shelf(tmp_path / "nowhere")
