"""Shadow mode: detection with settings to try, beside the live one, on the same records.

    records -> live detectors ----> findings (incidents, insights, messages)
          |                  |
          +-> the shadow's --+----> contrast: counted, and kept for the report

Only what the live detectors find goes on. The shadow begins with what they have learnt until then, so it needs no time
to learn what is usual; when the settings of either side change, it begins anew. Its rows lie beside the live ones under
`shadow/`, of the same commit. What goes wrong in it is told and counted, and harms nothing.

Memory: the bounds of two detectors, and those of `contrast`; in the first commits also a copy of the rows that it
begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

import structlog

from bdp.clock import Clock
from bdp.detect.watch import Watch
from bdp.flow.contrast import ROW, Contrast, Report, Side, reported
from bdp.flow.finding import Found
from bdp.flow.pipeline import Detector, told
from bdp.flow.settings import Detection
from bdp.model.anomaly import AnomalyEnd
from bdp.model.change import Change
from bdp.model.event import EventSignal
from bdp.model.metric import MetricPoint
from bdp.ports import Books
from bdp.telemetry import SHADOW_FAILURES, Absence

log = structlog.get_logger(__name__)
PREFIX: Final = "shadow/"
_SEEDS: Final = 1000
"""Rows of those that the shadow begins with in one commit."""


class Shadow:
    """Live detectors with others beside them; to the pipeline it is the live ones.

    Args:
        live: whose findings count.
        other: makes fresh detectors with the settings to try; None: off, and what an earlier shadow kept is removed.
        about: fingerprint of both sides' settings.
    """

    def __init__(self, live: Detector, other: Callable[[], Detector] | None, clock: Clock, about: str = "") -> None:
        self._live = live
        self._make = other
        self._clock = clock
        self._about = about
        self._absence = Absence(log, "shadow.failing", "shadow.working", clock.monotonic)
        self._gone: set[str] = set()
        self._seeds: dict[str, bytes] = {}
        self._contrast = Contrast(about, clock.now())
        self._other: Detector | None = None
        if other is not None:
            self._beside(lambda: self._begin({}))

    def observe(
        self, signals: Sequence[EventSignal] = (), points: Sequence[MetricPoint] = (), changes: Sequence[Change] = ()
    ) -> Sequence[Found]:
        """Take in one micro-batch; return what the live detectors find."""
        found = self._live.observe(signals, points, changes)

        def compare(other: Detector) -> None:
            self._add(found, other.observe(signals, points, changes))
            if self._contrast.waiting:
                times = [*(signal.ts for signal in signals), *(point.ts for point in points)]
                self._contrast.settle(max(times, default=self._contrast.newest))

        self._compare(found, compare)
        return found

    def advance(self, watermark: datetime) -> Sequence[Found]:
        """Let event time pass; return what that makes the live detectors say."""
        found = self._live.advance(watermark)

        def compare(other: Detector) -> None:
            self._add(found, other.advance(watermark))
            if self._contrast.waiting:
                self._contrast.settle(watermark)

        self._compare(found, compare)
        return found

    def finish(self) -> Sequence[Found]:
        """The input is over; return what that makes the live detectors say."""
        found = self._live.finish()

        def compare(other: Detector) -> None:
            self._add(found, other.finish())
            self._contrast.settle(None)

        self._compare(found, compare)
        return found

    def changed_rows(self) -> dict[str, bytes | None]:
        """Return the rows of both sides that changed since the last call; None deletes."""
        rows = self._live.changed_rows()
        own: dict[str, bytes | None] = dict.fromkeys(self._gone)
        self._gone = set()
        if self._make is not None:
            self._beside(lambda: own.update({PREFIX + name: row for name, row in self._rows().items()}))
        return {**rows, **own} if own else rows

    def restore(self, rows: Mapping[str, bytes]) -> None:
        """Take over the state that `changed_rows` described."""
        own = {name.removeprefix(PREFIX): row for name, row in rows.items() if name.startswith(PREFIX)}
        live = {name: row for name, row in rows.items() if not name.startswith(PREFIX)} if own else rows
        self._live.restore(live)
        self._gone, self._seeds, self._other = set(), {}, None
        if self._make is None:
            self._gone = {PREFIX + name for name in own}
            return
        self._beside(lambda: self._resume(own))
        if self._other is None:
            self._gone = {PREFIX + name for name in own if name not in live}
            self._beside(lambda: self._begin(live))

    def save_all(self) -> None:
        """Let the next `changed_rows` return all that was learnt."""
        self._live.save_all()
        other = self._other
        if other is not None:
            self._beside(other.save_all)

    def _resume(self, own: Mapping[str, bytes]) -> None:
        """Go on where an earlier shadow was, if it was one of these settings."""
        contrast = Contrast.restored(own)
        if contrast is None or contrast.head.about != self._about or not contrast.head.whole or self._make is None:
            return
        other = self._make()
        other.restore({name: row for name, row in own.items() if not name.startswith(ROW)})
        self._other, self._contrast = other, contrast

    def _begin(self, live: Mapping[str, bytes]) -> None:
        """Begin with what the live detectors have learnt."""
        self._contrast = Contrast(self._about, self._clock.now())
        if self._make is not None:
            other = self._make()
            other.restore(live)
            self._other, self._seeds = other, dict(live)

    def _rows(self) -> dict[str, bytes | None]:
        rows = self._other.changed_rows() if self._other is not None else {}
        if not self._contrast.head.whole:
            for name in rows:
                self._seeds.pop(name, None)
            for name in list(self._seeds)[:_SEEDS]:
                rows[name] = self._seeds.pop(name)
            if not self._seeds:
                self._contrast.completed()
        return {**rows, **self._contrast.changed_rows()}

    def _add(self, found: Sequence[Found], other: Sequence[Found]) -> None:
        self._contrast.add(Side.LIVE, found)
        self._contrast.add(Side.SHADOW, other)

    def _compare(self, found: Sequence[Found], action: Callable[[Detector], None]) -> None:
        other = self._other
        if other is None:
            return
        if self._beside(lambda: action(other)):
            self._absence.over()
        else:
            # What is over is over, whether or not it could be compared.
            self._beside(lambda: self._contrast.add(Side.LIVE, [one for one in found if isinstance(one, AnomalyEnd)]))

    def _beside(self, action: Callable[[], None]) -> bool:
        """Do something of the shadow; what goes wrong there must not reach live detection."""
        try:
            action()
        except Exception as error:
            SHADOW_FAILURES.inc()
            self._contrast.failed(told(error))
            self._absence.met(told(error), trace=True)
            return False
        return True


def shadowed(live: Detection, other: Detection | None, clock: Clock, *, inquiring: bool = False) -> Shadow:
    """Return fresh live detectors with those of other settings beside them; None: with nothing beside them.

    Args:
        inquiring: the live ones also say what a model is to be asked.
    """
    if other is None:
        return Shadow(Watch(*live, inquiring=inquiring), None, clock)
    return Shadow(Watch(*live, inquiring=inquiring), lambda: Watch(*other), clock, fingerprint(live, other))


def fingerprint(live: Detection, other: Detection) -> str:
    """Return what tells one pair of settings from another."""
    texts = [room.model_dump_json() for side in (live, other) for room in side]
    return sha256("\n".join(texts).encode()).hexdigest()[:32]


def report(books: Books, live: Detection, other: Detection, since: datetime, until: datetime, most: int) -> Report:
    """Return what both sides said since then (event time), of all pipelines that work by these settings.

    Args:
        until: present.
        most: differences to list.
    """
    rows = ((lane, key.removeprefix(PREFIX), row) for lane, key, row in books.detector_rows_under(PREFIX + ROW))
    return reported(rows, fingerprint(live, other), since, until, most)
