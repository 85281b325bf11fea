"""Waiting and time-outs by the clock; faster than real time where a test wants a minute to pass in seconds."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from bdp.clock import Clock


@dataclass(frozen=True)
class Pace:
    """How time passes in the gateway.

    Args:
        clock: its seconds are meant everywhere.
        speed: seconds of the clock in one real second.
        chance: spreads waits, so that many who wait do not come back at the same instant.
    """

    clock: Clock
    speed: float = 1.0
    chance: random.Random = field(default_factory=random.Random)

    async def sleep(self, seconds: float) -> None:
        """Wait so many of the clock's seconds."""
        await asyncio.sleep(seconds / self.speed)

    def limit(self, seconds: float) -> asyncio.Timeout:
        """Return a context that ends with TimeoutError after so many of the clock's seconds."""
        return asyncio.timeout(seconds / self.speed)

    def spread(self, seconds: float) -> float:
        """Return a wait of a half to the whole of this one."""
        return seconds * (0.5 + self.chance.random() / 2)
