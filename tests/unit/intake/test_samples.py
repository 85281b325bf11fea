"""Files of what exporters print, beside logs."""

from __future__ import annotations

import gzip
import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bdp.intake.files import Wish, read_files, scan
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Cause, RecordKind
from tests.unit.intake.reading import NOW, read, rows

TEXT = '# TYPE up gauge\nup{instance="h1"} 1\nup{instance="h2"} 0 1772366399500\nbroken\nload 0.5\n'


def test_a_file_is_told_by_its_first_lines_and_comes_beside_logs(tmp_path: Path) -> None:
    (tmp_path / "node.prom").write_text(TEXT)
    (tmp_path / "app.ndjson").write_text('{"message": "hello"}\n')
    formats = {info.path.name: info.format for info in scan([tmp_path], Wish(), NOW, IntakeSettings())}
    assert formats == {"node.prom": "exposition", "app.ndjson": "ndjson"}
    _, letters, batches = read(tmp_path)
    assert [(batch.kind, batch.count) for batch in batches] == [(RecordKind.EVENTS, 1), (RecordKind.METRICS, 3)]
    assert [(letter.kind, letter.payload, letter.reason.split(":")[0]) for letter in letters] == [
        (RecordKind.METRICS, b"broken", f"{tmp_path.name}/node.prom")
    ]


def test_samples_without_a_time_have_the_files(tmp_path: Path) -> None:
    path = tmp_path / "node.prom.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    found, _, _ = read(path, now=datetime.now(UTC))
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    assert [datetime.fromisoformat(row["ts"]) for row in found[::2]] == [modified, modified]
    assert found[1]["ts"] == "2026-03-01T11:59:59.500000Z"


def test_the_same_file_again_gives_the_same_ids_in_small_batches(tmp_path: Path) -> None:
    path = tmp_path / "many.prom"
    path.write_text("# TYPE n gauge\n" + "".join(f'n{{i="{number}"}} {number}\n' for number in range(25)))
    small = IntakeSettings(batch_records=10)
    first, second = (read(path, settings=small)[2] for _ in range(2))
    assert [batch.batch_id for batch in first] == [batch.batch_id for batch in second]
    assert len({batch.batch_id for batch in first}) == 3
    assert [row["value"] for row in rows(*first)] == [float(number) for number in range(25)]


def test_samples_from_a_stream_with_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(TEXT.encode()))))
    batches = list(read_files(["-"], wish=Wish(service="node"), now=NOW, settings=IntakeSettings()))
    assert rows(*batches)[0]["labels"] == {"instance": "h1", "job": "node"}
    assert rows(*batches)[2]["entity"] == "node"


def test_a_damaged_file_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    lines = "".join(f'n{{i="{number * 7919 % 100_003}"}} {number}\n' for number in range(40_000))
    path.write_bytes(gzip.compress(b"# TYPE n gauge\n" + lines.encode())[:-40_000])
    found, letters, _ = read(path)
    assert 0 < len(found) < 40_000
    assert letters[-1].cause is Cause.ENCODING
    assert "damaged" in letters[-1].reason


@pytest.mark.parametrize(
    "text", ["hello 1\n", "<34>1 2026-03-01T12:00:00Z h app - - - x\n" * 3, "2026-03-01 12:00:00 INFO up 1\n"]
)
def test_other_texts_are_not_taken_for_samples(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.log").write_text(text)
    (info,) = scan([tmp_path], Wish(), NOW, IntakeSettings())
    assert info.format != "exposition"


def test_a_wanted_format_needs_no_sign(tmp_path: Path) -> None:
    (tmp_path / "bare.txt").write_text("load 1\n")
    assert [row["name"] for row in read(tmp_path / "bare.txt", wish=Wish(format="exposition"))[0]] == ["load"]
