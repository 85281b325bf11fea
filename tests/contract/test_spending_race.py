"""Several processes with one purse: never over the budget, never over a rate, and nothing lost by a kill."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from bdp.model.spending import Bounds
from bdp.store.state import State
from tests.contract.spending_child import MOST, START, Gate, die_with_money, hammer

WORKERS = 3
SECONDS = 2.5
LONGEST = 30.0
"""Where the race is for money, it ends when that is gone."""
SPAWN = multiprocessing.get_context("spawn")
OpenMore = Callable[..., State]


def fullest(rows: list[tuple[float, int]]) -> int:
    """Return the most that falls into any 60 seconds."""
    rows, most, first, inside = sorted(rows), 0, 0, 0
    for at, size in rows:
        inside += size
        while rows[first][0] <= at - 60:
            inside -= rows[first][1]
            first += 1
        most = max(most, inside)
    return most


def run(url: str, bounds: Bounds, folder: Path, state: State) -> list[dict[str, float]]:
    """Let the workers hammer; look at the purse meanwhile. Returns what each of their calls took."""
    gate, seconds = Gate(SPAWN, WORKERS), LONGEST if bounds.month_usd else SECONDS
    files = [folder / f"{number}.ndjson" for number in range(WORKERS)]
    workers = [
        SPAWN.Process(target=hammer, args=(url, number, gate, seconds, number / (WORKERS - 1), bounds, file))
        for number, file in enumerate(files)
    ]
    for worker in workers:
        worker.start()
    limit = bounds.day_usd
    while any(worker.is_alive() for worker in workers):
        day = state.spending.standings(START, bounds)[1]
        assert limit is None or day.spent + day.reserved <= limit
        time.sleep(0.02)
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(day_usd=40 * MOST, month_usd=41 * MOST, incident_usd=42 * MOST),
        Bounds(requests_per_minute=60, agent_requests_per_minute=50),
        Bounds(tokens_per_minute=4000, requests_per_minute=1000, day_usd=10**6 * MOST),
    ],
    ids=["money", "requests", "tokens"],
)
def test_workers_in_a_race_keep_budget_and_rates(
    lasting_url: str, open_more: OpenMore, tmp_path: Path, bounds: Bounds
) -> None:
    state = open_more(lasting_url)
    calls = run(lasting_url, bounds, tmp_path, state)
    took = sum(int(call["nano_usd"]) for call in calls)
    for standing in state.spending.standings(START, bounds, "i"):
        assert (standing.spent, standing.reserved) == (took, 0)
        assert standing.limit is None or took <= standing.limit
    (line,) = state.spending.costs(date(2026, 3, 1), date(2026, 3, 2))
    assert (line.calls, line.nano_usd) == (len(calls), took)
    assert line.tokens_in == sum(call["tokens"] for call in calls)
    # Used up each, not only kept shut: else the test would prove nothing.
    if bounds.month_usd:
        assert took > 39 * MOST
    if bounds.agent_requests_per_minute:
        assert fullest([(call["at"], 1) for call in calls]) == bounds.agent_requests_per_minute
    if bounds.tokens_per_minute:
        most = fullest([(call["at"], int(call["tokens"])) for call in calls])
        assert bounds.tokens_per_minute * 0.7 < most <= bounds.tokens_per_minute


def test_what_a_killed_process_reserved_is_booked_in_full(
    lasting_url: str, open_more: OpenMore, tmp_path: Path
) -> None:
    state, said = open_more(lasting_url), tmp_path / "said"
    worker = SPAWN.Process(target=die_with_money, args=(lasting_url, 3, said))
    worker.start()
    deadline = time.monotonic() + 30
    while not said.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert worker.pid
    os.kill(worker.pid, signal.SIGKILL)
    worker.join(10)
    day = state.spending.standings(START, Bounds())[1]
    assert (day.spent, day.reserved) == (0, 3 * MOST)
    assert state.spending.expire(START + timedelta(minutes=15)) == 3
    day = state.spending.standings(START, Bounds())[1]
    assert (day.spent, day.reserved) == (3 * MOST, 0)
