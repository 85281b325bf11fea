"""`bdp sampling` against a serving process, and against a home that nobody serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp


def test_the_policy_is_taught_set_shown_and_listed(bdp: Bdp, served: Served) -> None:
    def told(*words: object) -> str:
        answer = bdp("sampling", *words, "--home", served.home)
        assert answer.code == 0, answer.err
        return answer.out

    assert "bdp sampling set --base 0.01" in told("show")
    assert "every event is kept" in told("history")
    # Services of these names send nothing to the shared server.
    out = told("set", "--service", "quiet=0.01", "--exempt", "calm", "--by", "Kim \x1b[31m")
    assert "1 normal event of 100" in out
    assert "\x1b" not in out
    told("set", "--floor", "0.01", "--service", "quiet=", "--by", "Lee")
    shown = bdp("sampling", "show", "--json", "--home", served.home).object
    assert (shown["version"], shown["by"], shown["effective_rate"]) == (2, "Lee", 1.0)
    assert (shown["policy"]["services"], shown["policy"]["exempt"]) == ({}, ["calm"])
    listed = told("history")
    assert "services quiet=0.01, exempt calm" in listed
    assert "floor 0.01, services none" in listed
    conflict = bdp("sampling", "set", "--floor", "0.1", "--expect", "1", "--home", served.home)
    assert conflict.code == 3
    assert "Lee set version 2" in conflict.err.replace("\n", " ")


def test_wrong_words_end_as_wrong_usage_or_bad_input(bdp: Bdp, served: Served) -> None:
    assert bdp("sampling", "set", "--home", served.home).code == 2
    assert bdp("sampling", "set", "--base", "much", "--home", served.home).code == 2
    assert bdp("sampling", "set", "--base", "7", "--home", served.home).code == 3
    assert bdp("sampling", "set", "--service", "shop", "--home", served.home).code == 3


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("option", ["--base", "--raise-after", "--service"])
def test_a_number_that_is_none_is_refused_in_plain_words(bdp: Bdp, served: Served, option: str, value: str) -> None:
    given = f"shop={value}" if option == "--service" else value
    told = bdp("sampling", "set", f"{option}={given}", "--home", served.home)
    assert told.code == 3
    assert told.err.startswith(f"error: '{given}' is not" if option == "--service" else f"error: {option} is {value}")
    assert "Traceback" not in told.err


def test_a_policy_can_be_set_before_anything_runs(process: Bdp, tmp_path: Path) -> None:
    told = process("sampling", "set", "--base", "0.01", "--home", tmp_path / "home")
    assert told.code == 0, told.err
    assert "holds from the next 'bdp serve' on" in told.out
    assert process("sampling", "show", "--json", "--home", tmp_path / "home").object["effective_rate"] == 0.01
