"""`bdp shadow`: off, without a server, and hostile names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.serving import Served
from tests.unit.cli.conftest import HOSTILE, Bdp


def test_it_is_off(bdp: Bdp, served: Served) -> None:
    told = bdp("shadow", "--home", served.home)
    assert told.code == 0
    assert "Shadow detection is off" in told.out
    assert bdp("shadow", "--json", "--home", served.home).object["report"] is None


def test_a_home_with_a_shadow(process: Bdp, tmp_path: Path) -> None:
    home, at = tmp_path / "home", datetime.now(UTC).isoformat()
    home.mkdir()
    (home / "bdp.toml").write_text("[shadow.detect]\nthreshold = 5\n[shadow.series]\nenabled = false\n")
    empty = process("shadow", "--home", home)
    assert "It has seen no records yet." in empty.out
    row = {"ts": at, "level": "ERROR", "service": HOSTILE, "message": HOSTILE}
    rows = [json.dumps(row | {"route": route}) for route, count in (("/a", 30), ("/b", 7)) for _ in range(count)]
    (tmp_path / "events.ndjson").write_text("\n".join(rows))
    assert process("replay", tmp_path / "events.ndjson", "--home", home).code == 0
    told = process("shadow", "--home", home)
    assert told.code == 0, told.err
    lines = [line.split() for line in told.out.splitlines()]
    assert ["kind", "live", "shadow", "both", "only", "live", "only", "shadow"] in lines
    assert ["burst", "1", "2", "1", "0", "1"] in lines
    assert "shadow: detect.threshold=5, series.enabled=false" in told.out
    assert "only shadow" in told.out
    assert not set(told.out) & set(HOSTILE) & set("\x1b\x07\x9b\u202e\u2028")
    wrong = process("shadow", "--home", home, environment={"BDP_SHADOW__DETECT": '{"treshold": 1}'})
    assert wrong.code == 4
    assert "Setting shadow.detect.treshold: nobody knows this name." in " ".join(wrong.err.split())


@pytest.mark.parametrize("words", [["--since", "yesterday"], ["--since", "999999d"]])
def test_what_cannot_be_asked(bdp: Bdp, served: Served, words: list[str]) -> None:
    told = bdp("shadow", *words, "--home", served.home)
    assert told.code == 3
    assert "is not a time" in told.err
