"""Twenty seeded schedules of a provider that throttles, stalls, breaks off, lies and sends garbage.

Two gateways, as of two workers, ask it through one state database. A minute passes in seven real seconds.
"""

from __future__ import annotations

import json
import random
import re
import time
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import NoAnswer
from bdp.ids import Ids
from bdp.llm.ask import Answer, Ask, Prompt
from bdp.llm.gateway import Gateway
from bdp.llm.pace import Pace
from bdp.llm.providers import Context
from bdp.llm.settings import AwaySettings, BudgetSettings, GatewaySettings, OpenAiSettings, PriceSettings, RetrySettings
from bdp.model.spending import NANO, Bounds, Reason
from bdp.store.spending import SqlSpending
from bdp.store.state import open_state
from tests.scenario.llm.fake_provider import NANO_IN, NANO_OUT, Arrival, FakeProvider

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPEED = 8.0
DEADLINE = 30.0
RUN_SECONDS = 66.0
ASKERS = 5
REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE = 60, 60_000
JITTER = 3.0
"""Of the clock's seconds by which requests may come bunched at the provider: 0.4 real seconds."""
LATE = 1.0
"""Real seconds that a busy machine may take to wake up whoever asked."""

MISCHIEF = {
    "throttles": 1,
    "asks_to_wait": 1,
    "fails": 1,
    "refuses": 0.3,
    "stalls": 0.4,
    "drips": 0.4,
    "breaks_off": 0.7,
    "tells_longer": 0.7,
    "tells_shorter": 0.7,
    "noise": 0.7,
    "endless": 0.4,
    "chats": 1,
    "garbles": 1,
    "wrong_form": 1,
    "empty": 1,
    "cut_off": 1,
    "long": 0.4,
    "obeys": 1,
    "deep": 0.5,
    "half_a_character": 0.5,
    "echoes": 0.5,
    "tells_nothing": 1,
    "tells_little": 1,
    "tells_nonsense": 0.5,
    "tells_much": 0.1,
}

# A provider that counts wrongly; the product ignores the library's warning of it.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic_ai.exceptions.UsageExtractionFailedWarning")


class Verdict(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=0)
    note: str = Field(max_length=200)


class FastClock:
    """The machine's time, so many times faster."""

    def __init__(self, speed: float) -> None:
        self._speed, self._begun = speed, time.monotonic()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._begun) * self._speed


@dataclass(frozen=True)
class Told:
    """How one question ended."""

    number: int
    answer: Answer[Verdict] | None
    reason: str
    seconds: float


def right(text: str) -> str:
    """The right answer to a prompt: its number, back."""
    found = re.search(r"number (\d+)", text)
    return json.dumps({"number": int(found[1]) if found else -1, "note": "as asked " * 10})


def asked(number: int) -> Ask[Verdict]:
    def prompt(tokens: int) -> Prompt:
        return Prompt("You repeat numbers as JSON.", f'What is number {number}? {{"log": "{"x" * 400}"}}')

    def check(verdict: Verdict) -> str | None:
        return None if verdict.number == number else "That is another number."

    return Ask("test", prompt, Verdict, DEADLINE, check, incident_id=f"inc_{number % 3}", max_tokens=300)


def settings(url: str, chance: random.Random) -> GatewaySettings:
    return GatewaySettings(
        chain=("vllm",),
        vllm=OpenAiSettings(
            model="fake",
            base_url=url,
            seconds=6,
            max_tokens=300,
            price=PriceSettings(input_usd=NANO_IN / 1000, output_usd=NANO_OUT / 1000),
            requests_per_minute=REQUESTS_PER_MINUTE,
            tokens_per_minute=TOKENS_PER_MINUTE,
        ),
        retry=RetrySettings(first_seconds=0.5, longest_seconds=4),
        breaker=AwaySettings(failures=8, probe_seconds=2, longest_probe_seconds=10),
        budget=BudgetSettings(incident_usd=chance.choice([0.02, 0.05, None]), day_usd=chance.choice([0.03, 0.05, 0.2])),
        concurrency=4,
        answer_kib=32,
    )


def most_within(arrivals: list[Arrival], seconds: float, weight: Callable[[Arrival], int]) -> int:
    """The heaviest stretch of so many seconds."""
    ordered = sorted(arrivals, key=lambda arrival: arrival.at)
    times = [arrival.at for arrival in ordered]
    ends = [bisect_left(times, at + seconds) for at in times]
    return max((sum(map(weight, ordered[i:end])) for i, end in enumerate(ends)), default=0)


