from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from bdp.errors import BadRequest, NotFound, TooLarge, UnknownEncoding, UnknownFormat
from bdp.intake.files import Wish, read_files, scan
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Cause
from tests.unit.intake.reading import NOW, read, rows

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(second: int) -> str:
    return (START + timedelta(seconds=second)).isoformat()


def ndjson(*seconds: int, **fields: str) -> str:
    return "".join(json.dumps({"ts": at(s), "message": f"m{s}", **fields}) + "\n" for s in seconds)


def test_files_are_merged_by_time(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(ndjson(5, 6, 9, 20))
    (tmp_path / "b.ndjson").write_text(ndjson(1, 7, 8, 30))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.log").write_text(f"{at(0)[:19]} INFO first\n{at(25)[:19]} WARN late\n")
    found, refused, _ = read(tmp_path)
    assert refused == []
    assert [row["message"] for row in found] == ["first", "m1", "m5", "m6", "m7", "m8", "m9", "m20", "late", "m30"]
    assert {row["attributes"]["log.file.path"].split("/", 1)[1] for row in found} == {
        "a.ndjson",
        "b.ndjson",
        "sub/c.log",
    }


def test_more_files_than_may_be_open_lose_nothing(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.ndjson").write_text(ndjson(*range(number, 100, 9)))
    found, _, _ = read(tmp_path, settings=IntakeSettings(max_open_files=2))
    assert sorted(int(row["message"][1:]) for row in found) == list(range(100))
    every, _, _ = read(tmp_path)
    assert [row["message"] for row in every] == [f"m{n}" for n in range(100)]


def test_reading_again_gives_the_same_batches(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"{at(s)[:19]} INFO same text\n" for s in range(50)) * 2 + "stray\n")
    (tmp_path / "b.ndjson").write_text(ndjson(*range(60)) + '{"message":"undated"}\n{bad\n')
    os.utime(tmp_path / "b.ndjson", (START.timestamp() + 30, START.timestamp() + 30))
    settings = IntakeSettings(batch_records=30)
    _, _, first = read(tmp_path, settings=settings)
    found, _, second = read(tmp_path, settings=settings, now=NOW + timedelta(hours=5))
    assert [batch.batch_id for batch in first] == [batch.batch_id for batch in second]
    assert [batch.payload for batch in first] == [batch.payload for batch in second]
    assert len(first) > 3
    assert len({batch.batch_id for batch in first}) == len(first)
    assert len({row["event_id"] for row in found}) == len(found) == 161


def test_equal_lines_of_two_files_are_two_events(tmp_path: Path) -> None:
    for name in ("one.log", "two.log"):
        (tmp_path / name).write_text(f"{at(0)[:19]} INFO same\n")
    found, _, batches = read(tmp_path / "one.log", tmp_path / "two.log")
    assert len({row["event_id"] for row in found}) == 2
    assert len(batches) == 1


def test_a_file_given_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(ndjson(1, 2))
    assert len(read(tmp_path / "a.ndjson", tmp_path, tmp_path / "." / "a.ndjson")[0]) == 2


@pytest.mark.parametrize(
    ("name", "pack"), [("a.log.gz", gzip.compress), ("a.log.zst", zstandard.compress), ("a.log", bytes)]
)
def test_compressed_files_are_known_by_their_content(tmp_path: Path, name: str, pack: object) -> None:
    assert callable(pack)
    (tmp_path / name).write_bytes(pack(f"{at(0)[:19]} INFO hello\n".encode()))
    found, refused, _ = read(tmp_path / name)
    assert [(row["message"], row["service"], refused) for row in found] == [("hello", "a", [])]


def test_a_damaged_file_gives_what_it_holds_and_says_where_it_ends(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f"{at(s)[:19]} INFO m{s * 7919}\n" for s in range(20_000)).encode())
    (tmp_path / "a.log.gz").write_bytes(whole[: len(whole) // 2])
    found, refused, _ = read(tmp_path / "a.log.gz")
    assert len(found) > 1000
    assert [(letter.cause, "damaged" in letter.reason) for letter in refused] == [(Cause.ENCODING, True)]


def test_empty_files_are_fine(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("")
    (tmp_path / "b.log").write_text("\n\n")
    assert read(tmp_path) == ([], [], [])


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [(b"\x7fELF\0\0\1", BadRequest, "binary"), ("text".encode("utf-16"), UnknownEncoding, "UTF-16"),
     (b"some prose\nof no format\n", UnknownFormat, "--pattern"), (b"[{]", BadRequest, "JSON")],
)  # fmt: skip
def test_what_cannot_be_read_is_said_plainly(
    tmp_path: Path, content: bytes, error: type[Exception], words: str
) -> None:
    (tmp_path / "x.dat").write_bytes(content)
    with pytest.raises(error, match=words):
        read(tmp_path / "x.dat")


def test_in_a_folder_the_others_are_read_and_the_scan_says_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(ndjson(1))
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "README.md").write_text("some prose\nof no format\n")
    (tmp_path / ".hidden.ndjson").write_text(ndjson(2))
    infos = {info.path.name: info for info in scan([tmp_path], Wish(), NOW, IntakeSettings())}
    assert [row["message"] for row in read(tmp_path)[0]] == ["m1"]
    assert (infos["a.ndjson"].format, infos["a.ndjson"].size) == ("ndjson", len(ndjson(1)))
    assert "binary" in infos["logo.png"].problem
    assert "No reader" in infos["README.md"].problem
    assert ".hidden.ndjson" not in infos


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        read(tmp_path / "nowhere")
    with pytest.raises(UnknownFormat, match="morse"):
        Wish(format="morse")


@pytest.mark.parametrize(
    "layout", ['[{"ts":"%s"},{"ts":true},{"ts":"%s"}]', '{"events":[{"ts":"%s"},{"ts":true},{"ts":"%s"}]}']
)
def test_json_arrays(tmp_path: Path, layout: str) -> None:
    (tmp_path / "a.json").write_text(layout % (at(1), at(2)))
    found, refused, _ = read(tmp_path / "a.json")
    assert [row["ts"] for row in found] == ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"]
    assert refused[0].reason.startswith("a.json record 2: ts: expected RFC 3339")
    with pytest.raises(TooLarge, match="jq"):
        read(tmp_path / "a.json", settings=IntakeSettings(max_json_file_bytes=1024), wish=Wish(format="json")) if (
            (tmp_path / "a.json").write_text("[" + "1," * 2000 + "1]")
        ) else None


def test_one_object_over_many_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"ts": at(1), "message": "m"}, indent=1))
    assert [row["message"] for row in read(tmp_path / "a.json")[0]] == ["m"]


