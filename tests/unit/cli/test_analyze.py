"""`bdp analyze`: what it says of every kind of input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import HOSTILE, Bdp


def burst(path: Path, text: str) -> Path:
    row = {"ts": "2026-05-01T12:00:00Z", "service": "pay", "level": "ERROR", "error_code": "E1", "message": text}
    path.write_text("\n".join([json.dumps(row)] * 25))
    return path


def test_an_incident_as_one_object(process: Bdp, tmp_path: Path) -> None:
    told = process("analyze", burst(tmp_path / "a.ndjson", "timed out"), "--json").object
    found = told["incidents"][0]
    assert {"incident_id", "title", "severity", "status", "start_time", "subject", "related_traces"} <= set(found)
    assert {"verdict", "root_cause", "confidence", "grounding", "claims", "actions"} <= set(found["analysis"])
    assert all({"text", "evidence", "check"} <= set(claim) for claim in found["analysis"]["claims"])
    assert all({"id", "kind", "value", "text", "query"} <= set(fact) for fact in found["evidence"])
    assert told["ledger"] == {"accepted": 25, "stored": 25, "dead_lettered": 0, "dropped": 0, "in_flight": 0}


def test_an_incident_for_people_holds_no_control_characters(process: Bdp, tmp_path: Path) -> None:
    told = process("analyze", burst(tmp_path / "a.ndjson", HOSTILE))
    assert told.code == 0
    assert "Burst of E1 in pay" in told.out
    assert "Claims" in told.out
    assert not set("\x1b\x07\x9b\u202e\u2028") & set(told.out)
    assert "analysing" not in told.out


def test_bad_lines_are_dead_letters_and_the_ledger_balances(process: Bdp, log: Path) -> None:
    told = process("analyze", log, "--json")
    assert told.object == {
        "incidents": [],
        "ledger": {"accepted": 4, "stored": 2, "dead_lettered": 2, "dropped": 0, "in_flight": 0},
    }
    assert "refused 2 records, the last: app.ndjson record 3" in told.err


def test_standard_input(process: Bdp, log: Path) -> None:
    told = process("analyze", "-", stdin=log.read_bytes())
    assert told.code == 0
    assert "Nothing abnormal in 2 records" in told.out


def test_an_empty_file_is_no_error(process: Bdp, tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    told = process("analyze", tmp_path / "empty.log")
    assert (told.code, told.out.splitlines()[0]) == (0, "There is not one record in what you gave.")


def test_a_given_home_keeps_what_was_found(process: Bdp, tmp_path: Path) -> None:
    told = process("analyze", burst(tmp_path / "a.ndjson", "x"), "--home", tmp_path / "home", "--json")
    kept = process("incidents", "--home", tmp_path / "home", "--json").object["incidents"]
    assert [found["incident_id"] for found in kept] == [found["incident_id"] for found in told.object["incidents"]]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["missing.log"], 3, "missing.log does not exist"),
        (["binary.dat"], 3, "binary.dat is a binary file"),
        (["nothing"], 3, "None of these paths holds a file that can be read"),
        (["unreadable"], 3, "skipped: unreadable/a.bin is a binary file"),
        (["wide.log"], 3, "UTF-16"),
        (["text.log", "--pattern", "("], 4, "not a regular expression"),
        (["text.log", "--pattern", "abc"], 4, "no named group"),
        (["text.log", "--format", "nope"], 3, "There is no format 'nope'"),
    ],
)
def test_what_cannot_be_read_is_told(process: Bdp, tmp_path: Path, words: list[str], code: int, said: str) -> None:
    (tmp_path / "binary.dat").write_bytes(b"\x7fELF\0\0\0")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "unreadable").mkdir()
    (tmp_path / "unreadable/a.bin").write_bytes(b"\0" * 100)
    (tmp_path / "wide.log").write_bytes("text".encode("utf-16"))
    (tmp_path / "text.log").write_text("some text\n")
    told = process("analyze", tmp_path / words[0], *words[1:])
    assert told.code == code
    assert said in " ".join(told.err.split())
    assert not told.out
    assert "Traceback" not in told.err


def test_a_bill_is_pointed_to_where_it_is_looked_into(process: Bdp, tmp_path: Path) -> None:
    (tmp_path / "bill.csv").write_text("date,cost\n2026-02-01,1\n")
    told = process("analyze", tmp_path / "bill.csv")
    assert (told.code, told.out) == (3, "")
    assert "bill.csv is a bill, not a log." in told.err
    assert "bdp cost analyze" in told.err
    beside = process("analyze", burst(tmp_path / "a.ndjson", "timed out").parent)
    assert "skipped:" in beside.err
    assert "Burst of E1 in pay" in beside.out
