"""`bdp replay`: twice changes nothing, by itself and through a server; a summary that says what to do next."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    rows = [
        {"event_id": f"replayed-{i}", "ts": f"2026-05-01T10:{i // 60:02d}:{i % 60:02d}Z", "service": "replayed"}
        for i in range(300)
    ]
    path = tmp_path / "dump.ndjson.gz"
    path.write_bytes(gzip.compress(b"\n".join(json.dumps(row).encode() for row in rows) + b"\nbad\n"))
    return path


def test_by_itself(process: Bdp, dump: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    dry = process("replay", dump, "--dry-run", "--home", home)
    assert [line.split() for line in dry.out.splitlines()[1:2]] == [["1", "301", "300", "0", "1"]]
    assert "Nothing was changed" in dry.out
    first = process("replay", dump, "--home", home, "--json").object
    again = process("replay", dump, "--home", home, "--json").object
    assert {name: first["records"][name] for name in ("read", "new", "known", "refused")} == {
        "read": 301, "new": 300, "known": 0, "refused": 1,
    }  # fmt: skip
    assert "record 301: not valid JSON" in first["records"]["reasons"][0]
    assert (again["records"]["new"], again["records"]["known"]) == (0, 300)
    assert first["ledger"] == again["ledger"]
    assert first["ledger"] == {"accepted": 300, "stored": 300, "dead_lettered": 0, "dropped": 0, "in_flight": 0}


def test_an_archive_brings_back_what_a_lost_home_had(
    process: Bdp, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDP_STREAM__ARCHIVE__FOLDER", str(tmp_path / "copies"))
    assert process("ingest", dump, "--home", tmp_path / "lost").code == 0
    monkeypatch.delenv("BDP_STREAM__ARCHIVE__FOLDER")
    words = ("replay", "--archive", tmp_path / "copies", "--json", "--home", tmp_path / "new")
    told = process(*words).object
    assert (told["records"]["new"], told["records"]["refused"], told["ledger"]["stored"]) == (300, 0, 300)
    assert process(*words).object["records"]["known"] == 300


def test_what_query_prints_can_be_replayed(process: Bdp, dump: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    process("replay", dump, "--home", old)
    rows = process("query", "SELECT * EXCEPT arrived_at FROM events ORDER BY ts", "--json", "--home", old)
    (tmp_path / "rows.json").write_text(process("query", "SELECT * FROM events", "--json", "--home", old).out)
    told = process("replay", tmp_path / "rows.json", "--json", "--home", new).object
    assert (told["records"]["new"], told["records"]["refused"]) == (300, 0)
    copied = process("query", "SELECT * EXCEPT arrived_at FROM events ORDER BY ts", "--json", "--home", new)
    assert copied.object == rows.object


def test_through_a_server(bdp: Bdp, served: Served, dump: Path) -> None:
    told = bdp("replay", dump, "--home", served.home)
    assert told.out.splitlines()[1].split() == ["1", "301", "300", "0", "1"]
    assert "replay the files again" in " ".join(told.out.split())
    again = bdp("replay", dump, "--home", served.home)
    assert again.out.splitlines()[1].split() == ["1", "301", "0", "300", "1"]
    while served.get("/v1/ledger")["total"]["in_flight"]:
        pass
    assert served.query("SELECT count() AS n FROM events WHERE service = 'replayed'") == [{"n": 300}]


def test_a_rate_holds(bdp: Bdp, served: Served, dump: Path) -> None:
    begun = time.monotonic()
    assert bdp("replay", dump, "--rate", "150", "--dry-run", "--home", served.home).code == 0
    assert time.monotonic() - begun >= 1.0


def test_a_range_raises_nothing_twice(bdp: Bdp, served: Served) -> None:
    words = ("replay", "--from", "2026-05-01", "--to", "2026-05-02", "--home", served.home)
    told = bdp(*words, "--json").object["range"]
    assert (told["state"], told["anomalies"], told["opened"]) == ("done", 1, 0)
    before = served.get("/v1/incidents")
    assert [incident["sightings"] for incident in before] == [1]
    assert bdp(*words).out.splitlines()[1] == "1 burst; 0 new incidents, the others were known."
    assert "nothing was changed" in bdp(*words, "--dry-run").out
    assert served.get("/v1/incidents") == before


def test_dead_letters(bdp: Bdp, served: Served) -> None:
    told = bdp("replay", "--dead-letters", "--cause", "schema", "--dry-run", "--json", "--home", served.home).object
    assert told["letters"]["asked"] == told["letters"]["failed"] >= 1
    assert bdp("replay", "--dead-letters", "--cause", "poison", "--home", served.home).out == "No dead letters fit.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say what to replay."),
        (["x.ndjson", "--dead-letters"], "Too much was given: --dead-letters and files."),
        (["--archive", ".", "--from", "2026-05-01", "x"], "Too much was given: --archive and --from and files."),
        (["x.ndjson", "--rate", "inf"], "inf is no rate"),
        (["/nowhere"], "does not exist"),
        (["--from", "yesterday"], "is not a time"),
        (["--from", "2026-05-02", "--to", "2026-05-01"], "ends before it begins"),
        (["--archive", "."], "is no segment of an archive"),
    ],
)
def test_what_cannot_be_replayed(
    bdp: Bdp, served: Served, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.ndjson").write_text("{}")
    told = bdp("replay", *words, "--home", served.home)
    assert told.code == 3
    assert said in " ".join(told.err.split())
