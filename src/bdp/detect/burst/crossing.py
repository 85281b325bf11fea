"""When a key's count crosses, and when its stretch is over.

Seconds up to `newest - lateness` are settled: no late event can change them, so they are judged once and in order, and
the outcome does not depend on how the stream was cut into batches. Seconds after that are only looked at for a
crossing, so that it is raised at once; late events can only raise counts, so it never has to be taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from bdp.detect.burst.baseline import Band, Folding, Week
from bdp.detect.burst.severity import rate
from bdp.detect.burst.track import Stretch, Track
from bdp.detect.burst.window import drop_before, held, pieces
from bdp.detect.signature import signature, telling
from bdp.ids import derived
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyKind, Subject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEMPLATES_SHOWN = 5
_HISTORY_SECONDS = 3600
Found = list[Anomaly | AnomalyEnd]


class Levels(msgspec.Struct, frozen=True):
    """What holds for one key in one slot: raise above `bound`, quiet at or below `calm`."""

    bound: float
    calm: float
    expected: float | None


class Limits(msgspec.Struct, frozen=True):
    """Seconds that the judging needs, and the share of the threshold below which a key is calm."""

    window: int
    lateness: int
    quiet: int
    close_ratio: float


class Judge:
    """Walks over a key's seconds and says what it finds.

    Args:
        week: the key's hours of the week; changed in place.
        threshold: the key's own.
        oldest: second of the oldest event that the detector saw, of any key.
    """

    def __init__(
        self, limits: Limits, folding: Folding, track: Track, week: Week, threshold: float, oldest: int
    ) -> None:
        self._limits = limits
        self._folding = folding
        self._track = track
        self.week = week
        self._threshold = threshold
        self._oldest = oldest
        self.week_changed = False
        self.found: Found = []

    def observe(self, since: int) -> None:
        """Judge what new events, all at or after `since`, made judgeable; `found` holds the outcome."""
        track = self._track
        was_open = track.stretch is not None
        self.settle(track.newest - self._limits.lateness)
        self._look_ahead(track.settled + 1 if was_open else max(since, track.settled + 1))
        drop_before(track.cells, track.settled - self._limits.window + 1)

    def settle(self, upto: int) -> None:
        """Judge the seconds up to `upto` for good."""
        track = self._track
        for first, last, count in pieces(track.cells, self._limits.window, track.settled + 1, upto):
            for begin, end in self._by_slot(first, last, count):
                self._step(begin, end, count)
        track.settled = max(track.settled, upto)

    def close(self) -> None:
        """Close the open stretch: no more events are expected.

        The seconds that its events keep loud count as judged, or the next event would raise the same stretch again.
        """
        track = self._track
        self.settle(track.newest)
        if track.stretch is not None:
            track.settled = max(track.settled, self.quiet_from())
            self._end(track.stretch)

    def quiet_from(self) -> int:
        """Return the last second with a count above the closing level, if no further event comes."""
        track = self._track
        loud = track.stretch.loud if track.stretch else track.settled
        stop = track.newest + self._limits.window
        for first, last, count in pieces(track.cells, self._limits.window, track.settled + 1, stop):
            for begin, end in self._by_slot(first, last, count):
                if count > self._levels(begin // self._limits.window).calm:
                    loud = max(loud, end)
        return loud

    def room(self, second: int) -> float:
        """Return the weight that can be added from `second` on, within its slot, without a crossing; a lower bound."""
        track = self._track
        slot = second // self._limits.window
        known = track.newest // self._limits.window == slot
        bound = self._levels(slot).bound if known else self._threshold
        near = sum(cell.count for s, cell in track.cells.items() if s > second - self._limits.window)
        return bound - near - sum(cell.count for cell in track.parked.values())

    def _by_slot(self, first: int, last: int, count: float) -> Iterator[tuple[int, int]]:
        if count == 0:
            yield first, last
            return
        while first <= last:
            end = min(last, first - first % self._limits.window + self._limits.window - 1)
            yield first, end
            first = end + 1

    def _step(self, first: int, last: int, count: float) -> None:
        self._close_if_quiet(first - 1)
        if count > 0:
            self._step_busy(first, last, count)
        self._close_if_quiet(last)

    def _step_busy(self, first: int, last: int, count: float) -> None:
        track = self._track
        levels = self._levels(first // self._limits.window)
        slot = track.slots.setdefault(first // self._limits.window, [0.0, 0.0])
        slot[1] = max(slot[1], count)
        if count > levels.bound and (track.stretch is None or not track.stretch.settled):
            self._open_settled(first, count, levels)
        elif track.stretch is not None and track.stretch.settled and first in track.cells:
            track.stretch.total += track.cells[first].count
            track.stretch.last = track.cells[first].last
        if track.stretch is not None and count > levels.calm:
            track.stretch.loud = max(track.stretch.loud, last)
            track.stretch.peak = max(track.stretch.peak, count)

    def _open_settled(self, second: int, count: float, levels: Levels) -> None:
        if self._track.stretch is None:
            self._raise(second, count, levels)
        stretch = self._track.stretch
        if stretch is None:
            return
        stretch.settled, stretch.crossed, stretch.loud = True, second, second
        stretch.peak = stretch.total = count
        stretch.last = self._last_event(second)

    def _look_ahead(self, start: int) -> None:
        track, limits = self._track, self._limits
        if track.stretch is not None or sum(c.count for c in track.cells.values()) <= self._threshold:
            return
        for first, last, count in pieces(track.cells, limits.window, start, track.newest):
            for begin, _ in self._by_slot(first, last, count):
                levels = self._levels(begin // limits.window)
                if count > levels.bound:
                    self._raise(begin, count, levels)
                    return

    def _close_if_quiet(self, second: int) -> None:
        stretch = self._track.stretch
        if stretch is not None and stretch.settled and second - stretch.loud >= self._limits.quiet:
            self._end(stretch)

    def _end(self, stretch: Stretch) -> None:
        self.found.append(
            AnomalyEnd(
                anomaly_id=stretch.anomaly_id,
                signature=stretch.signature,
                end_time=instant(stretch.last),
                peak=stretch.peak,
                total=stretch.total,
            )
        )
        self._track.stretch = None

    def _raise(self, second: int, count: float, levels: Levels) -> None:
        track = self._track
        seconds = held(track.cells, self._limits.window, second)
        start, last = track.cells[seconds[0]].first, self._last_event(second)
        subject = Subject(service=track.service, route=track.route, error_code=track.error_code)
        name = signature(AnomalyKind.BURST, subject, telling(subject, track.samples.templates))
        identity = derived(instant(start), AnomalyKind.BURST.value, *track.key, str(seconds[0]), str(second))
        never_seen = track.first >= seconds[0] and second - self._oldest >= _HISTORY_SECONDS
        severity = rate(
            count=count,
            span=second - seconds[0] + 1,
            window=self._limits.window,
            bound=levels.bound,
            errors=sum(track.cells[s].errors for s in seconds) / count,
            never_seen=never_seen,
        )
        self.found.append(
            Anomaly(
                anomaly_id=identity,
                kind=AnomalyKind.BURST,
                subject=subject,
                signature=name,
                severity=severity,
                start_time=instant(start),
                detected_at=instant(last),
                count=count,
                threshold=round(levels.bound, 3),
                expected=None if levels.expected is None else round(levels.expected, 3),
                window_seconds=self._limits.window,
                never_seen=never_seen,
                templates=track.samples.top(_TEMPLATES_SHOWN),
                trace_ids=tuple(track.samples.traces),
            )
        )
        track.stretch = Stretch(identity, name, second, False, second, count, count, last)

    def _last_event(self, second: int) -> int:
        return self._track.cells[held(self._track.cells, self._limits.window, second)[-1]].last

    def _levels(self, slot: int) -> Levels:
        band = self._band(slot)
        calm = self._threshold * self._limits.close_ratio
        if band is None:
            return Levels(self._threshold, calm, None)
        # Half the threshold may lie below a key's normal level: such a stretch would never close.
        return Levels(self._bound(band), max(calm, (band.expected + band.upper) / 2), band.expected)

    def _bound(self, band: Band | None) -> float:
        return self._threshold if band is None else max(self._threshold, band.upper)

    def _band(self, slot: int) -> Band | None:
        track = self._track
        if track.baseline is None:
            begin = track.first // self._limits.window
            track.baseline = self._folding.begin(begin, begin - self._oldest // self._limits.window)
        band, changed = self._folding.band(track.baseline, self.week, slot, track.slots, self._bound)
        self.week_changed |= changed
        return band


def instant(microseconds: int) -> datetime:
    """Return the aware time of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)
