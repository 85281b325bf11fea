"""Clicks in Slack: signed by the app, answered as a listed person, and told where Slack says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bdp.app import App
from bdp.model.decision import ApprovalStatus
from bdp.notify.slack_buttons import blocks, signed
from tests.contract.voting import question
from tests.unit.web.asking import AT, product, visitor

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = str(int(AT.timestamp()))


class Slack:
    """Takes what replaces messages."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/actions/T1/2/abc"


@pytest.fixture
def slack() -> Iterator[Slack]:
    found = Slack()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture
def app(tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setenv("SLACK_SECRET", SECRET)
    prefix = slack.url.partition("/actions")[0] + "/actions/"
    with product(tmp_path / "home", slack={"signing_secret": "env:SLACK_SECRET", "answer_prefixes": [prefix]}) as (
        opened,
        _,
    ):
        opened.state.approvals.ask(question())
        yield opened


def body(user: str = "U1", action: str = "bdp_approve", value: str = "q1", url: str = "") -> bytes:
    click = {
        "type": "block_actions",
        "user": {"id": user, "username": "x"},
        "response_url": url,
        "actions": [{"action_id": action, "block_id": "bdp:en", "value": value}],
    }
    return urlencode({"payload": json.dumps(click)}).encode()


def send(app: App, content: bytes, stamp: str = NOW, signature: str | None = None) -> Any:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": stamp}
    headers["X-Slack-Signature"] = signed(SECRET, stamp, content) if signature is None else signature
    with visitor(app) as client:
        return client.post("/v1/slack/interactive", content=content, headers=headers)


def test_a_click_answers_as_the_listed_person_and_replaces_the_message(app: App, slack: Slack) -> None:
    answer = send(app, body(url=slack.url))
    assert (answer.status_code, answer.content) == (200, b"")
    approval = app.state.approvals.get("q1")
    assert (approval.status, approval.decided_by, approval.votes[0].via) == ("approved", "Kim", "slack")
    (told,) = slack.told
    assert told["replace_original"]
    assert "approved by Kim" in json.dumps(told)
    assert "bdp_approve" not in json.dumps(told)


def test_others_still_have_to_answer(app: App, slack: Slack) -> None:
    app.state.approvals.ask(question("q2", needed=2))
    send(app, body(value="q2", url=slack.url))
    assert "1 of 2 approvals" in json.dumps(slack.told[0])
    assert "bdp_approve" in json.dumps(slack.told[0])
    send(app, body("U2", value="q2", url=slack.url))
    assert "approved by Kim, Lee" in json.dumps(slack.told[1])


def test_the_same_request_again_does_nothing_new(app: App, slack: Slack) -> None:
    content = body(action="bdp_reject", url=slack.url)
    for _ in range(3):
        assert send(app, content).status_code == 200
    assert app.state.approvals.get("q1").status is ApprovalStatus.REJECTED
    assert len(app.state.audit.list()) == 2


@pytest.mark.parametrize(
    ("user", "says"),
    [("U3", "Choi has the role viewer"), ("U9", "nobody listed is known as"), ("<!channel>", "&lt;!channel&gt;")],
)
def test_who_may_not_is_told_alone(app: App, slack: Slack, user: str, says: str) -> None:
    assert send(app, body(user, url=slack.url)).status_code == 200
    (told,) = slack.told
    assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)
    assert says in told["text"]
    assert app.state.approvals.get("q1").votes == ()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/actions/x", "https://evil.example/", "no url", ""])
def test_nothing_else_is_called(app: App, slack: Slack, url: str) -> None:
    assert send(app, body(url=url)).status_code == 200
    assert app.state.approvals.get("q1").status is ApprovalStatus.APPROVED
    assert slack.told == []


FLIPPED = signed(SECRET, NOW, body())[:-1] + "\u00e9"


@pytest.mark.parametrize(
    ("stamp", "signature"),
    [
        (NOW, ""),
        (NOW, "v0="),
        (NOW, "v0=" + "0" * 64),
        (NOW, signed("another secret", NOW, body())),
        (NOW, signed(SECRET, NOW, body("U2"))),
        (NOW, signed(SECRET, str(int(NOW) - 1), body())),
        (NOW, signed(SECRET, NOW, body()).upper()),
        (str(int(NOW) - 301), None),
        (str(int(NOW) + 301), None),
        ("", None),
        ("1e9", None),
        ("9" * 400, None),
    ],
)
def test_what_the_app_did_not_sign_is_refused(app: App, slack: Slack, stamp: str, signature: str | None) -> None:
    answer = send(app, body(url=slack.url), stamp, signature)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "NOT_ALLOWED")
    assert SECRET not in answer.text
    assert app.state.approvals.get("q1").votes == ()
    assert slack.told == []


@pytest.mark.parametrize("stamp", [str(int(NOW) - 300), str(int(NOW) + 300)])
def test_five_minutes_are_fresh(app: App, slack: Slack, stamp: str) -> None:
    assert send(app, body(url=slack.url), stamp).status_code == 200
    assert app.state.approvals.get("q1").status is ApprovalStatus.APPROVED


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"payload=",
        b"payload=[]",
        b"payload=%7B%7D",
        b"\xff",
        b"payload=" + b"[" * 50_000,
        body(action="other"),
        body(value=None),  # type: ignore[arg-type]
        body("x" * 3000),
    ],
)
def test_what_is_no_click_is_refused(app: App, content: bytes) -> None:
    answer = send(app, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")


def test_without_set_up_it_is_told_how(tmp_path: Path) -> None:
    with product(tmp_path / "home") as (app, _):
        answer = send(app, body())
    assert answer.status_code == 404
    assert "[slack]" in answer.json()["error"]["next_step"]


def test_slow_slack_does_not_hold_the_click_up(app: App, slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The click is answered while what it does is still going on."""
    go, done = threading.Event(), threading.Event()

    def slowly(*args: object, **rest: object) -> None:
        go.wait(20)
        done.set()

    monkeypatch.setattr("bdp.web.slack.call", slowly)
    monkeypatch.setattr("bdp.web.slack.ANSWER_SECONDS", 0.05)
    with visitor(app) as client:
        content = body(url=slack.url)
        stamp = {"X-Slack-Request-Timestamp": NOW, "X-Slack-Signature": signed(SECRET, NOW, content)}
        assert client.post("/v1/slack/interactive", content=content, headers=stamp).status_code == 200
        assert not done.is_set()
        go.set()
        assert done.wait(20)


def test_blocks_fit_what_slack_takes() -> None:
    long = question(why="w" * 9000, evidence=tuple("e" * 500 for _ in range(50)))
    found = blocks(long.model_copy(update={"plan": "<!channel> " * 3000}), "ko")
    assert len(found) <= 50
    for block in found:
        text = block.get("text", {})
        assert text.get("type", "plain_text") == "plain_text"
        assert len(text.get("text", "")) <= 3000
    assert "bdp approvals q1" in json.dumps(found)
    assert [button["value"] for button in found[-1]["elements"]] == ["q1", "q1"]
