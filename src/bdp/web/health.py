"""Is it alive, is it ready, what does it measure."""

from __future__ import annotations

from typing import Literal

import msgspec
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from bdp import __version__
from bdp.errors import Retry
from bdp.telemetry import REGISTRY
from bdp.web.pipeline import SinkAnswer
from bdp.web.reach import Product

open_routes = APIRouter(tags=["health"])
routes = APIRouter(tags=["health"])


class TriedAnswer(BaseModel):
    """What came of trying a sink now."""

    sink: str
    reason: str = Field(description="why it failed; empty if it answered")


class HealthAnswer(BaseModel):
    """What works and what does not."""

    status: Literal["ready", "degraded", "stuck"] = Field(
        description="degraded: records are taken and safe, but something is away; stuck: send no records here"
    )
    stuck: list[str] = Field(description="why no records should come here now")
    absences: list[str] = Field(description="what is away while records are taken and safe")
    sinks: list[SinkAnswer] = Field(description="the delivery chain in order")
    tried: list[TriedAnswer] = Field(description="each sink, asked now without giving it a record")
    feeds: dict[str, str] = Field(description="what keeps each feed from fetching; empty text if nothing does")


@open_routes.get("/healthz")
def alive() -> dict[str, str]:
    """Answer while the process runs."""
    return {"status": "ok", "version": __version__}


@open_routes.get("/readyz")
def ready(product: Product) -> dict[str, str]:
    """Say whether records may come here: `ready`, or `degraded` with the reason while something else is away.

    Degraded records are taken and safe. 503 if no sink takes any, or if the store or the work behind it stands still.
    Answers within four seconds, also when the store hangs.
    """
    found = product.health.look()
    if found.stuck:
        raise Retry(" ".join(found.stuck), "Run bdp doctor.")
    if found.absences:
        return {"status": found.status, "reason": " ".join(found.absences)}
    return {"status": found.status}


@routes.get("/v1/health")
def health(product: Product) -> HealthAnswer:
    """Say in full what works and what does not; tries each sink, so it may take as long as their time-outs."""
    tried = product.health.examine()
    found = product.health.look()
    return HealthAnswer.model_validate(
        {
            "status": found.status,
            "stuck": found.stuck,
            "absences": found.absences,
            "sinks": [msgspec.structs.asdict(state) for state in product.chain.states()],
            "tried": [msgspec.structs.asdict(one) for one in tried],
            "feeds": product.health.feeds(),
        }
    )


@routes.get("/metrics", response_class=Response)
def metrics(product: Product) -> Response:
    """Prometheus metrics, the ledger among them."""
    product.measure()
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
