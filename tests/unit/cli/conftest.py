"""The command line as a user has it: against a real serving process, or in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from bdp.cli import main, screen
from tests.integration.serving import BDP, Served
from tests.unit.cli.warm import Warm

HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m[red]x[/nope] :smile: \u202egnp.exe\u2028end"
"""Clears a screen, names its window, colours it, and turns the writing direction."""


@dataclass(frozen=True)
class Told:
    """What a verb said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


Bdp = Callable[..., Told]


@pytest.fixture(autouse=True)
def _no_settings_of_the_tester(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BDP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "120")
    # They read it once, when they are made: in the first test of the process.
    for console in (screen.out, screen.err):
        monkeypatch.setattr(console, "_width", 120)


@pytest.fixture
def bdp(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Bdp]:
    """Run a verb in this process; only for those that open no store here."""

    def run(*words: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["bdp", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return Told(int(ended.value.code or 0), told.out, told.err)

    yield run
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """A process that has loaded what verbs need."""
    started = Warm.start()
    yield started
    started.close()


@pytest.fixture
def process(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Bdp:
    """Run a verb in a process of its own; where Python itself is told something, in one that it starts for it."""

    def run(*words: object, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> Told:
        said, given = [str(word) for word in words], {**os.environ, **(environment or {})}
        if any(name.startswith("PYTHON") for name in environment or ()):
            ended = subprocess.run([*BDP, *said], input=stdin, capture_output=True, timeout=60, check=False, env=given)
            return Told(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
        folder = tmp_path_factory.mktemp("said")
        code = warm.run(said, given, folder, stdin, seconds=60)
        return Told(code, (folder / "out").read_bytes().decode(), (folder / "err").read_bytes().decode())

    return run


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A serving process, shared: its home holds one incident whose every text is hostile, and one dead letter."""
    home = tmp_path_factory.mktemp("served")
    life = Served(home, {"BDP_PIPELINE__LINGER_SECONDS": "0", "BDP_STORE__RETENTION_DAYS": "0"})
    assert life.ready(), life.told()
    row = {"ts": "2026-05-01T12:00:00Z", "level": "ERROR"} | dict.fromkeys(
        ("service", "route", "error_code", "message"), HOSTILE
    )
    life.post("/v1/events", content=json.dumps([row] * 30))
    life.post("/v1/events", content=b'{"ts": "' + json.dumps(HOSTILE).encode()[1:])
    while life.get("/v1/ledger")["total"]["in_flight"] or not life.get("/v1/incidents"):
        pass
    yield life
    assert life.stop() == 0, life.told()


@pytest.fixture
def incident_id(served: Served) -> str:
    """The incident of the served home."""
    found: str = served.get("/v1/incidents")[0]["incident_id"]
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file with two good records and two bad ones."""
    path = tmp_path / "app.ndjson"
    path.write_text('{"service": "a", "message": "x"}\nnot json\n{"ts": "nope"}\n{"service": "b"}\n')
    return path
