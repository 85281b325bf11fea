"""Merging files by event time, each opened when its first record is due.

Within a file the order stays as it is written. Memory: what `sources` holds, for at most `max_open_files` files.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bdp.intake.sources import Sized


@dataclass(frozen=True)
class Pending:
    """A file that was not opened yet.

    Attributes:
        first: time of its first record.
        open: starts the reading; the iterator closes the file when it ends or is closed.
    """

    first: datetime
    open: Callable[[], Iterator[Sized]]


def merged(files: Sequence[Pending], max_open: int) -> Iterator[Sized]:
    """Yield the events of all files by time; equal times in the order of the files.

    With more than `max_open` files that overlap in time, the later ones wait, and the order is approximate.
    """
    waiting = sorted(enumerate(files), key=lambda numbered: (numbered[1].first, numbered[0]), reverse=True)
    heap: list[tuple[datetime, int, Sized, Iterator[Sized]]] = []
    while waiting or heap:
        while waiting and len(heap) < max_open and (not heap or waiting[-1][1].first <= heap[0][0]):
            number, file = waiting.pop()
            _push(heap, number, file.open())
        if heap:
            yield from _run(heap, waiting[-1][1].first if waiting and len(heap) < max_open else None)


def _run(heap: list[tuple[datetime, int, Sized, Iterator[Sized]]], until: datetime | None) -> Iterator[Sized]:
    """Yield from the earliest file as long as it stays the earliest, and no waiting file is due."""
    _, number, sized, events = heapq.heappop(heap)
    yield sized
    rival = (heap[0][0], heap[0][1]) if heap else None
    for following in events:
        at = following[0].ts
        if (rival is not None and (at, number) > rival) or (until is not None and at >= until):
            heapq.heappush(heap, (at, number, following, events))
            return
        yield following


def _push(heap: list[tuple[datetime, int, Sized, Iterator[Sized]]], number: int, events: Iterator[Sized]) -> None:
    first = next(events, None)
    if first is not None:
        heapq.heappush(heap, (first[0].ts, number, first, events))
