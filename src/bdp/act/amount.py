"""How many of something are wanted, and how many the settings allow."""

from __future__ import annotations

import math
from typing import Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bdp.errors import BadRequest, NotAllowed
from bdp.model.plan import Risk


class Bounds(Protocol):
    """As the settings say it."""

    @property
    def most(self) -> int: ...
    @property
    def least(self) -> int: ...
    @property
    def max_factor(self) -> float: ...


class Amount(BaseModel):
    """One of three: `to` this many, `by` so many more (less than 0: fewer), or `factor` times as many."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: int | None = Field(default=None, ge=0, le=1_000_000)
    by: int | None = Field(default=None, ge=-1_000_000, le=1_000_000)
    factor: float | None = Field(default=None, gt=0, le=1000, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(value is not None for value in (self.to, self.by, self.factor)) != 1:
            raise ValueError("give one of to, by and factor")
        return self


def wanted(amount: Amount, now: int | None, bounds: Bounds, setting: str) -> int:
    """Return how many there shall be.

    Args:
        now: how many there are; None where no number is set.

    Raises:
        BadRequest: nothing to count from.
        NotAllowed: the settings do not allow so many, or so few.
    """
    many = _counted(amount, now)
    if not bounds.least <= many <= bounds.most:
        raise NotAllowed(
            f"{many} is not between {bounds.least} and {bounds.most}.", f"See {setting}.least and {setting}.most."
        )
    if now and not math.floor(now / bounds.max_factor) <= many <= math.ceil(now * bounds.max_factor):
        raise NotAllowed(
            f"From {now} to {many} is more than {bounds.max_factor:g} times.", f"See {setting}.max_factor."
        )
    return many


def risk_of(now: int | None, then: int) -> Risk:
    """Fewer than before may stop a service, and so may a limit where there was none."""
    return Risk.HIGH if now is None or then < now else Risk.MEDIUM


def _counted(amount: Amount, now: int | None) -> int:
    if amount.to is not None:
        return amount.to
    if now is None:
        raise BadRequest("No number is set, so there is nothing to count from.", "Say `to`.")
    return now + amount.by if amount.by is not None else math.ceil(now * (amount.factor or 1))