def play(seed: int, folder: Path, speed: float, run_seconds: float) -> tuple[list[Told], FakeProvider, Any]:
    """Ask until the time is over, and return what came, who was asked, and the standings afterwards."""
    chance, clock = random.Random(seed), FastClock(speed)
    trouble = chance.choice([0.1, 0.3, 0.6])
    manners = {"well": 1 - trouble} | {
        name: trouble * weight / sum(MISCHIEF.values()) for name, weight in MISCHIEF.items()
    }
    provider = FakeProvider(seed, clock, right, manners)
    state = open_state(f"sqlite:///{folder / f'{seed}.db'}")
    chosen = settings(provider.url, chance)
    spending = SqlSpending(state.database, clock.monotonic)
    gateways = [
        Gateway(chosen, spending, Context(folder), clock, Ids.seeded(seed * 2 + n), Pace(clock, speed, chance))
        for n in range(2)
    ]
    told: list[Told] = []

    def ask(asker: int) -> None:
        number = asker
        while clock.monotonic() < run_seconds:
            begun = clock.monotonic()
            answer, reason = None, ""
            try:
                answer = gateways[asker % 2].ask(asked(number))
            except NoAnswer as error:
                reason = error.reason
            told.append(Told(number, answer, reason, clock.monotonic() - begun))
            number += ASKERS
            if reason:
                time.sleep(2 / speed)

    with ThreadPoolExecutor(ASKERS) as askers:
        list(askers.map(ask, range(ASKERS)))
    for gateway in gateways:
        gateway.close()
    bounds = Bounds(day_usd=int(chosen.budget.day_usd * NANO) if chosen.budget.day_usd else None)
    incidents = [state.spending.standings(START, bounds, f"inc_{n}") for n in range(3)]
    state.close()
    provider.close()
    return told, provider, (chosen, incidents)


def judge(told: list[Told], provider: FakeProvider, found: Any, jitter: float, speed: float) -> None:
    chosen, incidents = found
    numbers = sorted(one.number for one in told)
    assert len(numbers) == len(set(numbers))
    assert all((one.answer is None) == bool(one.reason) for one in told)
    for one in told:
        assert one.seconds <= DEADLINE + LATE * speed, "answered within its deadline"
        assert one.reason in {"", *Reason}
        if one.answer:
            assert one.answer.value.number == one.number, "nobody gets another's answer"
    day = {standing.name: standing for standing in incidents[0]}["day"]
    assert day.reserved == 0, "all is settled"
    assert day.limit is not None
    assert provider.billed <= day.spent <= day.limit, "no budget is exceeded, and no cent is unaccounted"
    for standings in incidents:
        spent = {standing.name: standing for standing in standings}["incident"].spent
        if chosen.budget.incident_usd is not None:
            assert spent <= chosen.budget.incident_usd * NANO
    window = 60.0 - jitter
    assert most_within(provider.arrivals, window, lambda arrival: 1) <= REQUESTS_PER_MINUTE
    assert most_within(provider.arrivals, window, lambda arrival: arrival.tokens) <= TOKENS_PER_MINUTE


def test_no_schedule_loses_a_question_or_exceeds_a_budget_or_a_rate(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as schedules:
        played = list(schedules.map(lambda seed: play(seed, tmp_path, SPEED, RUN_SECONDS), range(20)))
    manners = set[str]()
    reasons = set[str]()
    for told, provider, found in played:
        judge(told, provider, found, JITTER, SPEED)
        manners |= set(provider.manners_seen)
        reasons |= {one.reason for one in told}
    assert manners == {"well", *MISCHIEF}, "every mischief was met"
    assert {"", Reason.DAY_BUDGET, Reason.RATE} <= reasons, "bounds were reached, and some questions were answered"
    assert sum(1 for told, _, _ in played for one in told if one.answer) >= 200


@pytest.mark.long
@pytest.mark.timeout(900)
def test_in_real_time_no_minute_has_more_requests_than_allowed(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as schedules:
        played = list(schedules.map(lambda seed: play(seed, tmp_path, 1.0, 150.0), range(100, 110)))
    for told, provider, found in played:
        judge(told, provider, found, 1.0, 1.0)
