"""Which body each idempotency key was used for: the same key with another body is a mistake, not a repeat."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import blake2b

from bdp.errors import NotPossible

_MOST = 50_000


class Keys:
    """The last 50,000 keys of this process with 16 bytes of their bodies' hashes (BLAKE2b). Use from any thread.

    What is older, or was taken by another process, is a repeat whatever its body.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: OrderedDict[str, bytes] = OrderedDict()

    def check(self, name: str, body: bytes) -> None:
        """Refuse a body under a key that another one has.

        Raises:
            NotPossible: another body was taken under it.
        """
        with self._lock:
            known = self._used.get(name)
        if known is not None and known != _hash(body):
            raise NotPossible(
                "This idempotency key was used for another body, so nothing was taken.",
                "Give each request a key of its own; only a repeat has the same.",
            )

    def use(self, name: str, body: bytes) -> None:
        """Remember that a body was taken under a key."""
        with self._lock:
            self._used[name] = _hash(body)
            while len(self._used) > _MOST:
                self._used.popitem(last=False)


def _hash(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()
