"""The control plane of the live shop: a small HTTP server that does what the demo's webhooks ask for, and undoes it."""

from __future__ import annotations

import contextlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bdp.demo.live_shop import LARGE_POOL, POOL_CUT, SMALL_POOL, Shop
from bdp.errors import BadRequest, BdpError, NotFound, NotPossible

OPERATIONS = ("rollback", "rolling_restart", "scale_out", "revert")
_LONGEST_BODY = 64 * 1024
Json = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """One effect that took place.

    Attributes:
        key: the caller's idempotency key.
        undo: it took something back.
        detail: what the shop is like now.
    """

    key: str
    operation: str
    service: str
    undo: bool
    detail: str


class ControlPlane:
    """Changes the shop on request, once for each idempotency key.

    Attributes:
        done: what took place, in order.
        asked: requests, with those that were answered from memory.
        on_done: is told of each effect.
    """

    def __init__(self, shop: Shop) -> None:
        self.on_done: Callable[[Done], None] = lambda done: None
        self._shop = shop
        self._answers: dict[str, tuple[int, Json]] = {}
        self._idle: set[str] = set()
        self._lock = threading.Lock()
        self.done: list[Done] = []
        self.asked = 0

    def handle(self, path: str, key: str, body: Json) -> tuple[int, Json]:
        """Return status and answer for `POST /OPERATION` or `POST /OPERATION/undo`."""
        with self._lock:
            self.asked += 1
            if key not in self._answers:
                self._answers[key] = self._first(path, key, body)
            return self._answers[key]

    def _first(self, path: str, key: str, body: Json) -> tuple[int, Json]:
        operation, _, last = path.strip("/").partition("/")
        names = {name: str(body.get(name, "")) for name in ("service", "change", "from_ref")}
        try:
            if not key:
                raise BadRequest("There is no Idempotency-Key.", "Send one.")
            if operation not in OPERATIONS or last not in ("", "undo"):
                raise NotFound(f"Nobody does {path!r} here.", "")
            detail = self._undone(operation, names, key) if last else self._done(operation, names, key)
        except NotFound as error:
            return HTTPStatus.NOT_FOUND, {"error": error.what}
        except BdpError as error:
            return HTTPStatus.CONFLICT, {"error": error.what}
        done = Done(key, operation, names["service"], bool(last), detail)
        self.done.append(done)
        self.on_done(done)
        return HTTPStatus.OK, {"done": detail}

    def _done(self, operation: str, names: dict[str, str], key: str) -> str:
        shop, service = self._shop, names["service"]
        if release := _release(operation, names):
            now = shop.roll_back(service, release)
            if not now:
                self._idle.add(key)
            return f"{service} runs {now} again" if now else f"{service} does not run {release} any more"
        if operation == "revert":
            return self._pool(names["change"], LARGE_POOL)
        if operation == "scale_out":
            shop.scale(service, 1)
            return f"{service} has one host more"
        shop.restart(service)
        return f"{service} restarts host by host, with a spare host"

    def _undone(self, operation: str, names: dict[str, str], key: str) -> str:
        shop, service = self._shop, names["service"]
        if key.removesuffix(":undo") in self._idle:
            return "there was nothing to take back"
        if release := _release(operation, names):
            shop.deploy(service, release)
            return f"{service} runs {release} again"
        if operation == "revert":
            return self._pool(names["change"], SMALL_POOL)
        shop.scale(service, -1)
        return f"{service} lets its spare host go"

    def _pool(self, change: str, size: int) -> str:
        if change != POOL_CUT:
            raise NotPossible(f"{change or 'A change without a name'} cannot be taken back here.", "")
        self._shop.set_pool(size)
        return f"each host of inventory has {size} database connections"


def _release(operation: str, names: dict[str, str]) -> str:
    """Return the version that is to be rolled back; empty where something else is asked for."""
    ref = names["from_ref"] if operation == "rollback" else names["change"]
    service, at, version = ref.partition("@")
    if operation == "rollback" and not (at and service == names["service"]):
        raise NotPossible(f"{ref or 'Something without a name'} is no release of {names['service']!r}.", "")
    return version if at and service == names["service"] else ""


@contextlib.contextmanager
def serving(control: ControlPlane, token: str) -> Iterator[str]:
    """Answer on a free port of this machine while the context lasts; yields the address.

    Args:
        token: callers must bear it.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {token}"):
                self._answer(HTTPStatus.UNAUTHORIZED, {"error": "Say who you are."})
            elif not length.isdigit() or int(length) > _LONGEST_BODY:
                self._answer(HTTPStatus.BAD_REQUEST, {"error": "The body is missing or too long."})
            else:
                self._answer(*_handled(control, self.path, self.headers, self.rfile.read(int(length))))

        def _answer(self, status: int, answer: Json) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the terminal tells the story."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        worker = threading.Thread(target=server.serve_forever, args=(0.1,), name="control-plane")
        worker.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            worker.join()


def _handled(control: ControlPlane, path: str, headers: Any, raw: bytes) -> tuple[int, Json]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return HTTPStatus.BAD_REQUEST, {"error": "The body is no JSON object."}
    return control.handle(path, headers.get("Idempotency-Key", ""), body)
