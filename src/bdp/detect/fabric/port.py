"""What is kept of one port, and how much its counters rose.

A port's scrape is judged when it carries every kind of counter that the port is known to have, or when a newer one is
there, or when it is `settle_seconds` old. A counter's first value is only remembered.

    value grew                         it rose by the difference
    fell from near 2^32 or 2^64 to     it wrapped: it rose by what was left to the end, and by the new value
    near 0
    fell to more than half             an older reading (two exporters may scrape one port): left out
    fell otherwise                     it was reset: it rose by the new value, as Prometheus' `increase` counts it
    stays at its largest value         nothing can be seen: the classic counters stop there until they are reset

A rise over a gap longer than the window counts by the window's share of it, but at least as one. Increases are kept by
minute, over the kind's window, to the minute. A port holds the last value of each kind and at most 10 minutes for those
that rose: under 1 kB for a healthy one. Values older than the last are left out; after 30 micro-batches in a row that
held only values more than an hour older, the clock was wrong before, and the port starts anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from bdp.detect.fabric.counters import KINDS, Counter
from bdp.detect.fabric.risk import Signal, read
from bdp.detect.fabric.track import BEHIND, HOUR, MINUTE, SECOND, Raised

_WRAPS: Final = (2.0**32, 2.0**64)
_LINK_DOWN: Final = "link_downed"

Scrape = dict[str, float]
"""Values by kind of counter."""


class Port(msgspec.Struct, array_like=True):
    """One port; times in microseconds since 1970.

    Attributes:
        order: rises with every touch; the lowest is the least recently heard.
        names: what a maintenance may call it, in lower case.
        heard: scrapes judged.
        newest: the newest of them; -1 before the first.
        behind: micro-batches in a row that were more than an hour old.
        last: by kind: value and time.
        steps: by kind: increase by minute, only where it rose.
        waiting: scrapes that may not be complete yet.
    """

    entity: str
    order: int = 0
    names: tuple[str, ...] = ()
    heard: int = 0
    newest: int = -1
    behind: int = 0
    last: dict[str, tuple[float, int]] = {}
    steps: dict[str, dict[int, float]] = {}
    waiting: dict[int, Scrape] = {}
    raised: Raised = {}

    def merge(self, scrapes: Mapping[int, Scrape]) -> int:
        """Add what came in to what waits and return how many scrapes brought nothing new."""
        dropped = 0
        for instant in sorted(scrapes):
            scrape = scrapes[instant]
            if instant <= self.newest and all(self.last.get(kind, (0, -1))[1] >= instant for kind in scrape):
                dropped += instant != self.newest
                continue
            known = self.waiting.setdefault(instant, {})
            for kind, value in scrape.items():
                known[kind] = max(value, known.get(kind, value))
        if max(scrapes) >= self.newest - HOUR:
            self.behind = 0
        elif self._fall_behind():
            return self.merge(scrapes)
        return dropped

    def ripe(self) -> Iterable[tuple[int, Scrape]]:
        """Yield, and no longer keep, the scrapes that can be judged."""
        instants = sorted(self.waiting)
        for instant in instants:
            scrape = self.waiting[instant]
            whole = self.heard and self.last.keys() <= scrape.keys()
            if instant < max(instants[-1], self.newest) or whole:
                yield instant, self.waiting.pop(instant)

    def settled(self, until: int) -> Iterable[tuple[int, Scrape]]:
        """Yield, and no longer keep, the scrapes up to `until`, complete or not."""
        for instant in sorted(i for i in self.waiting if i <= until):
            yield instant, self.waiting.pop(instant)

    def take(self, instant: int, scrape: Scrape, *, maintained: bool) -> list[Signal]:
        """Take in a scrape and return what its rises mean.

        Args:
            maintained: the link is expected to go down: such a rise is told alone and not kept.
        """
        found = []
        for kind in KINDS.keys() & scrape.keys():
            rise = self._rise(kind, scrape[kind], instant)
            if not rise:
                continue
            counter = KINDS[kind]
            expected = maintained and kind == _LINK_DOWN
            total = rise if expected else self._add(counter, instant // MINUTE, rise)
            risk = read(counter.table, total)
            if risk is not None:
                facts = {"increase": total, "minutes": counter.seconds / 60}
                found.append(Signal(kind, counter.type, risk, facts))
        self.heard += 1
        self.newest = max(self.newest, instant)
        return sorted(found, key=lambda signal: signal.rule)

    def _rise(self, kind: str, value: float, instant: int) -> float:
        before = self.last.get(kind)
        if before is None:
            self.last[kind] = (value, instant)
            return 0.0
        old, at = before
        if instant <= at:
            return 0.0
        rise = increase(old, value)
        if rise is None:
            return 0.0
        self.last[kind] = (value, instant)
        gap, window = (instant - at) / SECOND, KINDS[kind].seconds
        return rise if gap <= window else max(min(rise, 1.0), rise * window / gap)

    def _add(self, counter: Counter, minute: int, rise: float) -> float:
        steps = self.steps.setdefault(counter.kind, {})
        steps[minute] = steps.get(minute, 0.0) + rise
        oldest = minute - counter.seconds // 60 + 1
        for old in [m for m in steps if m < oldest]:
            del steps[old]
        return sum(steps[m] for m in sorted(steps) if m <= minute)

    def _fall_behind(self) -> bool:
        self.behind += 1
        if self.behind < BEHIND:
            return False
        self.behind, self.newest, self.heard = 0, -1, 0
        self.last, self.steps, self.waiting = {}, {}, {}
        return True


def increase(old: float, new: float) -> float | None:
    """Return by how much a counter rose; None if the new value is an older reading.

    >>> increase(7, 9), increase(2**32 - 3, 2), increase(900, 4), increase(900, 899)
    (2, 5.0, 4, None)
    """
    if new >= old:
        return new - old
    for end in _WRAPS:
        if 0.9 * end < old < end and new < 0.1 * end:
            return end - old + new
    return None if new > old / 2 else new
