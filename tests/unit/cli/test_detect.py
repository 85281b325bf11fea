"""`bdp detect series`: anyone's file through the detector."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.unit.cli.conftest import Bdp, Told

HEADER = ["timestamp", "value", "score", "expected_low", "expected_high", "is_anomaly", "reason"]
START = 1_777_636_800
SPIKE = 250


def lines(points: int = 300) -> list[str]:
    chance = random.Random(1)
    values = [100 + chance.gauss(0, 1) for _ in range(points)]
    if points > SPIKE:
        values[SPIKE] = 140
    return [f"{START + 300 * i},{value:.2f}" for i, value in enumerate(values)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cpu.csv"
    path.write_text("timestamp,value\n" + "\n".join(lines()) + "\n")
    return path


def rows(told: Told) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(told.out)))


def test_one_row_a_point(bdp: Bdp, file: Path) -> None:
    told = bdp("detect", "series", file)
    assert told.code == 0
    assert told.err == ""
    found = rows(told)
    assert list(found[0]) == HEADER
    assert [f"{row['timestamp']},{float(row['value']):.2f}" for row in found] == lines()
    young = found[49]
    assert [young[name] for name in HEADER[2:]] == ["", "", "", "false", ""]
    assert 0 <= float(found[100]["score"]) < 0.5
    spike = found[SPIKE]
    assert spike["is_anomaly"] == "true"
    assert float(spike["score"]) > 0.5
    assert float(spike["expected_low"]) < 100 < float(spike["expected_high"]) < 110
    assert spike["reason"].startswith("140 is above the expected ")
    assert {row["reason"] for row in found if row["is_anomaly"] == "false"} == {""}


def test_json_is_one_object_with_the_same(bdp: Bdp, file: Path) -> None:
    told = bdp("detect", "series", file, "--json", "--threshold", "0.55")
    found: dict[str, Any] = told.object
    assert set(found) == {"series", "settings", "points", "anomalies"}
    assert found["settings"]["threshold"] == 0.55
    assert found["series"] == {"name": str(file), "points": 300, "not_judged": 0, "bad_rows": 0}
    assert list(found["points"][0]) == HEADER
    assert found["points"][0]["score"] is None
    assert found["points"][0]["timestamp"] == str(START)
    (anomaly,) = [one for one in found["anomalies"] if one["peak_value"] == 140]
    assert anomaly["start"] == str(START + 300 * SPIKE)
    assert anomaly["direction"] == "up"
    assert anomaly["peak_score"] == found["points"][SPIKE]["score"]
    assert anomaly["reason"] == found["points"][SPIKE]["reason"]


def test_a_short_series_is_not_judged_and_that_is_said(bdp: Bdp, tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("\n".join(lines(20)))
    told = bdp("detect", "series", path, "--json")
    assert told.code == 0
    assert told.object["anomalies"] == []
    assert "note: only 20 points: the first 50 are learnt from and not judged" in told.err


def test_standard_input_crlf_bom_bad_rows_and_late_points(process: Bdp) -> None:
    given = lines()
    given[100:100] = ["nonsense,1,x", given[99], given[20], f"{START + 300 * 99 + 1},NaN"]
    text = "\ufeffTimeStamp,Value,host\r\n" + "".join(f"{line},h1\r\n" for line in given)
    told = process("detect", "series", "-", stdin=text.encode())
    assert told.code == 0
    found = rows(told)
    assert len(found) == 303
    assert [row["score"] for row in found[100:103]] == [""] * 3
    assert found[102]["value"] == ""
    assert "columns not read: host" in told.err
    assert "1 row could not be read and left out, first line 102: ts: expected" in told.err
    assert "3 points not judged: not later than the point before, or no finite number" in told.err
    again = [row for place, row in enumerate(found) if place not in range(100, 103)]
    plain = process("detect", "series", "-", stdin="\n".join(lines()).encode())
    assert again == rows(plain)


def test_a_counter_is_judged_by_its_rate(bdp: Bdp, tmp_path: Path) -> None:
    chance, total, text = random.Random(2), 0.0, []
    spike = 390
    for i in range(400):
        total = 500 if i == 150 else total + chance.gauss(3000, 60) + (60_000 if i == spike else 0)
        text.append(f"{START + 300 * i},{total:.0f}")
    path = tmp_path / "requests_total.csv"
    path.write_text("\n".join(text))
    found = rows(bdp("detect", "series", path, "--counter"))
    assert list(found[0]) == [*HEADER, "rate"]
    assert found[0]["rate"] == ""
    assert float(found[100]["rate"]) == pytest.approx(10, abs=1)
    assert float(found[150]["rate"]) == pytest.approx(500 / 300)
    assert float(found[spike]["rate"]) > 200
    assert "/s is above the expected" in found[spike]["reason"]


def test_a_column_by_name(bdp: Bdp, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("time,cpu,memory\n" + "\n".join(f"{line},7" for line in lines()))
    asked = bdp("detect", "series", path)
    assert asked.code == 3
    assert "'cpu', 'memory'" in asked.err
    assert "--column" in asked.err
    found = rows(bdp("detect", "series", path, "--column", "cpu"))
    assert found[SPIKE]["is_anomaly"] == "true"


def test_a_drawing_shows_the_anomalies_with_their_reasons(bdp: Bdp, file: Path, tmp_path: Path) -> None:
    plot = tmp_path / "cpu.SVG"
    told = bdp("detect", "series", file, "--plot", plot)
    assert told.code == 0
    assert len(rows(told)) == 300
    root = ElementTree.parse(plot).getroot()
    titles = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == "cpu.csv"
    assert any("140 is above the expected" in title and "score 0." in title for title in titles)


def test_only_svg_is_drawn_and_nothing_is_read_before_that_is_said(bdp: Bdp, file: Path, tmp_path: Path) -> None:
    told = bdp("detect", "series", file, "--plot", tmp_path / "cpu.png")
    assert told.code == 3
    assert "Drawings are SVG" in told.err
    assert "cpu.svg" in told.err
    assert told.out == ""
    nowhere = bdp("detect", "series", file, "--plot", tmp_path / "none" / "cpu.svg")
    assert nowhere.code == 3
    assert nowhere.out == ""


def test_the_summary_lists_anomalies_on_standard_error(bdp: Bdp, file: Path) -> None:
    told = bdp("detect", "series", file, "--summary")
    assert len(rows(told)) == 300
    assert "140 is above the expected" in told.err.replace("\n", " ")
    assert "2026-05-02 08:50:00" in told.err
    quiet = bdp("detect", "series", file, "--summary", "--threshold", "0.95")
    assert "No anomalies." in quiet.err


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"\x00\x01\x02", b"timestamp,value\n", b"yesterday 5,x\n", "ts,value\n1,2".encode("utf-16")],
)
def test_a_file_without_a_point_is_refused_with_what_to_give(bdp: Bdp, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    told = bdp("detect", "series", path)
    assert told.code == 3
    assert told.out == ""
    assert "next:" in told.err


def test_a_file_that_is_not_there_and_a_folder(bdp: Bdp, tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        told = bdp("detect", "series", path)
        assert told.code == 3
        assert "cannot be read" in told.err


@pytest.mark.parametrize("option", [("--threshold", "0"), ("--threshold", "1"), ("--learn-points", "5")])
def test_a_setting_out_of_range_is_wrong_usage(bdp: Bdp, file: Path, option: tuple[str, str]) -> None:
    assert bdp("detect", "series", file, *option).code == 2


def test_a_time_that_would_act_in_a_terminal_does_not(bdp: Bdp, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("2026-05-01\x1b12:00:00,5\n2026-05-01\x1b12:05:00,5\n\x1b[2J,6\n")
    told = bdp("detect", "series", path)
    assert told.code == 0
    assert "\x1b" not in told.out + told.err


def test_help_has_examples(bdp: Bdp) -> None:
    told = bdp("detect", "series", "--help")
    assert told.code == 0
    assert "bdp detect series latency.csv --plot latency.svg" in told.out


def test_values_that_only_grow_are_asked_about(bdp: Bdp, tmp_path: Path) -> None:
    path = tmp_path / "requests.csv"
    path.write_text("".join(f"{1_772_409_600 + 60 * i},{i * 7 + i % 3}\n" for i in range(200)))
    assert "--counter" in bdp("detect", "series", path).err
    assert "hardly ever fall" not in bdp("detect", "series", path, "--counter").err
