"""The sampling policy: what holds, what held, and changing it while everything runs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from bdp.app import App
from bdp.intake.sampling import NAME, SamplingPolicy
from bdp.model.policy import PolicyVersion
from bdp.web.reach import Product

routes = APIRouter(prefix="/v1/sampling", tags=["intake"])

_SHOWN_VERSIONS = 100


class LoadAnswer(BaseModel):
    """Load of the process that answers, each from 0 to 1."""

    buffer: float
    cpu: float
    memory: float
    highest: float = Field(description="the one that counts")
    level: int = Field(description="steps down of the rate because of it")


class SamplingAnswer(BaseModel):
    """The policy that holds and what it comes to in the process that answers."""

    policy: SamplingPolicy
    version: int = Field(description="0: nobody has set one, every event is kept")
    by: str | None
    at: datetime | None
    effective_rate: float = Field(description="share of normal events kept now, for services without their own rate")
    service_rates: dict[str, float] = Field(description="the same for services that differ; 1 is exempt")
    load: LoadAnswer | None = Field(description="null until this process has looked once")
    problem: str = Field(description="why the newest version is not followed; empty if it is")
    history: list[PolicyVersion] = Field(description=f"newest first, at most {_SHOWN_VERSIONS}")


class SamplingChange(BaseModel):
    """A whole policy: what it leaves out takes its default."""

    policy: SamplingPolicy
    by: str = Field(min_length=1, max_length=200, description="who changes it; kept in the audit log")
    expected_version: int | None = Field(
        default=None, ge=0, description="refuse if the version is another by now; 0 for none yet"
    )


@routes.get("")
def show_sampling(product: Product) -> SamplingAnswer:
    """Return policy, effective rates, load and earlier versions."""
    return _answer(product)


@routes.put("")
def set_sampling(change: SamplingChange, product: Product) -> SamplingAnswer:
    """Replace the whole policy: what the body leaves out takes its default. Send what GET tells with your change in it.

    With `expected_version` it is refused if somebody else changed it since. It holds here at once and in every process
    within two seconds; nothing restarts.
    """
    product.sampling.put(change.policy, change.by, change.expected_version)
    return _answer(product)


def _answer(product: App) -> SamplingAnswer:
    standing = product.sampling.standing()
    version, load = standing.version, standing.load
    return SamplingAnswer(
        policy=standing.policy,
        version=version.version if version else 0,
        by=version.by if version else None,
        at=version.at if version else None,
        effective_rate=standing.effective_rate,
        service_rates={name: 1 / k for name, k in sorted(standing.plan.services.items())},
        load=LoadAnswer(**asdict(load), highest=load.highest, level=standing.level) if load else None,
        problem=standing.problem,
        history=product.state.policies.history(NAME, _SHOWN_VERSIONS),
    )
