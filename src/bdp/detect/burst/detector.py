"""Bursts: too many abnormal events of one (service, route, error code) in a sliding window of event time.

    signals -> grouping -> track (which events count) -> crossing (raise, close) -> anomalies and their ends

Memory: at most `max_keys` keys. A key holds at most window + lateness seconds of counts, 64 parked seconds, 32
templates of 200 characters, 20 trace ids, 12 slots, and 2.7 kB for its week once that is known. Names are cut at 200
characters.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import islice

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from bdp.detect.burst.baseline import Folding, Week
from bdp.detect.burst.crossing import Found, Judge, Limits, instant
from bdp.detect.burst.grouping import Group, Key, group
from bdp.detect.burst.track import CONFIRMATIONS, Arrival, Track
from bdp.model.anomaly import Anomaly, AnomalyEnd, AnomalyProgress
from bdp.model.event import EventSignal

_PREFIX = "burst/"
_GROWTH = 1.5
_TOLD_SECONDS = 60
_META = _PREFIX + "meta"
_TRACK = _PREFIX + "key/"
_WEEK = _PREFIX + "week/"


class Override(BaseModel):
    """A threshold for some keys; `*` stands for any value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str = Field(default="*", description="Service, or * for any.")
    route: str = Field(default="*", description="Route, or * for any.")
    error_code: str = Field(default="*", description="Error code, or * for any.")
    threshold: float = Field(ge=1, description="Raise when more events than this fall into one window.")

    def fits(self, key: Key) -> bool:
        """Return whether the key is meant."""
        return all(mine in ("*", its) for mine, its in zip(self.names, key, strict=True))

    @property
    def names(self) -> Key:
        """Service, route and error code."""
        return self.service, self.route, self.error_code