def test_records_without_a_time_get_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"message":"m"}\n')
    (row,) = read(path, now=datetime(2100, 1, 1, tzinfo=UTC))[0]
    assert row["ts"] == datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat().replace("+00:00", "Z")
    assert row["attributes"]["bdp.ts_source"] == "file_modified"


def test_lines_over_the_limit_are_refused_without_being_held(tmp_path: Path) -> None:
    line = f"{at(1)[:19]} INFO "
    (tmp_path / "a.log").write_text(f"{line}one\n{line}{'x' * 5000}\n{line}two\n")
    (tmp_path / "b.ndjson").write_text(ndjson(1) + ndjson(2, big="x" * 5000) + ndjson(3))
    found, refused, _ = read(tmp_path, settings=IntakeSettings(max_record_bytes=1000))
    assert sorted(row["message"] for row in found) == ["m1", "m3", "one", "two"]
    assert [letter.cause for letter in refused] == [Cause.TOO_LARGE] * 2
    assert sorted(letter.index for letter in refused) == [1, 1]


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BufferedReader(io.BytesIO(ndjson(1, 3).encode()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    (tmp_path / "a.ndjson").write_text(ndjson(2))
    batches = list(read_files(["-", tmp_path / "a.ndjson"], wish=Wish(), now=NOW, settings=IntakeSettings()))
    assert [row["message"] for row in rows(*batches)] == ["m1", "m2", "m3"]


def test_progress_ends_at_the_files_size(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(ndjson(*range(3000)))
    calls: list[tuple[int, int]] = []
    settings = IntakeSettings(batch_records=500)
    batches = list(
        read_files(
            [path], wish=Wish(), now=NOW, settings=settings, progress=lambda p, done, count: calls.append((done, count))
        )
    )
    assert [batch.count for batch in batches] == [500] * 6
    assert calls == sorted(calls)
    assert calls[-1] == (path.stat().st_size, 3000)
    assert len(calls) > 3


def test_the_service_comes_from_the_name_unless_told(tmp_path: Path) -> None:
    folder = tmp_path / "nginx"
    folder.mkdir()
    line = '1.2.3.4 - - [01/Jan/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n'
    for name in ("access.log", "shop.log.1", "shop-2026-01-01.log", "api.log.2016-12-19-16"):
        (folder / name).write_text(line)
    assert {row["service"] for row in read(folder)[0]} == {"nginx", "shop", "api"}
    assert {row["service"] for row in read(folder, wish=Wish(service="web"))[0]} == {"web"}


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with path.open("w") as file:
        for s in range(15_000):
            file.write(f"{at(s)[:19]} INFO message number {s} of many\n")
    settings = IntakeSettings(batch_records=1000)
    tracemalloc.start()
    try:
        total = sum(batch.count for batch in read_files([path], wish=Wish(), now=NOW, settings=settings))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 15_000
    assert peak < 6_000_000


def test_leaving_early_closes_the_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.ndjson").write_text(ndjson(*range(100)))
    reading = read_files([tmp_path], wish=Wish(), now=NOW, settings=IntakeSettings(batch_records=10))
    next(reading)
    reading.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name",
    [
        "rootcausebench/*/logs.ndjson",
        "hdfs-100k-sessions/train.jsonl",
        "otel-samples/signoz/tests/seeder/golden/*logs*.jsonl",
    ],
)
def test_real_json_lines_pass_whole(data_dir: Path, name: str) -> None:
    paths = sorted(data_dir.glob(name))
    lines = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    found, refused, _ = read(*paths, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert (len(found), refused) == (len(lines), [])
    assert len(lines) > 100
    if "severity_text" in lines[0]:
        errors = sum(line["severity_text"] == "ERROR" for line in lines)
        assert sum(row["level"] == "ERROR" for row in found) == errors > 0
        assert sorted(row["route"] for row in found) == sorted(line.get("http.route", "") for line in lines)
        assert [row["ts"] for row in found] == sorted(line["timestamp"] for line in lines)


def test_a_zero_byte_far_down_a_log_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "shop.log"
    path.write_text("2026-02-01 10:00:00 INFO fine\n" * 400 + "2026-02-01 10:00:00 ERROR a\0b\n")
    found, _, _ = read(path)
    assert (len(found), found[-1]["message"]) == (401, "a\ufffdb")
