"""How a route reaches the running product."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from bdp.app import App


def _app(request: Request) -> App:
    app: App = request.app.state.app
    return app


Product = Annotated[App, Depends(_app)]
