"""`bdp backtest` and `bdp compare`: by themselves and through a server, with settings from a file and from words."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.serving import Served
from tests.unit.cli.conftest import HOSTILE, Bdp

RANGE = ("--from", "2026-05-01", "--to", "2026-05-02")


@pytest.fixture
def home(process: Bdp, tmp_path: Path) -> Path:
    """A home whose records, a burst and a level shift, went through the real pipeline."""
    chance, start = random.Random(7), datetime(2026, 5, 1, 10, tzinfo=UTC)
    events: list[dict[str, Any]] = [
        {"event_id": f"e{i}", "ts": f"2026-05-01T11:00:{i:02d}Z", "service": "shop", "level": "ERROR", "message": "no"}
        for i in range(30)
    ]
    points: list[dict[str, Any]] = [
        {
            "ts": (start + timedelta(seconds=30 * i)).isoformat(),
            "name": "load",
            "entity": "h1",
            "value": 50 + chance.gauss(0, 1) + 40 * (i >= 240),
        }
        for i in range(260)
    ]
    paths = [tmp_path / "events.ndjson", tmp_path / "points.ndjson"]
    for path, rows in zip(paths, (events, points), strict=True):
        path.write_text("\n".join(map(json.dumps, rows)))
    told = process("replay", *paths, "--home", tmp_path / "home", "--json")
    assert told.object["records"]["new"] == 290
    return tmp_path / "home"


def test_by_itself(process: Bdp, home: Path, tmp_path: Path) -> None:
    told = process("backtest", *RANGE, "--home", home)
    assert told.code == 0, told.err
    rows = {line.split("  ")[0]: line.split()[-5:] for line in told.out.splitlines()}
    assert rows["burst"] == ["1", "1", "1", "0", "0"]
    assert rows["metric"][2] != "0"
    assert "Read 30 abnormal events, 260 metric points" in told.out
    assert "No differences." in told.out

    (tmp_path / "try.toml").write_text("[detect]\nthreshold = 20\n[web]\nport = 1\n")
    words = ("--settings", tmp_path / "try.toml", "--set", "detect.threshold=40", "--set", "series.enabled=false")
    other = process("backtest", *RANGE, *words, "--home", home)
    lines = other.out.splitlines()
    assert next(line.split() for line in lines if line.startswith("burst")) == ["burst", "1", "1", "0", "0", "1", "0"]
    assert "the settings of web" in other.out
    assert "the present settings raise" in other.out
    assert any("only present" in line and "shop" in line for line in lines)

    same = process("compare", *RANGE, "--json", "--home", home).object["agreement"]
    assert (same["first"], same["second"], same["total"]["type_percent"]) == ("was", "present", 100.0)
    assert (same["total"]["only_first"], same["total"]["only_second"], same["total"]["risk_p95"]) == (0, 0, 0)
    table = process("compare", *RANGE, "--set", "series.enabled=false", "--home", home).out
    assert "first: present; second: other" in table
    assert "anomaly detected" in table


def sightings(served: Served) -> list[tuple[str, int]]:
    return [(found["incident_id"], found["sightings"]) for found in served.get("/v1/incidents")]


def test_through_a_server_with_hostile_names(bdp: Bdp, served: Served) -> None:
    before = sightings(served)
    told = bdp("backtest", *RANGE, "--set", "detect.threshold=100", "--home", served.home)
    assert told.code == 0, told.err
    assert "only present" in told.out
    assert not set(told.out) & set(HOSTILE) & set("\x1b\x07\x9b\u202e\u2028")
    assert bdp("compare", *RANGE, "--home", served.home).out.splitlines()[-1] == (
        "Neither has an insight in this range."
    )
    found = bdp(
        "backtest", *RANGE, "--set", "detect.threshold=100", "--differences", "0", "--json", "--home", served.home
    )
    [_, pair] = found.object["found"]
    assert (pair["worst"], pair["more"], pair["kinds"][0]["only_first"]) == ([], 1, 1)
    assert sightings(served) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "yesterday"], "is not a time"),
        (["--from", "2026-05-02", "--to", "2026-05-01"], "ends before it begins"),
        ([*RANGE, "--set", "threshold=1"], "is no setting"),
        ([*RANGE, "--set", "series.threshold"], "is no setting"),
        ([*RANGE, "--set", "series.treshold=1"], "Setting series.treshold: nobody knows this name."),
        ([*RANGE, "--set", "series.threshold=high"], "Setting series.threshold"),
        ([*RANGE, "--set", "a.b=1", "--set", "a.b.c=1"], "has a value already"),
        ([*RANGE, "--settings", "/nowhere.toml"], "cannot be read"),
        ([*RANGE, "--rate", "inf"], "take numbers"),
    ],
)
def test_what_cannot_be_asked(bdp: Bdp, served: Served, words: list[str], said: str) -> None:
    told = bdp("backtest", *words, "--home", served.home)
    assert told.code == 3
    assert said in " ".join(told.err.split())
