"""`bdp dlq`: what an operator sees and does; nothing that telemetry says acts in the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bdp.cli import screen
from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
AHEAD = '{"ts":"2099-01-01T00:00:00Z","service":"x"}'


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    started = Served(tmp_path_factory.mktemp("letters"), {"BDP_PIPELINE__LINGER_SECONDS": "0"})
    assert started.ready(), started.told()
    yield started
    assert started.stop() == 0, started.told()


@pytest.fixture(autouse=True)
def _six_letters(life: Served) -> Iterator[None]:
    life.post("/v1/events", content="\n".join([AHEAD, *["bad \x1b[2J \u202e"] * 5]).encode())
    yield
    life.post("/v1/dead-letters/discard", json={"all": True})


def newest(life: Served) -> str:
    found: str = life.get("/v1/dead-letters", limit=1)[0]["letter_id"]
    return found


def test_the_list_begins_with_what_one_can_do(bdp: Bdp, life: Served) -> None:
    told = bdp("dlq", "list", "--home", life.home)
    lines = told.out.splitlines()
    assert lines[0].split()[:3] == ["cause", "source", "letters"]
    assert lines[1].split()[:3] == ["schema", "http", "5"]
    assert "set the sender's clock right" in " ".join(told.out.split())
    assert told.out.count("http record") == 6
    assert bdp("dead-letters", "--home", life.home).out == told.out


def test_what_a_cause_means_is_said_once_for_all_sources(
    bdp: Bdp, life: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen.out, "width", 80)
    bad = {"streams": [{"stream": {"a": "b"}, "values": [["soon", "x"]]}]}
    assert life.client.post("/loki/api/v1/push", json=bad).status_code == 204
    told = bdp("dlq", "list", "--cause", "schema", "--home", life.home).out
    assert [line.split()[:3] for line in told.splitlines()[1:3]] == [["schema", "http", "5"], ["schema", "loki", "1"]]
    assert " ".join(told.split()).lower().count("mend the sender") == 1


def test_the_list_can_be_narrowed(bdp: Bdp, life: Served) -> None:
    told = bdp("dlq", "list", "--cause", "clock", "--json", "--home", life.home).object
    assert [row["payload"] for row in told["dead_letters"]] == [AHEAD]
    assert [row["count"] for row in told["counts"]] == [1]
    assert bdp("dlq", "list", "--source", "nobody", "--home", life.home).out == "No dead letters fit.\n"
    life.post("/v1/dead-letters/discard", json={"all": True})
    assert bdp("dlq", "list", "--home", life.home).out == "No dead letters.\n"
    assert bdp("dlq", "list", "--cause", "weather", "--home", life.home).code == 2


def test_one_is_shown_whole_and_harmless(bdp: Bdp, life: Served) -> None:
    told = bdp("dlq", "show", newest(life), "--home", life.home)
    assert told.code == 0
    assert "bad \\x1b[2J \\u202e" in told.out
    assert "Mend the sender" in told.out
    assert not FORBIDDEN.search(told.out)
    assert bdp("dlq", "show", "../../x", "--home", life.home).code == 3


def test_retry_tells_what_came_of_it(bdp: Bdp, life: Served) -> None:
    told = bdp("dlq", "retry", "--all", "--yes", "--home", life.home)
    assert told.out.startswith("6 letters: 0 delivered, 6 failed again, 0 cannot be retried.")
    assert "attempts   2" in bdp("dlq", "show", newest(life), "--home", life.home).out
    dry = bdp("dlq", "retry", "--cause", "clock", "--dry-run", "--home", life.home)
    assert dry.out.startswith("1 letter: 0 would go through, 1 failed again")
    assert bdp("dlq", "retry", "--id", newest(life), "--json", "--home", life.home).object["failed"] == 1


def test_many_are_touched_only_after_a_yes(process: Bdp, life: Served) -> None:
    words = ("dlq", "discard", "--cause", "schema", "--home", life.home)
    assert process(*words, stdin=b"n\n").code == 0
    assert process(*words, stdin=b"").code == 1
    assert len(life.get("/v1/dead-letters")) == 6
    told = process(*words, stdin=b"y\n")
    assert "Discard for good 5 dead letters?" in told.err
    assert told.out.lstrip() == "Discarded 5 letters; the ledger counts them as dropped.\n"
    assert len(life.get("/v1/dead-letters")) == 1


def test_those_named_one_by_one_go_at_once(bdp: Bdp, life: Served) -> None:
    told = bdp("dlq", "discard", "--id", newest(life), "--home", life.home)
    assert told.out.startswith("Discarded 1 letter;")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say which letters."),
        (["--all", "--id", "1"], "Too much was given: --id and --all."),
        (["--all", "--cause", "schema"], "Too much was given: --cause/--source and --all."),
    ],
)
@pytest.mark.parametrize("verb", ["retry", "discard"])
def test_which_ones_must_be_said(bdp: Bdp, life: Served, verb: str, words: list[str], said: str) -> None:
    told = bdp("dlq", verb, *words, "--yes", "--home", life.home)
    assert (told.code, told.err.splitlines()[0]) == (3, f"error: {said}")
    assert len(life.get("/v1/dead-letters")) == 6


def test_without_a_server_the_home_is_opened(process: Bdp, tmp_path: Path) -> None:
    path = tmp_path / "bad.ndjson"
    path.write_text(f"{AHEAD}\n")
    process("ingest", path, "--home", tmp_path / "home")
    lenient = {"BDP_INTAKE__MAX_AHEAD_HOURS": "1000000"}
    told = process("dlq", "retry", "--all", "--yes", "--json", "--home", tmp_path / "home", environment=lenient).object
    assert (told["asked"], told["delivered"]) == (1, 1)
    ledger = process("ledger", "--json", "--home", tmp_path / "home").object["total"]
    assert ledger == {"accepted": 1, "stored": 1, "dead_lettered": 0, "dropped": 0, "in_flight": 0}
