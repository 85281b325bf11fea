"""`bdp serve`: everything in one process, with the HTTP API."""

from __future__ import annotations

import contextlib
import ipaddress
import shlex
import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bdp.cli import screen
from bdp.cli.options import HomeOption
from bdp.errors import BadSetting

if TYPE_CHECKING:
    import uvicorn

    from bdp.app import App


def serve(
    port: Annotated[int | None, typer.Option(help="port to listen on; 0 takes a free one", min=0, max=65535)] = None,
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    home: HomeOption = None,
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], typer.Option(help="least severe entry of the product's own log")
    ] = "INFO",
    log_json: Annotated[bool, typer.Option("--log-json", help="write the product's own log as JSON lines")] = False,
) -> None:
    """Run intake, detection, explanation, workflows and the HTTP API until stopped.

    Examples:

      bdp serve --port 8700

      curl -H "Authorization: Bearer $(bdp token)" --data-binary @events.ndjson localhost:8700/v1/events
    """
    from bdp.app import App
    from bdp.settings import load
    from bdp.telemetry import set_up_logs

    given = {name: value for name, value in (("port", port), ("host", host)) if value is not None}
    settings = load(home, {"web": given} if given else None)
    set_up_logs(log_level, json=log_json)
    ending = Ending()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ending)
    with App(settings) as app, listening(settings.web.host, settings.web.port) as listener:
        address = address_of(listener)
        app.start()
        _greet(app, address)
        with app.home.announced(address):
            _run(app, listener, ending)


class Ending:
    """What a signal to end does: exits, and remembers it where a library that is just starting swallows the exit."""

    asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        # uvicorn hands the signal on when it is done; the default would end us before the home is closed.
        self.asked = True
        raise SystemExit(0)


def _run(app: App, listener: socket.socket, ending: Ending) -> None:
    server = api_server(app)
    server.should_exit = ending.asked
    server.run(sockets=[listener])


def api_server(app: App) -> uvicorn.Server:
    """Return the server of an app's HTTP API, ready to `run`."""
    import uvicorn

    from bdp.web.api import create_api

    token = app.home.token if app.settings.web.auth == "token" else ""
    config = uvicorn.Config(
        create_api(app, token),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
        limit_concurrency=app.settings.web.connections,
    )
    return uvicorn.Server(config)


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen on an address while the context lasts.

    Raises:
        BadSetting: it cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        try:
            listener.bind((host, port))
        except OSError as error:
            raise BadSetting(
                f"Port {port} on {host} cannot be used: {error.strerror}.",
                "Give another with --port, or 0 for a free one.",
            ) from error
        listener.listen(512)
        yield listener


def address_of(listener: socket.socket) -> str:
    """Return the address under which a listener is reached from this machine."""
    host, port = listener.getsockname()[:2]
    found = ipaddress.ip_address(host)
    if found.is_unspecified:
        host = "::1" if found.version == 6 else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _greet(app: App, address: str) -> None:
    from bdp.settings import default_home

    path = app.home.path
    # A line that is copied must find this home in another shell, too.
    home = "" if path == default_home() else f" --home {shlex.quote(str(path))}"
    token = f'-H "Authorization: Bearer $(bdp token{home})"'
    screen.err.print(f"BDP Agent serves {address}   API page: {address}/docs   home: {path}", soft_wrap=True)
    screen.err.print(f"  send events:  curl {token} --data-binary @FILE.ndjson {address}/v1/events", soft_wrap=True)
    screen.err.print(f"  look:         bdp incidents{home}      stop: Ctrl-C", soft_wrap=True)
