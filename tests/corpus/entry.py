"""One malformed request of the corpus: how it is made, and what must become of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOMENT = "2026-03-01T12:00:00Z"
HERE = "HERE"
"""When the good records happened; the clock of the tests stands a little later."""

EVENTS, METRICS, CHANGES, COSTS = "events", "metrics", "changes", "costs"


@dataclass(frozen=True)
class Good:
    """Makes the good records of one entry; they carry its name, so that they are found again."""

    tag: str

    def message(self, number: int) -> str:
        """Text in which nothing may change: Korean, an emoji, quotes, a backslash, a line break."""
        return f'neighbour {number} of {self.tag}: 한글 "é" \\ 😀\n end'

    def event(self, number: int) -> dict[str, Any]:
        return {"ts": MOMENT, "service": self.tag, "message": self.message(number), "attributes": {"n": str(number)}}

    def line(self, number: int) -> bytes:
        return json.dumps(self.event(number), ensure_ascii=False).encode()

    def lines(self, *numbers: int) -> bytes:
        return b"".join(self.line(number) + b"\n" for number in numbers)

    def change(self, number: int) -> bytes:
        return json.dumps(
            {"ts": MOMENT, "kind": "deploy", "service": self.tag, "ref": f"v{number}", "summary": self.message(number)}
        ).encode()

    def point(self, number: int) -> bytes:
        labels = {"tag": self.tag, "note": self.message(number)}
        return json.dumps({"ts": MOMENT, "name": "depth", "labels": labels, "value": number}).encode()

    def cost(self, number: int) -> bytes:
        period = {"ChargePeriodStart": "2026-02-01T00:00:00Z", "ChargePeriodEnd": "2026-02-02T00:00:00Z"}
        tags = {"note": self.message(number), "n": str(number)}
        return json.dumps(period | {"ServiceName": self.tag, "BilledCost": number, "Tags": tags}).encode()


Body = Callable[[Good], bytes]


@dataclass(frozen=True)
class Entry:
    """One request, and what must become of it.

    Attributes:
        name: unique; also the service of its good records.
        idea: the category it is counted under.
        good: good records, numbered from 1, that must be in the store as they were sent.
        odd: records that are bent but taken.
        refused: causes of the dead letters, by position in the request.
        status: of the answer.
        says: what the reason (or else the answer) must contain, in any case of letters.
        kind: the store's table of the good records.
        token: the Authorization header; None sends the right one.
    """

    name: str
    idea: str
    body: Body
    path: str = "/v1/events"
    good: int = 0
    odd: int = 0
    refused: tuple[str, ...] = ()
    status: int = 200
    says: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    kind: str = EVENTS
    token: str | None = None


IN = ""
"""In place of a cause: the record is bent, but taken."""


def outcome(cause: str | int) -> dict[str, Any]:
    """Return the fields of an entry whose one bad record is refused for `cause`, or taken: `IN`, or as so many."""
    if isinstance(cause, int):
        return {"odd": cause}
    return {"refused": (cause,)} if cause else {"odd": 1}


def placed(document: Any, bad: str) -> bytes:
    """Return a document as JSON with `bad`, as it is, where `HERE` stands."""
    return json.dumps(document).replace(f'"{HERE}"', bad).encode()


def among(name: str, idea: str, bad: bytes, cause: str = "schema", says: str = "") -> Entry:
    """A bad line between two good ones."""
    return Entry(
        name, idea, lambda good: good.line(1) + b"\n" + bad + b"\n" + good.line(2), good=2, says=says, **outcome(cause)
    )


def item(name: str, idea: str, bad: bytes, cause: str = "schema", says: str = "") -> Entry:
    """A bad item between two good ones of an array."""
    return Entry(
        name,
        idea,
        lambda good: b"[" + b",".join((good.line(1), bad, good.line(2))) + b"]",
        good=2,
        says=says,
        **outcome(cause),
    )


def whole(name: str, idea: str, body: bytes | Body, status: int, says: str = "", **fields: Any) -> Entry:
    """A request that is turned away whole; nothing of it gets in."""
    made: Body = (lambda good: body) if isinstance(body, bytes) else body
    return Entry(name, idea, made, status=status, says=says, **fields)
