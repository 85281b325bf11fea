"""A worker that reserves and settles as fast as it can, in a process of its own; what it did is in a file."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.context import SpawnContext
from pathlib import Path

from bdp.model.spending import Bill, Bounds, Demand, Reason
from bdp.store.database import open_database
from bdp.store.spending import SqlSpending

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPEED = 40.0
"""Seconds of the workers' clocks in one real second, so that minutes pass in a test."""
MOST = 10_000
TOKENS = 200
REFUSALS = 50
"""So often in a row a worker asks for money that is not there before it ends."""


class Gate:
    """Where workers wait for each other; `passed` returns the same monotonic time to all: when clocks say `START`."""

    def __init__(self, context: SpawnContext, workers: int) -> None:
        self._barrier = context.Barrier(workers)
        self._began = context.Value("d", 0.0)

    def passed(self) -> float:
        """Wait until all are there."""
        if self._barrier.wait(60) == 0:
            self._began.value = time.monotonic()
        self._barrier.wait(60)
        return float(self._began.value)


def hammer(url: str, number: int, gate: Gate, seconds: float, skew: float, bounds: Bounds, file: Path) -> None:
    """Reserve and settle for so many real seconds, or until the money is long gone.

    Args:
        gate: opens when all workers are there.
        skew: seconds that this worker's clock is ahead.
    """
    database, chance = open_database(url), random.Random(number)
    began = gate.passed()
    spending = SqlSpending(database, monotonic=lambda: 0.0)  # its own waiting is in the other workers' clocks already
    count = refused = 0
    with file.open("w") as told:
        while (now := time.monotonic()) < began + seconds and refused < REFUSALS:
            count += 1
            true = (now - began) * SPEED
            demand = demanded(f"{number}-{count}", true + skew, chance.randint(TOKENS // 2, TOKENS))
            grant = spending.reserve(demand, bounds)
            if grant.reason is None:
                refused = 0
                bill = billed(demand, chance)
                line = {"at": true, "nano_usd": bill.nano_usd, "tokens": bill.tokens_in + bill.tokens_out}
                told.write(json.dumps(line) + "\n")
                spending.settle(bill)
            elif grant.reason is Reason.RATE:
                time.sleep(0.002)
            else:
                refused += 1
                time.sleep(0.01)
    database.close()


def demanded(call_id: str, at: float, tokens: int) -> Demand:
    """Return a demand at these seconds after the start."""
    moment = START + timedelta(seconds=at)
    return Demand(
        call_id=call_id, at=moment, agent="a", provider="p", model="m", incident_id="i", tokens=tokens, nano_usd=MOST
    )  # fmt: skip


def billed(demand: Demand, chance: random.Random) -> Bill:
    """Return a bill of part of the demand."""
    used = chance.randint(1, demand.tokens)
    return Bill(
        call_id=demand.call_id,
        ended_at=demand.at,
        outcome=chance.choice(("ok", "ok", "timeout")),
        seconds=1,
        tokens_in=used,
        nano_usd=chance.randint(1, demand.nano_usd),
    )


def die_with_money(url: str, calls: int, file: Path) -> None:
    """Reserve, say so, and wait to be killed."""
    spending = SqlSpending(open_database(url))
    for number in range(calls):
        spending.reserve(demanded(f"lost-{number}", 0, TOKENS), Bounds())
    file.write_text("reserved")
    time.sleep(60)
