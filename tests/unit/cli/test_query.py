"""`bdp query`: what a person reads on a terminal of any width."""

from __future__ import annotations

import pytest

from bdp.cli import screen
from tests.integration.serving import Served
from tests.unit.cli.conftest import Bdp

LONG = "x" * 60
MANY = ", ".join(f"'{LONG[: 20 + n]}' AS charge_column_{n}" for n in range(12))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_many_columns_stand_one_value_a_line_and_whole(
    bdp: Bdp, served: Served, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(screen.out, "width", width)
    told = bdp("query", f"SELECT number, {MANY} FROM numbers(2)", "--home", served.home)
    lines = told.out.splitlines()
    assert [line for line in lines if line.startswith("row ")] == ["row 1", "row 2"]
    assert f"charge_column_11  {LONG[:31]}" in lines
    assert f"charge_column_0   {LONG[:20]}" in lines
    assert "…" not in told.out


def test_few_columns_stay_a_table_and_long_values_are_folded_not_cut(
    bdp: Bdp, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen.out, "width", 80)
    told = bdp("query", f"SELECT 'shop' AS service, '{LONG * 3}' AS message", "--home", served.home)
    lines = told.out.splitlines()
    assert lines[0].split() == ["service", "message"]
    assert lines[1].startswith("shop")
    assert told.out.count("x") == 180
    assert "…" not in told.out


def test_a_wide_terminal_has_the_table_and_json_every_value(bdp: Bdp, served: Served) -> None:
    wide = f"SELECT {MANY}"
    assert bdp("query", wide, "--json", "--home", served.home).object["rows"][0]["charge_column_11"] == LONG[:31]
    few = bdp("query", "SELECT 1 AS a, 2 AS b", "--home", served.home)
    assert [line.split() for line in few.out.splitlines()] == [["a", "b"], ["1", "2"]]
    assert bdp("query", "SELECT 1 AS a WHERE 0", "--home", served.home).out == "no rows\n"
