"""Which series has which row."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from hashlib import sha256

from bdp.model.metric import MetricPoint

Key = tuple[str, ...]
"""Name, entity, then label names and values in turn, sorted."""

LONGEST = 200
_MOST_LABELS = 32


def key_of(point: MetricPoint) -> Key:
    """Return what tells a series from others; names are cut at 200 characters."""
    labels = point.labels
    if not labels:
        return point.name[:LONGEST], point.entity[:LONGEST]
    items = sorted(labels.items())[:_MOST_LABELS] if len(labels) > 1 else labels.items()
    return point.name[:LONGEST], point.entity[:LONGEST], *(text[:LONGEST] for item in items for text in item)


def hashed(key: Key) -> str:
    """Return a short name of a key."""
    return sha256("\x1f".join(key).encode("utf-8", "replace")).hexdigest()[:32]


class Names:
    """Patterns of metric names, each name looked at once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._pattern = re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"\Z(?!)")
        self._known: dict[str, bool] = {}

    def __contains__(self, name: str) -> bool:
        found = self._known.get(name)
        if found is None:
            if len(self._known) > 100_000:
                self._known.clear()
            found = self._known[name] = self._pattern.match(name) is not None
        return found


class Roster:
    """Rows by key, and keys by row. A row that was given back is given out again."""

    def __init__(self) -> None:
        self.rows: dict[Key, int] = {}
        self.keys: list[Key | None] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self.rows)

    def admit(self, key: Key) -> int:
        """Return the row of a key that has none."""
        if self._free:
            row = self._free.pop()
            self.keys[row] = key
        else:
            row = len(self.keys)
            self.keys.append(key)
        self.rows[key] = row
        return row

    def release(self, row: int) -> Key:
        """Take a row from its key."""
        key = self.keys[row]
        if key is None:
            raise LookupError(row)
        del self.rows[key]
        self.keys[row] = None
        self._free.append(row)
        return key
