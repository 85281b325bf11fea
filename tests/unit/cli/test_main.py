"""Verbs, exit codes, help, and what a terminal must never see."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bdp import cli
from bdp.cli.main import app
from tests.integration.serving import BDP, Served
from tests.unit.cli.conftest import Bdp

VERBS = {
    "analyze", "demo", "ingest", "serve", "incidents", "incident", "approvals", "approve", "reject", "brief", "ledger",
    "dead-letters", "dlq", "replay", "query", "sampling", "worker", "doctor", "token", "version", "insights", "insight",
    "investigate", "backtest", "compare", "shadow", "detect", "model", "spending", "ask", "audit",
    "policy", "pause", "resume", "paused", "ack", "notify", "cost",
}  # fmt: skip
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def leaves() -> dict[str, Any]:
    """Every verb by its full name; groups such as `sampling` stand for the verbs in them."""
    found: dict[str, Any] = {}
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found |= {f"{name} {each}": verb for each, verb in inner.items()} if inner else {name: command}
    return found


def test_every_verb_has_help_with_an_example() -> None:
    commands = leaves()
    assert {name.split()[0] for name in commands} == VERBS
    for name, command in commands.items():
        assert name == "version" or re.search(
            rf"Examples?:\n\n.*(?m:^ *(.*[|(] ?)?bdp {name}\b)", command.help, re.DOTALL
        ), name
    for name in commands.keys() - {"serve", "demo", "worker"}:
        assert any("--json" in option.opts for option in commands[name].params), name


def test_without_a_verb_the_verbs_are_listed(bdp: Bdp) -> None:
    told = bdp("--help")
    assert told.code == 0
    assert set(re.findall(r"^  ([a-z][a-z-]+)  ", told.out, re.MULTILINE)) == VERBS
    assert "Exit codes" in told.out


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["incidents", "--limit", "0"],
        ["incidents", "--status", "asleep"],
        ["analyze"],
        ["query"],
        ["serve", "--log-level", "LOUD"],
        ["serve", "--port", "70000"],
    ],
)
def test_wrong_usage_ends_with_2(bdp: Bdp, words: list[str]) -> None:
    told = bdp(*words)
    assert told.code == 2
    assert "Error:" in told.err
    assert not told.out


@pytest.mark.parametrize(
    "words",
    [
        ["incident", "nope"],
        ["approve", "nope"],
        ["query", "DROP TABLE events"],
        ["query", "SELECT 1 INTO OUTFILE '/dev/null'"],
        ["brief", "--day", "yesterday"],
        ["reject", "nope", "--note", "n" * 3000],
        ["ingest", "/nowhere"],
    ],
)
def test_input_that_never_passes_ends_with_3(bdp: Bdp, served: Served, words: list[str]) -> None:
    told = bdp(*words, "--home", served.home)
    assert told.code == 3
    assert told.err.startswith("error: ")
    assert not told.out


def test_a_setting_that_nobody_knows_ends_with_4(bdp: Bdp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDP_DETECT__THRESHHOLD", "3")
    told = bdp("token", "--home", tmp_path)
    assert (told.code, told.out) == (4, "")
    assert "detect.threshhold: nobody knows this name" in told.err


def test_the_line_that_serve_shows_for_copying_has_this_homes_token(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    home.mkdir()
    life = Served(home)
    assert life.ready(), life.told()
    told = life.told()
    assert life.stop() == 0
    verb = re.search(r"\$\(bdp (token .*)\)\"", told)
    assert verb is not None, told
    printed = subprocess.run([*BDP, *shlex.split(verb[1])], capture_output=True, timeout=60, check=True)
    assert printed.stdout.decode().strip() == (home / "token").read_text().strip()
    assert f"bdp incidents --home '{home}'" in told


def test_a_busy_home_ends_with_4(process: Bdp, served: Served, tmp_path: Path) -> None:
    told = process("serve", "--port", "0", "--home", served.home)
    assert told.code == 4
    assert "Another bdp process works in" in told.err.replace("\n", " ")
    assert "Traceback" not in told.err


def test_a_server_that_went_away_ends_with_5(bdp: Bdp, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    # The lock is held, but nobody listens where the note says.
    monkeypatch.setattr("bdp.home.Home.serving", "http://127.0.0.1:9")
    told = bdp("ledger", "--home", served.home)
    assert told.code == 5
    assert "does not answer" in told.err


@pytest.mark.parametrize(
    "words",
    [
        ["incidents"],
        ["incidents", "--ko"],
        ["incident", "ID"],
        ["incident", "ID", "--ko"],
        ["incident", "ID", "--queries"],
        ["dead-letters"],
        ["dlq", "list"],
        ["dlq", "retry", "--all", "--dry-run"],
        ["ledger"],
        ["brief"],
        ["query", "SELECT * FROM events LIMIT 2"],
        ["approvals"],
        ["approvals", "--ko"],
        ["audit"],
        ["audit", "verify"],
        ["audit", "head"],
        ["sampling", "show"],
        ["sampling", "history"],
    ],
)
@pytest.mark.parametrize("json", [False, True], ids=["text", "json"])
def test_no_control_character_of_telemetry_reaches_the_terminal(
    bdp: Bdp, served: Served, incident_id: str, words: list[str], json: bool
) -> None:
    told = bdp(*(incident_id if word == "ID" else word for word in words), "--home", served.home, *(["--json"] * json))
    assert told.code == 0
    assert told.out
    assert not FORBIDDEN.search(told.out)
    assert not FORBIDDEN.search(told.err)
    if json:
        assert isinstance(told.object, dict)


def test_a_reader_that_has_enough_is_no_failure(served: Served) -> None:
    sql = "SELECT number FROM numbers(90000)"
    for words in (["query", sql, "--json"], ["query", sql], ["--help"]):
        verb = subprocess.Popen(
            [*BDP, *words, *([] if words == ["--help"] else ["--home", str(served.home)])],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert verb.stdout is not None
        assert verb.stderr is not None
        verb.stdout.close()
        assert (verb.stderr.read(), verb.wait(60)) == (b"", 0), words
        verb.stderr.close()


def test_a_terminal_without_unicode_gets_question_marks(process: Bdp, served: Served, incident_id: str) -> None:
    told = process("incident", incident_id, "--home", served.home, environment={"PYTHONIOENCODING": "ascii"})
    assert told.code == 0
    assert "?" in told.out


def test_help_starts_without_the_heavy_parts(process: Bdp) -> None:
    told = process("--help", environment={"PYTHONPROFILEIMPORTTIME": "1"})
    imported = set(re.findall(r"\| +([a-z_0-9]+)(?:\.[\w.]*)?$", told.err, re.MULTILINE))
    assert cli.__name__ == "bdp.cli"
    assert "typer" in imported
    assert not imported & {"alembic", "chdb", "clickhouse_connect", "dbos", "fastapi", "httpx", "numpy", "sqlalchemy"}


def test_the_shell_can_complete(process: Bdp) -> None:
    told = process("--show-completion", "bash")
    assert told.code == 0
    assert "complete" in told.out
