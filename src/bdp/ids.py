"""Ids and chance as arguments.

An id is a ULID: 26 characters of Crockford base 32, 48 bits of milliseconds then 80 bits of chance, so ids sort by time
(specification: ulid/spec).
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


class Ids:
    """Makes ULIDs from a source of random bytes.

    Args:
        random_bytes: returns n random bytes; the operating system's by default, a seeded one in tests and the demo.
    """

    def __init__(self, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes

    @classmethod
    def seeded(cls, seed: int) -> Ids:
        """Return a source that gives the same ids for the same seed and calls."""
        return cls(random.Random(seed).randbytes)

    def new(self, at: datetime) -> str:
        """Return one ULID for the instant `at` (aware)."""
        return _ulid(int(at.timestamp() * 1000), self._random_bytes(10))

    def many(self, at: datetime, count: int) -> list[str]:
        """Return `count` ULIDs for one instant, from one draw of chance; increasing, all distinct."""
        high = _text(int(at.timestamp() * 1000), 10)
        first = int.from_bytes(self._random_bytes(10), "big") >> 1
        return [high + _text(first + i, 16) for i in range(count)]


def derived(at: datetime, *parts: str) -> str:
    """Return the ULID that always belongs to these parts: the same effect, asked for twice, has one id."""
    digest = hashlib.sha256("\x1f".join(parts).encode(errors="surrogatepass")).digest()
    return _ulid(max(0, int(at.timestamp() * 1000)), digest[:10])


def _ulid(milliseconds: int, chance: bytes) -> str:
    return _text(milliseconds, 10) + _text(int.from_bytes(chance, "big"), 16)


def _text(number: int, length: int) -> str:
    pairs = []
    for _ in range(length // 2):
        pairs.append(_PAIRS[number & 1023])
        number >>= 10
    return "".join(reversed(pairs))
