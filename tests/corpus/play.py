"""Playing an entry against a server, over HTTP only, and judging what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bdp.intake.protocols.wire import PROTOBUF, declare
from tests.corpus.entry import CHANGES, COSTS, EVENTS, Entry, Good

STATUS = declare("bdp.corpus", {"Status": {"code": (1, "int32"), "message": (2, "string")}})["Status"]
FOUND = {
    EVENTS: "SELECT message AS text, attributes['n'] AS n FROM events WHERE service = {tag}",
    CHANGES: "SELECT summary AS text, substring(ref, 2) AS n FROM changes WHERE service = {tag}",
    COSTS: "SELECT tags['note'] AS text, tags['n'] AS n FROM costs WHERE service_name = {tag}",
    "metrics": "SELECT labels['note'] AS text, toString(toInt32(value)) AS n FROM metrics WHERE labels['tag'] = {tag}",
}
JSON = {"Content-Type": "application/json"}
INTERNALS = (
    "Traceback",
    'File "',
    "site-packages",
    ".py",
    "0x7f",
    "msgspec",
    "pydantic",
    "sqlite",
    "bdp.intake",
    "<class ",
)
"""What an answer must not show: where our code lies and what it is made of."""


class Answer(Protocol):
    @property
    def status_code(self) -> int: ...
    @property
    def content(self) -> bytes: ...
    @property
    def text(self) -> str: ...
    @property
    def headers(self) -> Any: ...
    def json(self) -> Any: ...


class Client(Protocol):
    def request(self, method: str, url: str, *, content: Any, headers: Any) -> Answer: ...


@dataclass
class Desk:
    """Where entries are played.

    Attributes:
        client: sends requests; adds no token by itself.
        settle: returns when everything accepted has reached an end.
    """

    client: Client
    token: str
    settle: Callable[[], object]

    def get(self, path: str) -> Any:
        return self._checked(self.send("GET", path, b"", {}))

    def query(self, sql: str) -> Any:
        return self._checked(self.send("POST", "/v1/query", json.dumps({"sql": sql}).encode(), JSON))

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str], token: str | None = None) -> Answer:
        sent = dict(headers)
        allowed = f"Bearer {self.token}" if token is None else token
        if allowed:
            sent["Authorization"] = allowed
        raw = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in sent.items()
            if value or name != "Content-Type"
        ]
        return self.client.request(method, path, content=body, headers=raw)

    def _checked(self, answer: Answer) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


def play(desk: Desk, entry: Entry) -> None:
    """Send an entry and check everything that it says about itself."""
    good = Good(entry.name)
    before = desk.get("/v1/ledger")["total"]
    answer = desk.send(entry.method, entry.path, entry.body(good), dict(entry.headers), entry.token)
    assert answer.status_code == entry.status, answer.text[:500]
    check_clear(entry, answer)
    desk.settle()
    after = desk.get("/v1/ledger")["total"]
    grown = {name: after[name] - before[name] for name in after}
    refused = len(entry.refused)
    letters = desk.get(f"/v1/dead-letters?limit={max(1, refused)}")[:refused]
    taken = entry.good + entry.odd
    told = {"accepted": taken + refused, "stored": taken, "dead_lettered": refused, "dropped": 0, "in_flight": 0}
    assert grown == told, (grown, told, letters)
    check_letters(entry, letters)
    check_neighbours(entry, good, desk)


def check_clear(entry: Entry, answer: Answer) -> None:
    """Whatever happened is told without our insides; a refusal of the whole says what, and what to do."""
    for word in INTERNALS:
        assert word not in answer.text, answer.text[:500]
    if answer.status_code < 300 or entry.method == "HEAD":
        return
    told = _told(answer)
    assert all(len(part) > 2 for part in told), told
    assert len(answer.content) < 2000
    assert entry.says.lower() in " ".join(told).lower()


def _told(answer: Answer) -> list[str]:
    """Return what happened and what to do next, out of the form of answer that the protocol asks for."""
    if answer.headers["content-type"] == PROTOBUF:
        return _sentences(STATUS.FromString(answer.content).message)
    body = answer.json()
    if "error" in body:
        return [body["error"]["what"], body["error"]["next_step"]]
    return _sentences(body["message"] if "message" in body else body["errorMessage"])


def _sentences(text: str) -> list[str]:
    what, _, next_step = text.partition(". ")
    return [what, next_step]


def check_letters(entry: Entry, letters: list[dict[str, Any]]) -> None:
    """Each refused record is a dead letter with its cause, its place and a reason in plain words."""
    found = sorted(letters, key=lambda letter: letter["index"])
    assert [letter["cause"] for letter in found] == list(entry.refused), found
    for letter in found:
        assert 2 < len(letter["reason"]) < 500, letter
        assert not any(word in letter["reason"] for word in INTERNALS), letter["reason"]
        assert entry.says.lower() in letter["reason"].lower()


def check_neighbours(entry: Entry, good: Good, desk: Desk) -> None:
    """Every good record is in the store once, as it was sent."""
    if not entry.good:
        return
    rows = desk.query(FOUND[entry.kind].format(tag=f"'{entry.name}'"))
    rows = [row for row in rows if row["n"]]  # a bent one may have their service too
    numbers = sorted(int(row["n"]) for row in rows)
    assert numbers == list(range(1, entry.good + 1))
    for row in rows:
        assert row["text"] == good.message(int(row["n"]))
