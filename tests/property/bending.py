"""Bending bytes: the mutations of the fuzzers, each from a seeded source of chance."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

_NUMBER = re.compile(rb"-?\d{1,40}(?:\.\d+)?")
_NUMBERS = (
    b"0",
    b"-0",
    b"-1",
    b"1e400",
    b"-1e400",
    b"NaN",
    b"Infinity",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1" * 310,
    b"9" * 4301,
    b"0.1e-400",
    b"253402300800",
    b"99999999999999999999",
    b"00",
    b"1.",
    b"true",
    b"null",
    b'"5"',
)
_TOKENS = (
    b"\0",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\\ud800",
    b"\\u0000",
    b"\\",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"null",
    b"{}",
    b"[]",
    b'""',
    b"[" * 2000,
    b'{"a":' * 1200,
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"\x0a\xff\xff\xff\xff\x0f",
    b"\x80" * 11,
    "ᄒ".encode(),
    "\u2028".encode(),
    "\U0001f600".encode()[:3],
    b"__proto__",
    b"x" * 70_000,
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**64,
    -(2**63) - 1,
    1e308,
    float("inf"),
    float("nan"),
    "",
    "\ud800",
    "a\0b",
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"a": {"b": {"c": [1, {"d": None}]}}},
    "NaN",
    "1e400",
    "2026-13-01",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+14:00",
    10**30,
    5e-324,
    {"\ud800": "\udfff"},
    ["\udc00"],
    "\u202e",
    "99999999999999999999",
    -0.0,
    [1e400],
    10**400,
)
_KEYS = (
    "",
    "ts",
    "level",
    "status",
    "weight",
    "duration",
    "attributes",
    "resource",
    "log",
    "\ud800",
    "a\0",
    "id",
    "time",
    "Records",
    "records",
    "message",
)


def bend(chance: random.Random, seed: bytes, others: list[bytes]) -> bytes:
    """Return the seed after one to four mutations of its bytes or, where it is JSON, of its values."""
    data = seed
    for _ in range(chance.choice((1, 1, 2, 4))):
        if chance.random() < 0.5 and data[:1] in b"{[":
            data = _bent_json(chance, data)
        else:
            data = chance.choice(_WAYS)(chance, data, others)
    return data[: 1 << 20]


def _flip(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    out = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        if out:
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def _cut(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def _drop(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def _repeat(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    start, end = _span(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]


def _splice(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    other = chance.choice(others)
    (start, end), (first, last) = _span(chance, data), _span(chance, other)
    return data[:start] + other[first:last] + data[end:]


def _insert(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(_TOKENS) + data[at:]


def _number(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    found = list(_NUMBER.finditer(data[:20_000]))
    if not found:
        return _length(chance, data, others)
    match = chance.choice(found)
    return data[: match.start()] + chance.choice(_NUMBERS) + data[match.end() :]


def _length(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """In protobuf and msgpack any byte may be a length."""
    at = chance.randint(0, max(0, len(data) - 1))
    return data[:at] + bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))]) + data[at + 1 :]


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.choice((1, 4, 30, 300)))


_WAYS: tuple[Callable[[random.Random, bytes, list[bytes]], bytes], ...] = (
    _flip,
    _cut,
    _drop,
    _repeat,
    _splice,
    _insert,
    _number,
    _length,
)


def _bent_json(chance: random.Random, data: bytes) -> bytes:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return _flip(chance, data, [data])
    try:
        return json.dumps(bend_value(chance, document)).encode()
    except (ValueError, RecursionError):
        return data


def bend_value(chance: random.Random, document: Any) -> Any:
    """Return a decoded JSON document with one value replaced, left out, doubled, wrapped or renamed."""
    places = list(_places(document))
    if not places:
        return chance.choice(_VALUES)
    holder, key = chance.choice(places)
    way = chance.randrange(5)
    if way == 0:
        del holder[key]
    elif way == 1:
        holder[key] = [holder[key], holder[key]]
    elif way == 2 and isinstance(holder, dict):
        holder[chance.choice(_KEYS)] = holder.pop(key)
    elif way == 3 and isinstance(holder, dict):
        holder[chance.choice(_KEYS)] = chance.choice(_VALUES)
    else:
        holder[key] = chance.choice(_VALUES)
    return document


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return (holder, key) of every value, at most 2,000."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < 2000:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found.append((holder, key))
            waiting.append(holder[key])
    return found
