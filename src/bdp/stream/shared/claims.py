"""Which batches a sink is sending now, and which it sent last: a batch that comes twice goes once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from bdp.model.batch import Batch

_RECENT_IDS = 50_000


class Claims:
    """Ids of batches. Use from any thread.

    Memory: the ids that are on their way, and the last 50,000.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._going: dict[str, threading.Event] = {}

    def take(self, batches: Sequence[Batch]) -> tuple[dict[str, Batch], dict[str, threading.Event]]:
        """Return the batches that are ours to send, and the ids that another thread is sending now."""
        new: dict[str, Batch] = {}
        others: dict[str, threading.Event] = {}
        with self._lock:
            for batch in batches:
                name = batch.batch_id
                if name in self._going and name not in new:
                    others[name] = self._going[name]
                elif name not in self._recent and name not in new:
                    new[name] = batch
                    self._going[name] = threading.Event()
        return new, others

    def release(self, names: Iterable[str], sent: Iterable[str]) -> None:
        """Say which of the batches that were taken are sent now; must follow each `take`."""
        with self._lock:
            self._recent.update(dict.fromkeys(sent))
            for name in names:
                self._going.pop(name).set()
            while len(self._recent) > _RECENT_IDS:
                self._recent.popitem(last=False)

    def await_sent(self, others: Mapping[str, threading.Event], until: float) -> bool:
        """Wait for what another thread sends, until a `time.monotonic()`; False if one is not known to be sent."""
        return all(
            ended.wait(max(until - time.monotonic(), 0)) and name in self._recent for name, ended in others.items()
        )

    def forget(self) -> None:
        """Know nothing of what was sent, as a process that has just begun."""
        with self._lock:
            self._recent.clear()
