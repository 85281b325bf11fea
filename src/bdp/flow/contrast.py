"""What live detection and its shadow say of the same records: counted as it is said, and kept for the report.

Findings are paired as in `comparison`. One counts as said by only one side when five minutes of event time have passed
behind its end, and the other side has not said it.

Memory and rows: at most `MOST` findings of each side in one pipeline, about 1 KB each; the earliest said goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import msgspec

from bdp.flow.comparison import TOLERANCE, Differences, differences, paired
from bdp.flow.finding import Finding, Found, of_anomaly, of_insight
from bdp.model.anomaly import Anomaly, AnomalyEnd
from bdp.model.insight import Insight
from bdp.model.noun import Noun
from bdp.telemetry import SHADOW_FINDINGS

MOST: Final = 1000
ROW: Final = "report/"
_HEAD: Final = f"{ROW}head"
_BOTH: Final = "both"
_LONGEST: Final = 400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Side(StrEnum):
    """Who says it."""

    LIVE = "live"
    SHADOW = "shadow"


class Head(msgspec.Struct, kw_only=True):
    """What is known of a comparison besides its findings.

    Attributes:
        about: fingerprint of both sides' settings.
        begun: when the shadow began (UTC).
        whole: all that the shadow began with has been kept as well.
        next: number of the next finding.
        forgotten: latest start among the findings that had to go.
        failures: records or rows at which the shadow failed, in micro-batches.
        reason: of the last failure.
    """

    about: str
    begun: datetime
    whole: bool = False
    next: int = 0
    forgotten: datetime | None = None
    failures: int = 0
    reason: str = ""


class Kept(msgspec.Struct, array_like=True):
    """One finding.

    Attributes:
        anomaly_id: of an anomaly that is not over; else empty.
        waits: neither said by the other side so far, nor counted as said by one only.
    """

    side: Side
    number: int
    anomaly_id: str
    waits: bool
    found: bytes

    @property
    def key(self) -> str:
        """Name of its row."""
        return f"{ROW}{self.side}/{self.number}"


class Report(Noun):
    """What both sides said.

    Attributes:
        begun: when the shadow began; None before its first records.
        start: from when on (event time) nothing has been forgotten of what was asked for.
        parts: pipelines, one a lane, whose findings these are.
        apart: pipelines left out, since they work by other settings than this process.
        failures: micro-batches at which the shadow failed: what it would have said there is missing.
        reason: of the last failure.
        found: live and shadow held against each other.
    """

    begun: datetime | None
    start: datetime
    parts: int
    apart: int
    failures: int
    reason: str
    found: Differences


class _Note:
    """A finding that is kept, and what a pair is made by."""

    def __init__(self, kept: Kept, finding: Finding) -> None:
        self.kept = kept
        self.finding = finding
        self.start, self.end = finding.start, finding.end

    @property
    def subject(self) -> tuple[str, ...]:
        return self.finding.subject


class Contrast:
    """Keeps the findings of one pipeline, and counts them."""

    def __init__(self, about: str, begun: datetime) -> None:
        self.head = Head(about=about, begun=begun)
        self._notes: dict[Side, dict[int, _Note]] = {side: {} for side in Side}
        self._open: dict[tuple[Side, str], _Note] = {}
        self._dirty: dict[str, _Note | None] = {}
        self._fresh: set[str] = set()
        self._head_dirty = True
        self.newest = _EPOCH
        """How far event time is known to be."""
        self.waiting = False
        """Whether there are findings that may still be paired."""

    def add(self, side: Side, found: Iterable[Found]) -> None:
        """Take in what one side says."""
        for one in found:
            if isinstance(one, AnomalyEnd):
                self._end(side, one)
            elif isinstance(one, Insight):
                self._keep(side, of_insight(one), "")
            elif isinstance(one, Anomaly):
                self._keep(side, of_anomaly(one), one.anomaly_id)

    def settle(self, now: datetime | None) -> None:
        """Count what both sides say, and what only one can have said by now; forget what is too much.

        Args:
            now: event time; None: the input is over.
        """
        self.newest = max(now or _EPOCH, self.newest)
        ones, others = self._waiting(Side.LIVE), self._waiting(Side.SHADOW)
        found = paired(ones, others, lambda note: note.subject)
        for one, other in found.both:
            self._count(ones[one], _BOTH)
            self._count(others[other], "")
        for note in [*(ones[place] for place in found.only_first), *(others[place] for place in found.only_second)]:
            if now is None or (not note.kept.anomaly_id and note.end + TOLERANCE < self.newest):
                self._count(note, note.kept.side)
        for notes in self._notes.values():
            while len(notes) > MOST:
                self._forget(notes.pop(next(iter(notes))))
        self.waiting = any(note.kept.waits for notes in self._notes.values() for note in notes.values())

    def failed(self, reason: str) -> None:
        """The shadow could not do its part."""
        self.head.failures, self.head.reason = self.head.failures + 1, reason[:_LONGEST]
        self._head_dirty = True

    def completed(self) -> None:
        """All that the shadow began with is kept."""
        self.head.whole = self._head_dirty = True

    def changed_rows(self) -> dict[str, bytes | None]:
        """Return the rows that changed since the last call; None deletes."""
        encode = msgspec.msgpack.encode
        rows = {key: encode(note.kept) if note else None for key, note in self._dirty.items()}
        if self._head_dirty or rows:
            rows[_HEAD] = encode(self.head)
        self._dirty, self._fresh, self._head_dirty = {}, set(), False
        return rows

    @classmethod
    def restored(cls, rows: Mapping[str, bytes]) -> Contrast | None:
        """Return what `changed_rows` described; None where it described nothing."""
        head = _head(rows)
        if head is None:
            return None
        contrast = cls(head.about, head.begun)
        contrast.head, contrast._head_dirty = head, False
        for note in sorted(_notes(rows), key=lambda note: note.kept.number):
            contrast._hold(note)
        contrast.waiting = any(note.kept.waits for notes in contrast._notes.values() for note in notes.values())
        return contrast

    def _hold(self, note: _Note) -> None:
        kept = note.kept
        self._notes[kept.side][kept.number] = note
        if kept.anomaly_id:
            self._open[kept.side, kept.anomaly_id] = note

    def _keep(self, side: Side, finding: Finding, anomaly_id: str) -> None:
        entity = tuple(map(_short, finding.entity))
        cut = {"entity": entity, "shown": _short(finding.shown), "text": finding.text[:_LONGEST]}
        finding = finding.model_copy(update=cut)
        kept = Kept(side, self.head.next, anomaly_id, True, _packed(finding))
        self.head.next += 1
        note = _Note(kept, finding)
        self._hold(note)
        self.waiting = True
        self._fresh.add(kept.key)
        self._dirty[kept.key] = note

    def _end(self, side: Side, end: AnomalyEnd) -> None:
        note = self._open.pop((side, end.anomaly_id), None)
        if note is not None:
            note.finding = note.finding.model_copy(update={"end": max(note.start, end.end_time)})
            note.end, note.kept.anomaly_id, note.kept.found = note.finding.end, "", _packed(note.finding)
            self._dirty[note.kept.key] = note

    def _waiting(self, side: Side) -> list[_Note]:
        found = [note for note in self._notes[side].values() if note.kept.waits]
        for note in found:
            if note.kept.anomaly_id:
                note.end = max(note.end, self.newest)
        return found

    def _count(self, note: _Note, said: str) -> None:
        note.kept.waits = False
        self._dirty[note.kept.key] = note
        if said:
            SHADOW_FINDINGS.labels(kind=note.finding.kind.value, said=said).inc()

    def _forget(self, note: _Note) -> None:
        kept = note.kept
        if kept.waits:
            self._count(note, kept.side)
        self._open.pop((kept.side, kept.anomaly_id), None)
        self.head.forgotten = max(self.head.forgotten or _EPOCH, note.start)
        self._head_dirty = True
        self._dirty[kept.key] = None
        if kept.key in self._fresh:
            # It has no row yet.
            self._fresh.remove(kept.key)
            del self._dirty[kept.key]


def reported(rows: Iterable[tuple[str, str, bytes]], about: str, since: datetime, until: datetime, most: int) -> Report:
    """Return what both sides said of a stretch of event time.

    Args:
        rows: lane, key and row of every pipeline.
        about: fingerprint of the settings of which to tell.
        until: present; what is not over lasts until then.
        most: differences to list.
    """
    lanes: dict[str, dict[str, bytes]] = {}
    for lane, key, row in rows:
        lanes.setdefault(lane, {})[key] = row
    heads = {lane: head for lane, held in lanes.items() if (head := _head(held)) is not None}
    own = {lane: head for lane, head in heads.items() if head.about == about}
    forgotten = max((head.forgotten for head in own.values() if head.forgotten), default=None)
    notes = [note for lane in own for note in _notes(lanes[lane])]
    within = [note for note in notes if note.start >= since and (forgotten is None or note.start > forgotten)]
    said = {side: [_until(note, until) for note in within if note.kept.side is side] for side in Side}
    failing = max(own.values(), key=lambda head: head.failures, default=None)
    return Report(
        begun=min((head.begun for head in own.values()), default=None),
        start=max(since, forgotten or since),
        parts=len(own),
        apart=len(heads) - len(own),
        failures=sum(head.failures for head in own.values()),
        reason=failing.reason if failing else "",
        found=differences((Side.LIVE, said[Side.LIVE]), (Side.SHADOW, said[Side.SHADOW]), most),
    )


def _head(rows: Mapping[str, bytes]) -> Head | None:
    return msgspec.msgpack.decode(rows[_HEAD], type=Head) if _HEAD in rows else None


def _notes(rows: Mapping[str, bytes]) -> list[_Note]:
    found = [row for key, row in rows.items() if key.startswith(ROW) and key != _HEAD]
    kept = [msgspec.msgpack.decode(row, type=Kept) for row in found]
    return [_Note(one, Finding.model_validate_json(one.found)) for one in kept]


def _until(note: _Note, until: datetime) -> Finding:
    if not note.kept.anomaly_id:
        return note.finding
    ended: dict[str, Any] = {"end": max(note.end, until)}
    return note.finding.model_copy(update=ended)


def _packed(finding: Finding) -> bytes:
    return finding.model_dump_json().encode()


def _short(name: str) -> str:
    """Return a name that is not too long, and still differs from others."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}…{sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"
