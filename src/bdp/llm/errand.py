"""One question on its way through the gateway: whose it is, until when, and what it has cost so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from bdp.clock import Clock
from bdp.llm.disguise import Disguise
from bdp.model.spending import Reason


class Failed(Exception):
    """A request, or all tries of it, gave nothing.

    Attributes:
        retry: the same model may well answer the next time.
        goes_on: another model of the chain may answer.
        retry_after: seconds that the provider asks to wait; 0 if it does not.
    """

    def __init__(
        self, reason: Reason, text: str, *, retry: bool = False, goes_on: bool = True, retry_after: float = 0.0
    ) -> None:
        super().__init__(text)
        self.reason = reason
        self.retry = retry
        self.goes_on = goes_on
        self.retry_after = retry_after


@dataclass
class Errand:
    """One question.

    Attributes:
        until: by the clock's monotonic seconds.
        seconds: that it had in all.
        disguise: what was hidden from the models in this conversation.
        probes: name of the model for which it finds out whether that is back; empty for none.
        steps: rounds of tools so far, of all models.
    """

    agent: str
    incident_id: str
    until: float
    seconds: float
    disguise: Disguise = field(default_factory=Disguise)
    probes: str = ""
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    nano_usd: int = 0
    steps: int = 0

    def left(self, clock: Clock) -> float:
        """Return the seconds until the deadline, at least 0."""
        return max(0.0, self.until - clock.monotonic())
