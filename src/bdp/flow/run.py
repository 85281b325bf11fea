"""What a workflow's body sees of the durable engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Json = dict[str, Any]


class Run(Protocol):
    """What a workflow's body may do; everything else belongs into a step."""

    workflow_id: str

    async def step(self, name: str, do: Callable[[], Json], patience: float | None = None) -> Json:
        """Run `do` in a thread and keep its result; after a crash the kept result is returned instead.

        `do` runs at least once: give its effects keys. Errors of class `Retry` are repeated for `patience` seconds.
        """

    async def wake(self, topic: str, seconds: float) -> bool:
        """Wait for a signal; False when the time ran out. The deadline survives restarts."""

    async def sleep(self, seconds: float) -> None:
        """Wait; the end survives restarts."""


Body = Callable[[Run, str], Awaitable[str]]


class Signals(Protocol):
    """A way to wake a waiting workflow, from its own or from another process."""

    def signal(self, workflow_id: str, topic: str, key: str) -> None:
        """Wake the workflow; the same key wakes once.

        Raises:
            NotFound: no such workflow.
        """
