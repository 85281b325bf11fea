"""What asking models costs: money, calls and tokens, reserved before a call and settled after it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bdp.model.noun import Noun

NANO = 1_000_000_000
"""Nano-dollars in a US dollar: money is a whole number of them, so that sums are exact."""

Count = Annotated[int, Field(ge=0)]


class Reason(StrEnum):
    """Why no model answered, or not this one."""

    NO_MODEL = "no_model"
    """None is set up."""
    INCIDENT_BUDGET = "incident_budget"
    DAY_BUDGET = "day_budget"
    MONTH_BUDGET = "month_budget"
    STOPPED = "stopped"
    """A budget was reached and its policy is to stop until a person resumes."""
    NO_PRICE = "no_price"
    """Nobody knows what this model costs, so no budget could hold."""
    RATE = "rate"
    """No place within the rates before the deadline."""
    THROTTLED = "throttled"
    """The provider says that it is too much."""
    AWAY = "away"
    """The provider failed, or could not be reached."""
    TIMEOUT = "timeout"
    ACCESS = "access"
    """The provider refused the key or the model."""
    REJECTED = "rejected"
    """The provider refused the request: too long for the model, or not allowed."""
    INVALID = "invalid"
    """What came is no answer of the form that was asked for, after asking again."""
    BREAKER = "breaker"
    """It failed so often lately that nobody waits for it now."""
    CANCELLED = "cancelled"
    UNSENT = "unsent"
    """It was reserved but never sent: money and place within the rates are given back."""
    SAMPLED_OUT = "sampled_out"
    """Left to the rules by the share that is set for the rollout."""
    STORE = "store"
    """The state database is away, so nothing could be reserved."""


class Demand(Noun):
    """What one request to a provider needs at most.

    Attributes:
        call_id: of this request; a try that is repeated has another one.
        at: when it is about to be sent (UTC).
        agent: who asks, such as `insights`.
        provider: name of the candidate in the chain; what its rates are counted by.
        incident_id: whose budget it is on; empty for none.
        tokens: of prompt and answer together, an upper bound.
        nano_usd: the most it can cost.
    """

    call_id: str
    at: datetime
    agent: str
    provider: str
    model: str
    incident_id: str = ""
    tokens: Count
    nano_usd: Count


class Bounds(Noun):
    """What holds a request back; None: nothing does.

    Attributes:
        incident_usd, day_usd, month_usd: budgets in nano-dollars; a day and a month are those of UTC.
        requests_per_minute, tokens_per_minute: of the provider, over any 60 seconds.
        agent_requests_per_minute: of the agent, over any 60 seconds.
        stops: once the day's or the month's budget is at its limit, refuse all until a person resumes.
    """

    incident_usd: Count | None = None
    day_usd: Count | None = None
    month_usd: Count | None = None
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    agent_requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    stops: bool = False


class Grant(Noun):
    """The answer to a demand.

    Attributes:
        reason: why not; None means that it was reserved.
        wait_seconds: with `Reason.RATE`, when asking again may help; else 0.
        waited_seconds: from the demand's time until its place within the rates was taken.
    """

    reason: Reason | None = None
    wait_seconds: float = 0.0
    waited_seconds: float = 0.0


class Bill(Noun):
    """What a request really took.

    Attributes:
        outcome: `ok`, or the reason of the failure; with `unsent` and `breaker` nothing was sent, and nothing counts.
        seconds: from sending to the end.
        nano_usd: 0 where the provider bills nothing, such as a refusal; all that was reserved where it is not known.
        tokens_in, tokens_out: as far as known; `tokens_in` includes `tokens_cached`.
    """

    call_id: str
    ended_at: datetime
    outcome: str
    seconds: float
    tokens_in: Count = 0
    tokens_out: Count = 0
    tokens_cached: Count = 0
    nano_usd: Count = 0


class Standing(Noun):
    """How one budget stands.

    Attributes:
        name: `day`, `month`, `hour`, or `incident`.
        period: such as `2026-11-21`, `2026-11`, `2026-11-21T14`, or the incident's id.
        limit: nano-dollars with what was granted on top; None: no limit.
        spent: settled.
        reserved: on its way.
        refused: a request was refused because of this limit when most of it was spent: it is reached.
    """

    name: str
    period: str
    limit: int | None
    spent: int
    reserved: int
    refused: bool = False


class CostLine(Noun):
    """What one agent spent on one model on one day.

    Attributes:
        calls: requests sent, failed ones included; `failed` of them gave nothing.
    """

    day: date
    agent: str
    provider: str
    model: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    nano_usd: int
