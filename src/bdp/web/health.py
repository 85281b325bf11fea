"""Is it alive, is it ready, what does it measure."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bdp import __version__
from bdp.errors import Reject, StoreUnavailable
from bdp.telemetry import REGISTRY
from bdp.web.reach import Product

open_routes = APIRouter(tags=["health"])
routes = APIRouter(tags=["health"])


@open_routes.get("/healthz")
def alive() -> dict[str, str]:
    """Answer while the process runs."""
    return {"status": "ok", "version": __version__}


@open_routes.get("/readyz")
def ready(product: Product) -> dict[str, str]:
    """Answer while the store answers and records move on."""
    if product.pipeline.trouble:
        raise StoreUnavailable(f"Records wait: {product.pipeline.trouble}", "Nothing is lost; run bdp doctor.")
    try:
        product.store.query("SELECT 1 AS one")
    except Reject as error:
        raise StoreUnavailable(f"The store does not answer: {error.what}", "Run bdp doctor.") from error
    return {"status": "ready"}


@routes.get("/metrics", response_class=Response)
def metrics(product: Product) -> Response:
    """Prometheus metrics, the ledger among them."""
    product.measure()
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
