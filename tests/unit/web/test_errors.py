"""Whatever goes wrong, the answer has one shape and gives nothing of ours away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from bdp.app import App
from bdp.errors import BadRequest, HomeInUse, MissingExtra, NotAllowed, StoreUnavailable, StreamUnavailable
from bdp.model.batch import Ledger
from bdp.web.api import create_api
from bdp.web.errors import _Guard

SECRET = "a secret of ours"


def broken(error: Exception) -> object:
    def ledger() -> tuple[Ledger, dict[str, Ledger]]:
        raise error

    return ledger


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StreamUnavailable("full", "later"), 503, "UNAVAILABLE"),
        (StoreUnavailable("away", "later"), 503, "UNAVAILABLE"),
        (HomeInUse("busy", "wait"), 503, "HOME_IN_USE"),
        (MissingExtra("no chdb", "install it"), 501, "MISSING_EXTRA"),
        (NotAllowed("no", "ask"), 401, "NOT_ALLOWED"),
        (BadRequest("bad", "mend"), 400, "VALIDATION_ERROR"),
    ],
)
def test_our_errors_keep_their_words(
    app: App, client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    monkeypatch.setattr(app, "ledger", broken(error))
    answer = client.get("/v1/ledger")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert str(error) == " ".join(answer.json()["error"][part] for part in ("what", "next_step"))
    assert ("Retry-After" in answer.headers) == (code == "UNAVAILABLE")


def test_a_defect_is_logged_and_not_shown(
    app: App, client: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "ledger", broken(RuntimeError(SECRET)))
    answer = client.get("/v1/ledger")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "ERROR")
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    assert SECRET in "".join(capsys.readouterr())


def test_paths_and_methods_that_are_not_there(client: TestClient) -> None:
    missing, wrong = client.get("/v2"), client.delete("/v1/ledger")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    assert wrong.json()["error"]["what"]


def test_the_api_describes_itself(client: TestClient) -> None:
    assert client.get("/docs").status_code == 200
    described = client.get("/openapi.json").json()
    assert {"/v1/events", "/v1/incidents", "/v1/approvals/{approval_id}/approve", "/v1/query"} <= set(
        described["paths"]
    )
    for path in described["paths"].values():
        for operation in path.values():
            assert operation["responses"]["default"]["content"]["application/json"]["schema"]


LEFT: Message = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def asked(app: App, path: str, messages: Sequence[Message], **headers: str) -> list[Message]:
    """Return what the application sends to a client that sends these messages, and then nothing."""
    coming, sent = list(messages), list[Message]()

    async def receive() -> Message:
        return coming.pop(0) if coming else await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)

    given = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "scheme": "http", "server": ("bdp", 80), "client": ("client", 1), "root_path": "",
        "headers": [(name.encode(), text.encode()) for name, text in given.items()],
    }  # fmt: skip
    asyncio.run(asyncio.wait_for(create_api(app, "")(scope, receive, send), 20))
    return sent


@pytest.mark.parametrize("path", ["/v1/events", "/v1/logs", "/v1/query", "/v1/approvals/x/approve"])
def test_a_body_that_stalls_is_cut_off(app: App, path: str) -> None:
    app.settings.web.__dict__["body_seconds"] = 0.05
    start, body = asked(app, path, [piece(b"{")])
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert b"did not come within 0.05 seconds" in body["body"]


def test_who_listens_for_the_clients_leaving_behind_the_body_is_not_cut_off() -> None:
    heard: list[str] = []

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append((await receive())["type"])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(receive(), 0.3)
        heard.append("still there")

    async def ask() -> None:
        coming: asyncio.Queue[Message] = asyncio.Queue()
        coming.put_nowait(piece(b"{}", more=False))
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        await _Guard(streaming, 1000, 0.05)(scope, coming.get, lambda message: asyncio.sleep(0))

    asyncio.run(ask())
    assert heard == ["http.request", "still there"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/logs", "/v1/query"])
def test_a_client_that_goes_away_is_one_quiet_entry(app: App, path: str) -> None:
    with capture_logs() as told:
        asked(app, path, [piece(b"{"), LEFT])
    assert [(entry["event"], entry["log_level"], "exc_info" in entry) for entry in told] == [
        ("request.left", "debug", False)
    ]
    assert (told[0]["path"], told[0]["bytes"]) == (path, 1)


def test_a_request_with_two_ends_is_refused_and_the_connection_closed(app: App) -> None:
    start, body = asked(
        app, "/v1/events", [piece(b"{}", more=False)], content_length="2", transfer_encoding="chunked"
    )  # fmt: skip
    assert start["status"] == 400
    assert (b"connection", b"close") in start["headers"]
    assert b"both Content-Length and Transfer-Encoding" in body["body"]
