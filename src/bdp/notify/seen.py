"""Keys that this process has sent, for receivers that know no keys."""

from __future__ import annotations

import threading
from collections import OrderedDict

REMEMBERED = 1000


class Seen:
    """Remembers the latest keys; memory: 1,000 keys. Use from any thread."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def add(self, key: str) -> None:
        """Remember a key."""
        with self._lock:
            self._keys[key] = None
            if len(self._keys) > self._most:
                self._keys.popitem(last=False)
