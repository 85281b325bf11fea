"""`bdp ingest`: through a running server, and by itself."""

from __future__ import annotations

from pathlib import Path

from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp


def test_by_itself_and_again_it_doubles_nothing(process: Bdp, log: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = process("ingest", log, "--home", home, "--json").object
    again = process("ingest", log, "--home", home, "--json").object
    assert first["records"] == {"accepted": 2, "refused": 2, "repeated": 0}
    assert again["records"] == {"accepted": 0, "refused": 0, "repeated": 2}
    assert first["ledger"] == again["ledger"]
    assert first["ledger"] == {"accepted": 4, "stored": 2, "dead_lettered": 2, "dropped": 0, "in_flight": 0}


def test_through_a_running_server(bdp: Bdp, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "one.ndjson"
    path.write_text('{"service": "through-http", "message": "x"}\nbad\n')
    told = bdp("ingest", path, "--home", served.home)
    assert told.code == 0
    assert told.out.startswith("Took in 1 record, refused 1, had 0 already.")
    assert "bdp dead-letters" in told.out
    while served.get("/v1/ledger")["total"]["in_flight"]:
        pass
    assert served.query("SELECT count() AS n FROM events WHERE service = 'through-http'") == [{"n": 1}]
    letters = bdp("dead-letters", "--home", served.home).out
    assert "one.ndjson record 2" in letters
