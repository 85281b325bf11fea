"""`bdp spending` on a home that nobody serves, and in a narrow terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bdp.llm.settings import BudgetSettings
from bdp.model.spending import NANO, Bill, Demand
from bdp.store.state import open_state
from tests.integration.serving import Served
from tests.unit.cli.conftest import HOSTILE, Bdp


def test_an_empty_home_teaches_how_to_set_up_a_model(bdp: Bdp, served: Served) -> None:
    told = bdp("spending", "--home", served.home)
    assert told.code == 0, told.err
    assert "bdp model install" in told.out
    assert "LLM_PROVIDER=vllm" in told.out
    assert max(map(len, told.out.splitlines())) <= 80


def test_a_person_allows_stops_and_resumes(bdp: Bdp, served: Served) -> None:
    stopped = bdp("spending", "stop", "--by", "Kim \x1b[31m", "--home", served.home)
    assert stopped.code == 0, stopped.err
    assert "Stopped by Kim" in stopped.out
    assert "bdp spending resume" in stopped.out
    assert "\x1b" not in stopped.out
    allowed = bdp("spending", "allow", "month", "2.5", "--by", "Kim", "--json", "--home", served.home).object
    assert [one["limit_usd"] for one in allowed["budgets"]] == [None, 10, 202.5]
    assert allowed["stopped_since"]
    assert bdp("spending", "resume", "--json", "--home", served.home).object["stopped_since"] is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["week", "5"], 2),
        (["day", "much"], 2),
        (["day"], 2),
        (["day", "nan"], 3),
        (["day", "inf"], 3),
        (["day", "0"], 3),
        (["incident", "1"], 2),
        (["day", "1", "--incident", "x"], 2),
        (["incident", "1", "--incident", "x"], 3),
    ],
)
def test_wrong_words_end_as_wrong_usage_or_bad_input(bdp: Bdp, served: Served, words: list[str], code: int) -> None:
    told = bdp("spending", "allow", *words, "--home", served.home)
    assert told.code == code, told.err
    assert "Traceback" not in told.err


def test_what_was_spent_is_shown_in_80_columns_and_harmless(process: Bdp, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    state, now = open_state(f"sqlite:///{home / 'state.db'}"), datetime.now(UTC)
    bounds = BudgetSettings().bounds()
    for number, (agent, model, dollars) in enumerate(
        [("insights", "gemini-2.5-flash", 6), ("insights", "gemini-2.5-flash", 2), (HOSTILE, HOSTILE, 0.125)]
    ):
        nano = round(dollars * NANO)
        demand = Demand(
            call_id=str(number), at=now, agent=agent, provider="p", model=model, tokens=9, nano_usd=nano
        )  # fmt: skip
        assert state.spending.reserve(demand, bounds).reason is None
        bill = Bill(call_id=str(number), ended_at=now, outcome="ok", seconds=1, tokens_in=12_345, nano_usd=nano)
        state.spending.settle(bill)
    state.close()
    told = process("spending", "--home", home, environment={"COLUMNS": "80", "LLM_PROVIDER": "gemini"})
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("today" in line and "81%" in line and "$8.12 of $10.00" in line for line in lines)
    assert any(line.split() == ["insights", "gemini-2.5-flash", "2", "0", "24.7k", "0", "$8.00"] for line in lines)
    assert not set(told.out) & {"\x1b", "\x07", "\u202e"}
