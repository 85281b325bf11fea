"""Whatever goes wrong, the answer has one shape and gives nothing of ours away."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.errors import BadRequest, HomeInUse, MissingExtra, NotAllowed, StoreUnavailable, StreamUnavailable
from bdp.model.batch import Ledger

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
