"""How a verb reaches the product: over HTTP while `bdp serve` runs, else by opening the home in this process.

Both ways speak the same HTTP API, so a verb is written once. What takes long to import is imported where it is used:
`--help` and a verb that speaks to a server need little of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bdp.errors import (
    BadSetting,
    BdpError,
    MissingExtra,
    NotAllowed,
    NotFound,
    NotPossible,
    Refuse,
    Reject,
    Retry,
    StreamUnavailable,
)
from bdp.home import Home

if TYPE_CHECKING:
    import httpx

    from bdp.app import App

_KINDS: dict[str, type[BdpError]] = {
    kind.code: kind
    for kind in (Reject, Retry, Refuse, NotFound, NotPossible, NotAllowed, BadSetting, MissingExtra, BdpError)
}


class Api:
    """The HTTP API, wherever it runs."""

    def __init__(self, send: Any, app: App | None) -> None:
        self._send = send
        self.app = app
        """The product, if it was opened in this process."""

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the answer's JSON (or text) for a GET.

        Raises:
            BdpError: as the server said it.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._answer("GET", path, params=given)

    def post(self, path: str, **request: Any) -> Any:
        """Return the answer's JSON for a POST; `json=`, `content=`, `params=` and `headers=` as in httpx."""
        return self._answer("POST", path, **request)

    def put(self, path: str, **request: Any) -> Any:
        """Return the answer's JSON for a PUT; arguments as for `post`."""
        return self._answer("PUT", path, **request)

    def delete(self, path: str, **request: Any) -> Any:
        """Return the answer's JSON for a DELETE; arguments as for `post`."""
        return self._answer("DELETE", path, **request)

    def _answer(self, method: str, path: str, **request: Any) -> Any:
        import httpx

        try:
            answer: httpx.Response = self._send(method, path, **request)
        except httpx.TimeoutException as error:
            raise StreamUnavailable(
                "BDP runs, but did not answer in time.", "See what it waits for: bdp doctor, or the log of 'bdp serve'."
            ) from error
        except httpx.TransportError as error:
            raise StreamUnavailable(f"BDP does not answer: {error}.", "See whether 'bdp serve' still runs.") from error
        if answer.is_error:
            raise _error(answer)
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


@contextlib.contextmanager
def connect(home: Path | None, overrides: Mapping[str, Any] | None = None, seconds: float = 120.0) -> Iterator[Api]:
    """Reach the product of a home; opens the home here if nobody serves it.

    Args:
        seconds: longest wait for an answer of a server.

    Raises:
        HomeInUse: another verb works in the home right now.
    """
    import httpx

    from bdp.settings import load

    settings = load(home, overrides)
    where = Home(settings.home)
    serving = where.serving
    if serving:
        headers = {"Authorization": f"Bearer {where.token}"}
        with httpx.Client(base_url=serving, headers=headers, timeout=seconds, trust_env=False) as client:
            yield Api(client.request, None)
        return
    from bdp.app import App

    with App(settings) as app, _in_process(app) as send:
        yield Api(send, app)


@contextlib.contextmanager
def _in_process(app: App) -> Iterator[Any]:
    import httpx

    from bdp.web.api import create_api

    transport = httpx.ASGITransport(create_api(app, token=""))
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(transport=transport, base_url="http://bdp", timeout=None)  # noqa: S113 own process
        yield lambda method, path, **request: runner.run(client.request(method, path, **request))
        runner.run(client.aclose())


def _error(answer: httpx.Response) -> BdpError:
    try:
        told = answer.json()
    except ValueError:
        return Retry(f"BDP answered {answer.status_code}: {answer.text[:200]}.")
    if not isinstance(told, dict) or "error" not in told:
        return Reject(f"BDP answered {answer.status_code}: {answer.text[:200]}.")
    kind = _KINDS.get(told["error"]["code"], Reject if answer.status_code < 500 else Retry)
    return kind(told["error"]["what"], told["error"]["next_step"])