class BurstSettings(BaseModel):
    """When abnormal events are a burst."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(default=10, ge=1, description="Raise when more events than this fall into one window.")
    overrides: tuple[Override, ...] = Field(
        default=(), description="Thresholds for some keys; the one with the fewest * wins, then the first."
    )
    window_seconds: int = Field(default=300, ge=10, le=3600, description="Length of the sliding window, event time.")
    allowed_lateness: int = Field(
        default=120, ge=0, le=3600, description="Seconds that an event may lie behind the newest of its key."
    )
    quiet_seconds: int = Field(
        default=300, ge=1, le=86_400, description="An anomaly ends after so many seconds at or below the closing level."
    )
    close_ratio: float = Field(default=0.5, gt=0, le=1, description="Closing level as a share of the threshold.")
    max_keys: int = Field(
        default=20_000, ge=1, description="Keys kept; the least recently active quiet one goes first."
    )


class Meta(msgspec.Struct, array_like=True):
    """What is not of one key: counters, the oldest event, the latest wall time."""

    oldest: int = -1
    wall: int = 0
    order: int = 0
    too_late: int = 0
    evicted: int = 0


class BurstDetector:
    """Finds bursts in a stream of signals, in any cut into micro-batches."""

    def __init__(self, settings: BurstSettings) -> None:
        self._settings = settings
        self._overrides = sorted(settings.overrides, key=lambda o: o.names.count("*"))
        window, lateness = settings.window_seconds, settings.allowed_lateness
        self._limits = Limits(window, lateness, settings.quiet_seconds, settings.close_ratio)
        self._folding = Folding(window, -(-lateness // window))
        self._arrival = Arrival(window, lateness)
        self._meta = Meta()
        self._tracks: dict[Key, Track] = {}
        self._weeks: dict[Key, Week] = {}
        self._open: dict[Key, int] = {}
        self._told: dict[Key, tuple[float, int]] = {}
        self._dirty: dict[Key, None] = {}
        self._dirty_weeks: dict[Key, None] = {}
        self._meta_dirty = False

    @property
    def too_late(self) -> int:
        """Events that came later than allowed and were not counted."""
        return self._meta.too_late

    @property
    def evicted(self) -> int:
        """Keys that were forgotten because there were too many."""
        return self._meta.evicted

    @property
    def keys(self) -> int:
        """Keys held now."""
        return len(self._tracks)

    def observe(self, signals: Sequence[EventSignal]) -> Found:
        """Take in one micro-batch, in any order inside, and return what it raised or closed."""
        groups = group(signals)
        if signals:
            self._note_oldest(signals)
        found: Found = []
        for key, events in groups.items():
            found += self._observe_key(key, events)
            if len(self._tracks) > self._settings.max_keys:
                found += self._evict()
        return found

    def progress(self) -> list[AnomalyProgress]:
        """Return the open anomalies that grew by half, or for a minute, since they were last told."""
        grown = (self._grown(self._tracks[key]) for key in self._open)
        return [found for found in grown if found is not None]

    def advance(self, watermark: datetime) -> list[AnomalyEnd]:
        """Let time pass without events and return the anomalies that ended by it.

        A key ages by the time since it was last heard of, so what lags behind the wall clock, such as an old log that
        is being read, is not closed while it still flows.
        """
        self._meta.wall = max(self._meta.wall, int(watermark.timestamp()))
        ended: Found = []
        for key, closes_at in list(self._open.items()):
            track = self._tracks[key]
            if track.newest + self._meta.wall - track.heard - self._settings.allowed_lateness >= closes_at:
                ended += self._close(track)
        return [end for end in ended if isinstance(end, AnomalyEnd)]

    def finish(self) -> list[Anomaly | AnomalyEnd]:
        """The bounded input is over: judge what waits, close what is open."""
        found: Found = []
        for track in list(self._tracks.values()):
            if track.parked:
                self._arrival.release(track)
                judge = self._judge(track)
                judge.observe(track.settled)
                found += self._keep(track, judge)
            if track.stretch is not None:
                found += self._close(track)
        return found

    def changed_rows(self) -> dict[str, bytes | None]:
        """Return the rows that changed since the last call; None deletes."""
        rows: dict[str, bytes | None] = {}
        for key in self._dirty:
            track = self._tracks.get(key)
            rows[_TRACK + _name(key)] = None if track is None else msgspec.msgpack.encode(track)
        for key in self._dirty_weeks:
            week = self._weeks.get(key)
            rows[_WEEK + _name(key)] = None if week is None else msgspec.msgpack.encode((key, week.values))
        if self._meta_dirty:
            rows[_META] = msgspec.msgpack.encode(self._meta)
        self._dirty, self._dirty_weeks, self._meta_dirty = {}, {}, False
        return rows

    def restore(self, rows: Mapping[str, bytes]) -> None:
        """Take over the state that `changed_rows` described; rows of others are left alone."""
        tracks = [msgspec.msgpack.decode(row, type=Track) for name, row in rows.items() if name.startswith(_TRACK)]
        self._tracks = {track.key: track for track in sorted(tracks, key=lambda track: track.order)}
        weeks = [
            msgspec.msgpack.decode(row, type=tuple[Key, bytes]) for name, row in rows.items() if name.startswith(_WEEK)
        ]
        self._weeks = {key: Week(values) for key, values in weeks}
        self._meta = msgspec.msgpack.decode(rows[_META], type=Meta) if _META in rows else Meta()
        self._open, self._dirty, self._dirty_weeks, self._meta_dirty = {}, {}, {}, False
        self._told = {}
        for track in self._tracks.values():
            self._note_open(track)

    def _grown(self, track: Track) -> AnomalyProgress | None:
        stretch = track.stretch
        total, at = self._told.get(track.key, (0.0, 0))
        if stretch is None:
            return None
        since = track.settled if stretch.settled else stretch.crossed - self._settings.window_seconds
        ahead = [cell for second, cell in track.cells.items() if second > since]
        now = sum(cell.count for cell in ahead) + (stretch.total if stretch.settled else 0.0)
        if now <= total or (now < total * _GROWTH and track.newest - at < _TOLD_SECONDS):
            return None
        self._told[track.key] = (now, track.newest)
        last = max((cell.last for cell in ahead), default=stretch.last)
        return AnomalyProgress(anomaly_id=stretch.anomaly_id, last_seen=instant(max(last, stretch.last)), total=now)

    def _note_oldest(self, signals: Sequence[EventSignal]) -> None:
        """The ends of a batch stand for it: near enough, and normal events cost nothing."""
        oldest = int(min(signals[0].ts, signals[-1].ts).timestamp())
        if self._meta.oldest < 0 or oldest < self._meta.oldest:
            self._meta.oldest = oldest
            self._meta_dirty = True

    def _observe_key(self, key: Key, events: Group) -> Found:
        track = self._touch(key)
        seconds = sorted(events.cells)
        found: Found = []
        done = 0
        while done < len(seconds):
            until = self._step_end(track, events, seconds, done)
            found += self._step(track, events, seconds[done:until])
            done = until
        return found

    def _step(self, track: Track, events: Group, seconds: Sequence[int]) -> Found:
        confirmations = min(CONFIRMATIONS, int(self._threshold(track.key)) + 1)
        self._sample(track, events, seconds)
        since = min(seconds[0], track.newest + 1)
        for second in seconds:
            self._meta.too_late += self._arrival.take(track, second, *events.cells[second], confirmations)
        track.heard = max(self._meta.wall, track.newest)
        judge = self._judge(track)
        judge.observe(since)
        return self._keep(track, judge)

    def _step_end(self, track: Track, events: Group, seconds: Sequence[int], begin: int) -> int:
        """Return how many seconds can be taken in before the key may cross or close.

        So the samples that an anomaly shows are those of its own window, however much of the past one batch holds.
        """
        if track.stretch is not None:
            closes = self._open[track.key] + self._settings.allowed_lateness
            return max(begin + 1, bisect_left(seconds, closes, begin))
        slot = seconds[begin] // self._settings.window_seconds
        room = self._judge(track).room(seconds[begin])
        end = begin
        while end < len(seconds) and seconds[end] // self._settings.window_seconds == slot and room >= 0:
            room -= events.cells[seconds[end]][0].count
            end += room >= 0
        return max(begin + 1, end)

    def _sample(self, track: Track, events: Group, seconds: Sequence[int]) -> None:
        window = self._settings.window_seconds
        for second in seconds:
            for signal in events.signals[second]:
                track.samples.add(second, signal.message, signal.trace_id, signal.weight, window)

    def _touch(self, key: Key) -> Track:
        track = self._tracks.pop(key, None) or Track(*key)
        self._tracks[key] = track
        self._meta.order += 1
        track.order = self._meta.order
        return track

    def _judge(self, track: Track) -> Judge:
        week = self._weeks.get(track.key) or Week()
        return Judge(self._limits, self._folding, track, week, self._threshold(track.key), self._meta.oldest)

    def _keep(self, track: Track, judge: Judge) -> Found:
        key = track.key
        if judge.week_changed:
            self._weeks[key] = judge.week
            self._dirty_weeks[key] = None
        self._dirty[key] = None
        self._meta_dirty = True
        self._note_open(track)
        return judge.found

    def _note_open(self, track: Track) -> None:
        self._open.pop(track.key, None)
        if track.stretch is None:
            self._told.pop(track.key, None)
        else:
            self._open[track.key] = self._judge(track).quiet_from() + self._settings.quiet_seconds

    def _close(self, track: Track) -> Found:
        judge = self._judge(track)
        judge.close()
        return self._keep(track, judge)

    def _threshold(self, key: Key) -> float:
        return next((o.threshold for o in self._overrides if o.fits(key)), self._settings.threshold)

    def _evict(self) -> Found:
        """Forget the least recently active quiet keys, one in a hundred at a time; open ones only if all are open."""
        many = len(self._tracks) - self._settings.max_keys + self._settings.max_keys // 100
        newest = next(reversed(self._tracks))
        quiet = (key for key, track in self._tracks.items() if track.stretch is None and key != newest)
        chosen = list(islice(quiet, many)) or [next(iter(self._tracks))]
        found: Found = []
        for key in chosen:
            if self._tracks[key].stretch is not None:
                found += self._close(self._tracks[key])
            self._forget(key)
        return found

    def _forget(self, key: Key) -> None:
        del self._tracks[key]
        self._dirty[key] = None
        if self._weeks.pop(key, None) is not None:
            self._dirty_weeks[key] = None
        self._open.pop(key, None)
        self._told.pop(key, None)
        self._meta.evicted += 1


def _name(key: Key) -> str:
    return sha256("\x1f".join(key).encode("utf-8", "replace")).hexdigest()[:32]
