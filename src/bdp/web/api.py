"""The HTTP application, put together."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline

from bdp import __version__
from bdp.app import App
from bdp.web import (
    acknowledge,
    alerts,
    approvals,
    ask,
    audit,
    auth,
    aws,
    backtests,
    costs,
    errors,
    events,
    exposition,
    health,
    incidents,
    insights,
    letters,
    links,
    loki,
    otlp,
    pause,
    pipeline,
    policy,
    prometheus,
    replay,
    sampling,
    shadow,
    slack,
    spending,
)

_ABOUT = (
    "Send events in, read incidents with checked claims, answer questions. The token is in the home: `bdp token`. "
    "Senders of records that cannot set a header may give it as the password of HTTP Basic, with any name."
)


def create_api(app: App, token: str) -> FastAPI:
    """Return the application for a started product.

    Args:
        token: bearer token that every route but the health checks asks for; empty switches the check off.
    """
    api = FastAPIOffline(
        title="BDP Agent",
        version=__version__,
        description=_ABOUT,
        responses={"default": errors.DESCRIBED},
    )
    api.state.app = app
    api.state.token = token
    errors.install(api, app.settings.intake.max_request_bytes, app.settings.web.body_seconds)
    guarded = [Depends(auth.check)]
    api.include_router(health.open_routes)
    api.include_router(links.routes)  # the link itself is the proof, as Slack's signature is
    api.include_router(slack.routes)
    api.include_router(aws.firehose_routes)  # it has its own header for the token, and its own form of answer
    for routes in (events.routes, otlp.routes, prometheus.routes, exposition.routes, loki.routes):
        api.include_router(routes, dependencies=[Depends(auth.check_sender)])
    for routes in (alerts.routes, aws.routes):
        api.include_router(routes, dependencies=[Depends(auth.check_sender)])
    for routes in (incidents.routes, approvals.routes, pipeline.routes, health.routes, sampling.routes):
        api.include_router(routes, dependencies=guarded)
    for routes in (spending.routes, ask.routes, audit.routes, policy.routes, pause.routes, acknowledge.routes):
        api.include_router(routes, dependencies=guarded)
    for routes in (events.own_routes, letters.routes, replay.routes, insights.routes, backtests.routes, shadow.routes):
        api.include_router(routes, dependencies=guarded)
    api.include_router(costs.routes, dependencies=guarded)
    return api
