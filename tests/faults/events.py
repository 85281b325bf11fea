"""What is sent in a run: requests of events whose every field can be found again."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

FIELDS = (
    "ts", "tenant", "service", "route", "level", "error_code", "status", "duration_ms", "message", "trace_id",
    "span_id", "parent_id", "user_id", "client_ip", "attributes",
)  # fmt: skip
_LEVELS = (("DEBUG", 10), ("INFO", 60), ("WARN", 15), ("ERROR", 12), ("FATAL", 3))
_TEXTS = ("order placed", "주문이 접수됨", 'said "no"\tthen\nleft', "C:\\temp\\x", "naïve “quote” 🙂", "' OR 1=1")
_PRIORITIES = {"WARN": "warn", "ERROR": "error", "FATAL": "fatal"}


class Outcome(Enum):
    """What the sender knows of a request."""

    UNKNOWN = "unknown"
    ACKNOWLEDGED = "acknowledged"
    TURNED_AWAY = "turned_away"


@dataclass(frozen=True)
class Line:
    """One line of a request.

    Attributes:
        digest: of its canonical content; empty for a line that is no event.
    """

    event_id: str
    raw: bytes
    digest: bytes
    priority: str


@dataclass
class Request:
    """One request, and what came of it.

    Attributes:
        key: Idempotency-Key; empty for none (such a request is sent once).
        burst: the service of which it holds enough errors for an incident; empty for none.
    """

    key: str
    lines: list[Line]
    burst: str = ""
    outcome: Outcome = Outcome.UNKNOWN
    tries: int = 0
    repeated: bool = False
    body: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.body = b"\n".join(line.raw for line in self.lines)


def digest(row: Mapping[str, Any]) -> bytes:
    """Return a hash of an event's content, the same for what was sent and what a query of the store returns."""
    at = datetime.fromisoformat(str(row["ts"]))
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    values: list[Any] = [at.astimezone(UTC).isoformat()]
    values += [_plain(row.get(name)) for name in FIELDS[1:-1]]
    values.append(sorted((row.get("attributes") or {}).items()))
    return hashlib.blake2b(json.dumps(values, ensure_ascii=False).encode(), digest_size=16).digest()


class Maker:
    """Makes requests; one a thread. The same seed and name make the same events, but for their times."""

    def __init__(self, seed: int, name: str) -> None:
        self._chance = random.Random(f"{seed}/{name}")
        self._name = f"{seed}-{name}"
        self._number = 0

    def request(self, events: int, *, keyed: bool = True, bad: float = 0.02) -> Request:
        """Return a request of so many lines; a part of them is no JSON."""
        key = self._next("request")
        lines = [self._bad() if self._chance.random() < bad else self._event() for _ in range(events)]
        return Request(key if keyed else "", lines)

    def burst(self, errors: int) -> Request:
        """Return a request with enough errors of a new service to open an incident."""
        service = self._next("burst")
        fields = {"service": service, "level": "ERROR", "error_code": "E_TIMEOUT", "route": "/pay"}
        return Request(self._next("request"), [self._event(fields) for _ in range(errors)], burst=service)

    def _event(self, fields: Mapping[str, Any] | None = None) -> Line:
        chance = self._chance
        level = chance.choices([name for name, _ in _LEVELS], [weight for _, weight in _LEVELS])[0]
        row: dict[str, Any] = {
            "event_id": self._next("event"),
            "ts": (datetime.now(UTC) - timedelta(seconds=chance.random())).isoformat(),
            "service": f"service-{chance.randrange(5)}",
            "route": f"/v1/items/{chance.randrange(9)}",
            "level": level,
            "status": chance.choice((200, 200, 200, 404)),
            "duration_ms": round(chance.expovariate(0.01), 3),
            "message": f"{chance.choice(_TEXTS)} {chance.randrange(10**6)}",
            "trace_id": f"{chance.getrandbits(128):032x}",
            "user_id": f"user-{chance.randrange(1000)}",
            "attributes": {f"key.{i}": f"{chance.getrandbits(64):016x}" for i in range(chance.randrange(6))},
        } | dict(fields or {})
        raw = json.dumps(row, ensure_ascii=chance.random() < 0.5).encode()
        return Line(row["event_id"], raw, digest(row), _PRIORITIES.get(row["level"], "normal"))

    def _bad(self) -> Line:
        event_id = self._next("bad")
        return Line(event_id, f'{{"event_id": "{event_id}", "ts": tomorrow}}'.encode(), b"", "normal")

    def _next(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._name}-{self._number}"


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return value
    # A field that was not sent is 0 in the store, and "" here.
    return float(value) if value else ""
