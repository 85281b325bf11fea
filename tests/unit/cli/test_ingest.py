"""`bdp ingest`: through a running server, and by itself."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp
from tests.unit.intake.bills.exports import azure, written


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


def test_bills_beside_logs_become_cost_lines_and_again_add_nothing(process: Bdp, log: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = tmp_path / "in"
    folder.mkdir()
    log.rename(folder / log.name)
    (folder / "bill.csv").write_text("date,service,cost\n2026-02-01,EC2,1.5\n2026-02-02,S3,-0.5\n2026-02-03,S3,x\n")
    (folder / "lookup.csv").write_text("a,b,c\n1,2,3\n")
    first = process("ingest", folder, "--home", home)
    assert "Took in 4 records, refused 3, had 0 already." in first.out
    assert "Of it 2 cost lines of 1 bill, 2026-02-01 to 2026-02-02: 1.00 USD billed." in first.out
    assert "lookup.csv is a table, but neither a log nor a bill." in " ".join(first.err.split())
    again = process("ingest", folder / "bill.csv", "--home", home, "--json").object
    assert again["records"] == {"accepted": 2, "refused": 1, "repeated": 0}
    assert again["bills"] == {
        "files": 1, "lines": 2, "first_day": "2026-02-01", "last_day": "2026-02-02", "billed": {"USD": 1.0},
    }  # fmt: skip
    assert again["ledger"]["accepted"] == again["ledger"]["stored"] + again["ledger"]["dead_lettered"] == 10
    told = process("query", "SELECT count() AS n, sum(billed_cost) AS c FROM charges", "--home", home, "--json").object
    assert told["rows"] == [{"n": 2, "c": 1.0}]


def test_two_forms_of_one_bill_are_told_and_one_alone_mends_it(process: Bdp, tmp_path: Path) -> None:
    home = tmp_path / "home"
    actual = written(tmp_path / "actual.csv", azure(amortized=False))
    amortized = written(tmp_path / "amortized.csv", azure(amortized=True))
    both = process("ingest", actual, amortized, "--home", home)
    assert "actual.csv and amortized.csv seem to be two forms of one bill" in " ".join(both.out.split())
    (alike,) = process("ingest", actual, amortized, "--home", home, "--json").object["bills"]["alike"]
    assert (alike["files"], alike["share"]) == (["actual.csv", "amortized.csv"], 1)
    assert "청구서" in alike["text_ko"]
    alone = process("ingest", amortized, "--home", home, "--json").object["bills"]
    assert "alike" not in alone
    told = process("query", "SELECT sum(billed_cost) AS c FROM charges", "--home", home, "--json").object
    assert abs(told["rows"][0]["c"] - alone["billed"]["USD"]) < 0.01


def test_a_bill_from_standard_input(process: Bdp, tmp_path: Path) -> None:
    bill = b"date,service,cost\n2026-02-01,EC2,1.5\n"
    for content in (bill, gzip.compress(bill)):
        told = process("ingest", "-", "--home", tmp_path / "home", "--json", stdin=content)
        assert told.object["bills"]["billed"] == {"USD": 1.5}


def test_a_dump_of_charges_is_replayed_as_it_stands(process: Bdp, tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text("date,service,cost\n2026-02-01,EC2,1.5\n2026-02-01,EC2,1.5\n")
    process("ingest", bill, "--home", tmp_path / "a")
    dump = tmp_path / "dump.json"
    dump.write_text(process("query", "SELECT * FROM charges", "--home", tmp_path / "a", "--json").out)
    assert process("replay", dump, "--home", tmp_path / "b").code == 0
    assert process("replay", dump, "--home", tmp_path / "b").code == 0
    told = process("query", "SELECT sum(billed_cost) AS c FROM charges", "--home", tmp_path / "b", "--json").object
    assert told["rows"] == [{"c": 3.0}]
