"""Clients of other systems, each made once and kept: they are dear to make and safe to share among threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any


class Clients:
    """Clients by what tells them apart, such as service and region."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the client of this key, made if it is not there yet; two threads never make at once."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]
