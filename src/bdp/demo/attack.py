"""Credential stuffing: a few addresses try a stolen list of accounts against the login, and one of them fits."""

from __future__ import annotations

from datetime import date

import numpy as np

from bdp.demo.calls import outcome_of
from bdp.demo.columns import MINUTE_US, Row, hex_ids, rfc3339, ulids
from bdp.demo.company import attributes_of
from bdp.demo.failures import BAD_CREDENTIALS, NO_SUCH_USER

ADDRESSES = ("203.0.113.17", "203.0.113.52", "203.0.113.144", "192.0.2.61", "192.0.2.203", "198.51.100.88")
TRIES = 900
_START_MINUTE, _MINUTES = 1160, 16.5
_HIT = 0.83
"""The one login that succeeds comes after this part of the tries."""


def attack(day: date, rng: np.random.Generator) -> list[tuple[int, Row]]:
    """Return the events of the attack with their microsecond of the day, in time order."""
    offsets = np.sort(rng.beta(1.3, 1.1, TRIES)) * _MINUTES * MINUTE_US
    at = (_START_MINUTE * MINUTE_US + offsets).astype(np.int64)
    accounts = rng.choice(np.arange(20_000, 48_000), TRIES, replace=False).tolist()
    address = rng.choice(len(ADDRESSES), TRIES, p=(0.3, 0.24, 0.18, 0.12, 0.1, 0.06)).tolist()
    unknown = (rng.random(TRIES) < 0.35).tolist()
    keys = zip(
        at.tolist(),
        ulids(rng, day, at),
        rfc3339(day, at),
        hex_ids(rng, TRIES, 32),
        hex_ids(rng, TRIES, 16),
        strict=True,
    )
    events = [
        (us, _try(rng, (key, ts, trace, span), f"u{accounts[row]}", ADDRESSES[address[row]], unknown[row]))
        for row, (us, key, ts, trace, span) in enumerate(keys)
    ]
    _succeed(events[int(TRIES * _HIT)][1])
    return events


def _try(rng: np.random.Generator, keys: tuple[str, str, str, str], user: str, address: str, unknown: bool) -> Row:
    failure = NO_SUCH_USER if unknown else BAD_CREDENTIALS
    ms = round(float(rng.uniform(failure.low_ms, failure.high_ms)), 3)
    level, code, status, message = outcome_of(rng, failure, user, ms)
    places, versions = attributes_of("auth")
    running = places[-len(places) // len(versions) :]
    return {
        "event_id": keys[0], "ts": keys[1], "service": "auth", "route": "/v1/login", "level": level,
        "error_code": code, "status": status, "duration_ms": ms, "message": message, "trace_id": keys[2],
        "span_id": keys[3], "user_id": user, "client_ip": address,
        "attributes": {
            **running[int(rng.integers(len(running)))],
            "http.request.method": "POST",
            "user_agent.original": "python-requests/2.31.0",
        },
    }  # fmt: skip


def _succeed(event: Row) -> None:
    event.update(level="INFO", error_code="", status=200, message=f"login ok for {event['user_id']}, session opened")
