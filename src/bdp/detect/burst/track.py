"""The state of one key, and which of its events still count.

A key's clock is its newest event. Events up to `allowed_lateness` behind it count; older ones are too late.

A clock can be wrong, so an event that lies further ahead than one window does not move the key's clock at once: it is
parked until others confirm it (three more than came behind it meanwhile; fewer where the threshold is lower). Then the
lowest group of parked seconds is taken in. So one event 24 h ahead makes nothing late; it counts when the clock gets
there. Because the window before such an event is empty, parking delays no crossing. A key whose very first events were
the wrong ones is turned round: the later ones win and the first are parked.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from bdp.detect.burst.baseline import Baseline, Slots
from bdp.detect.burst.samples import Samples
from bdp.detect.burst.window import Cell, Cells, add

CONFIRMATIONS = 3
PARKED_SECONDS = 64


class Stretch(msgspec.Struct, array_like=True):
    """An open anomaly.

    Attributes:
        crossed: the second in which the count crossed, as known when it was raised.
        settled: False while late events may still move the crossing to an earlier second.
        loud: last second above the closing level.
        last: last event, microseconds since 1970.
    """

    anomaly_id: str
    signature: str
    crossed: int
    settled: bool
    loud: int
    peak: float
    total: float
    last: int


class Track(msgspec.Struct, array_like=True):
    """Everything that is known of one key (service, route, error code).

    Attributes:
        order: rises with every touch; the lowest is the least recently active.
        heard: wall or event time of the last touch, seconds since 1970.
        newest: second of the newest event that counts; -1 before the first.
        settled: up to this second no late event can change a count, and everything is judged.
        first: second of the first event.
    """

    service: str
    route: str
    error_code: str
    order: int = 0
    heard: int = 0
    newest: int = -1
    settled: int = -1
    first: int = -1
    events: int = 0
    behind: int = 0
    parked_events: dict[int, int] = {}
    parked: Cells = {}
    cells: Cells = {}
    slots: Slots = {}
    samples: Samples = msgspec.field(default_factory=Samples)
    baseline: Baseline | None = None
    stretch: Stretch | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Service, route and error code."""
        return self.service, self.route, self.error_code


class Arrival:
    """Decides which events count.

    Args:
        window: seconds of the sliding window; also the length of a slot.
        lateness: seconds that an event may lie behind the newest of its key.
    """

    def __init__(self, window: int, lateness: int) -> None:
        self._window = window
        self._lateness = lateness
        self._jump = max(window, lateness)

    def take(self, track: Track, second: int, cell: Cell, events: int, confirmations: int) -> int:
        """Take in the events of one second and return how many were too late (those, or parked ones given up)."""
        if track.newest < 0:
            self._accept(track, second, cell, events)
            return 0
        if second > track.newest + self._jump:
            return self._park(track, second, cell, events, confirmations)
        if second >= track.newest - self._lateness:
            self._accept(track, second, cell, events)
            if track.parked:
                track.behind = min(track.behind + events, 2 * sum(track.parked_events.values()))
                self._admit(track, confirmations)
            return 0
        if track.events < CONFIRMATIONS and track.stretch is None and second < track.newest - self._jump:
            self._turn_round(track)
            self._accept(track, second, cell, events)
            return 0
        return events

    def release(self, track: Track) -> None:
        """Take in everything that is parked: the input is over."""
        for second in sorted(track.parked):
            self._accept(track, second, track.parked.pop(second), track.parked_events.pop(second))

    def _accept(self, track: Track, second: int, cell: Cell, events: int) -> None:
        slot = track.slots.setdefault(second // self._window, [0.0, 0.0])
        slot[0] += cell.count
        add(track.cells, second, cell)
        track.events += events
        if track.newest < 0:
            track.first, track.settled = second, second - self._jump - 1
        track.first = min(track.first, second)
        track.newest = max(track.newest, second)

    def _park(self, track: Track, second: int, cell: Cell, events: int, confirmations: int) -> int:
        add(track.parked, second, cell)
        track.parked_events[second] = track.parked_events.get(second, 0) + events
        self._admit(track, confirmations)
        if len(track.parked) <= PARKED_SECONDS:
            return 0
        del track.parked[max(track.parked)]
        return track.parked_events.pop(max(track.parked_events))

    def _admit(self, track: Track, confirmations: int) -> None:
        """Take in parked seconds that the key's clock has reached, or that enough events confirm."""
        while track.parked:
            reached = min(track.parked) <= track.newest + self._jump
            if not reached and sum(track.parked_events.values()) < confirmations + track.behind:
                return
            for second in self._lowest_group(track):
                self._accept(track, second, track.parked.pop(second), track.parked_events.pop(second))
            track.behind = 0

    def _lowest_group(self, track: Track) -> list[int]:
        seconds = sorted(track.parked)
        group = seconds[:1]
        for before, second in pairwise(seconds):
            if second - before > self._jump:
                break
            group.append(second)
        return group

    def _turn_round(self, track: Track) -> None:
        for second, cell in track.cells.items():
            add(track.parked, second, cell)
            track.parked_events[second] = track.parked_events.get(second, 0) + 1
        track.cells, track.slots, track.baseline = {}, {}, None
        track.newest, track.events = -1, 0
