"""Which messages of a batch are safe already when others of it, or of its neighbours, did not get through in time.

The next try sends only the rest. Without that a broker slower than the time-out would be sent the same again and again,
and never be done.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bdp.model.batch import Batch
from bdp.stream.shared.parts import Part, split

_MOST = 50_000
"""Batches remembered; what falls out is sent whole again, and counts once where it is read."""


@dataclass
class _Halfway:
    most_bytes: int
    names: set[str] = field(default_factory=set)


class Confirmed:
    """Names of messages, by batch. Use from any thread.

    Memory: the names of the confirmed messages of at most 50,000 batches that are not complete.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._halfway: OrderedDict[str, _Halfway] = OrderedDict()

    def split(self, batch: Batch, partitions: int, most_bytes: int) -> list[Part]:
        """Split a batch as at its first try while something of it is safe: other bounds would make other messages."""
        with self._lock:
            known = self._halfway.setdefault(batch.batch_id, _Halfway(most_bytes))
            if not known.names:
                known.most_bytes = most_bytes
            while len(self._halfway) > _MOST:
                self._halfway.popitem(last=False)
            most_bytes = known.most_bytes
        return split(batch, partitions, most_bytes)

    def add(self, batch_id: str, name: str) -> None:
        """Say that a message is safe."""
        with self._lock:
            if batch_id in self._halfway:
                self._halfway[batch_id].names.add(name)

    def missing(self, batch_id: str, parts: Iterable[Part]) -> list[Part]:
        """Return the messages that are not known to be safe."""
        with self._lock:
            known = self._halfway.get(batch_id)
            return [part for part in parts if known is None or part.batch.batch_id not in known.names]

    def halfway(self, batch_id: str) -> bool:
        """Say whether some messages of a batch are known to be safe."""
        with self._lock:
            known = self._halfway.get(batch_id)
            return known is not None and bool(known.names)

    def complete(self, parts: Mapping[str, Sequence[Part]]) -> list[str]:
        """Return the batches all of whose messages are safe, and forget about them.

        Args:
            parts: all messages, by batch.
        """
        found = [batch_id for batch_id, of_batch in parts.items() if not self.missing(batch_id, of_batch)]
        with self._lock:
            for batch_id in found:
                self._halfway.pop(batch_id, None)
        return found
