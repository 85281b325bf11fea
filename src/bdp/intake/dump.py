"""Dumps of records as batches: NDJSON, a JSON array, or what `bdp query --json` prints; plain, .gz or .zst.

Unlike a log, a dump is taken as it stands: no file name is added, no service is guessed. A record without an id gets
one from its content and its place, so that a second reading of the same file gives the same ids.

Memory: one batch, and one file's block of lines; a file that is one JSON value is held whole (`max_json_file_bytes`).
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from bdp.errors import BadRequest, TooLarge
from bdp.ids import derived
from bdp.intake.body import array_items, is_array
from bdp.intake.event import EventRecord
from bdp.intake.events import EventReader
from bdp.intake.inputs import DAMAGED, Input, Opened, lines, open_input
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.points import Point, point_of
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind
from bdp.model.change import Change

SOURCE = "replay"
SEGMENT_START = b'{"bdp_batch":'
"""How a segment of the files sink begins; see `bdp.stream.backlog.segment`, which reads those."""
_ENCODER = msgspec.json.Encoder()
_WRAPPERS = ("rows", "events", "records", "logs")
_STORED_ONLY = b'"arrived_at"'
_MOST_COUNTED = 1_000_000
_BLOCK = 64
_MARKS: Mapping[RecordKind, frozenset[str]] = {
    RecordKind.COSTS: frozenset({"charge_period_start", "charge_period_end", "billed_cost"}),
    RecordKind.METRICS: frozenset({"ts", "name", "value"}),
    RecordKind.CHANGES: frozenset({"ts", "kind", "service", "summary"}),
}
"""Names that a record of each kind has; everything else is events."""


@dataclass(frozen=True)
class Part:
    """Some records of one dump.

    Attributes:
        batch: the good ones; `refused` holds the others, whose reasons name file and record.
        occurrences: of records without an id: which occurrence of its content in this file each is, from 1; else empty.
        position: bytes of the file read so far.
    """

    batch: Batch
    occurrences: tuple[int, ...]
    position: int


def read_dump(
    found: Input, *, now: datetime, settings: IntakeSettings, kind: RecordKind | None = None, records: int = 0
) -> Iterator[Part]:
    """Yield the records of one dump, in the file's order.

    Args:
        now: the present, aware UTC. Records without a time get the file's time of modification.
        kind: what the records are; None to tell it from the first one.
        records: most records in a part; 0 for the settings' `batch_records`.

    Raises:
        BadRequest: the file cannot be read, or is one JSON value that is not valid.
        TooLarge: it is one JSON value over the limit.
    """
    undated = min(found.modified, now) if found.modified else now
    edge = Edge(now, settings, undated, "file_modified" if found.modified else "arrival")
    reading = _Reading(found.label, edge, kind, records or settings.batch_records)
    opened = open_input(found)
    try:
        yield from reading.parts(opened)
    finally:
        opened.close()


@dataclass
class _Reading:
    """One reading of one dump."""

    label: str
    edge: Edge
    kind: RecordKind | None
    most: int
    count: int = 0
    first: bytes = b""
    refused: list[DeadLetter] = field(default_factory=list)
    seen: Counter[bytes] = field(default_factory=Counter)

    def parts(self, opened: Opened) -> Iterator[Part]:
        """Yield the parts; a file that turns out damaged ends there, with a refusal that says so."""
        items = self._items(opened.data)
        while True:
            group: list[bytes] = []
            ended = self._fill(group, items)
            if group or self.refused:
                yield self._part(group, opened.position())
            if ended:
                return

    def _fill(self, group: list[bytes], items: Iterator[bytes]) -> bool:
        """Take the next records up to the limits; return whether that was all."""
        size = 0
        try:
            for item in items:
                group.append(item)
                size += len(item)
                if len(group) >= self.most or size >= self.edge.settings.batch_bytes:
                    return False
        except DAMAGED as error:
            reason = f"the file is damaged, the rest is not read: {error}"
            self._refuse(RefusedRecord(reason, Cause.ENCODING), b"", self.count + len(group))
        return True

    def _items(self, data: io.BufferedReader) -> Iterator[bytes]:
        head = data.peek(8192)[:8192].lstrip()
        if head[:1] == b"[" or head.partition(b"\n")[0].rstrip() == b"{":
            yield from self._whole(data)
            return
        limit = self.edge.settings.max_record_bytes
        for line, length in lines(data, limit):
            if length > limit + 1:
                yield line[: limit + 1]  # over the limit, and refused for that
            elif line.strip():
                yield line.strip()

    def _whole(self, data: io.BufferedReader) -> Iterator[bytes]:
        limit = self.edge.settings.max_json_file_bytes
        body = data.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(
                f"{self.label} is one JSON value of more than {limit} bytes.", "Make it one object a line: jq -c '.[]'."
            )
        items = array_items(body) if is_array(body) else _wrapped(body, self.label)
        for item in items:
            yield msgspec.json.format(item, indent=-1) if b"\n" in item else item

    def _part(self, group: list[bytes], position: int) -> Part:
        if not self.first and group:
            self.first = group[0]
            if self.first.startswith(SEGMENT_START):
                raise BadRequest(f"{self.label} is a compressed segment.", "Uncompress it first.")
        kind = self.kind = self.kind or _kind_of(self.first)
        group = [_as_sent(item) if _STORED_ONLY in item else item for item in group]
        records: list[Any] = self._events(group) if kind is RecordKind.EVENTS else self._points(kind, group)
        occurrences = tuple(self._occurrence(record) for record in records) if _without_id(kind) else ()
        payload = _ENCODER.encode_lines(records)
        refused, self.refused = tuple(self.refused), []
        batch = Batch(
            batch_id=batch_id(kind, payload, occurrences),
            source=SOURCE,
            kind=kind,
            count=len(records),
            payload=payload,
            refused=refused,
        )
        return Part(batch, occurrences, position)

    def _events(self, group: list[bytes]) -> list[EventRecord]:
        """Read a block at once where all is well, else one by one: so each event is known to be of its line."""
        errors: list[tuple[RefusedRecord, bytes]] = []
        reader = EventReader(self.edge, lambda error, item, index: errors.append((error, item)))
        events: list[EventRecord] = []
        for at in range(0, len(group), _BLOCK):
            block = group[at : at + _BLOCK]
            found = reader.lines(b"\n".join(block))
            if len(found) != len(block):
                errors.clear()
                found = [event for item in block for event in self._one(reader, item, errors)]
            else:
                for event, item in zip(found, block, strict=True):
                    self._settle(event, item)
            events += found
        return events

    def _one(self, reader: EventReader, item: bytes, errors: list[tuple[RefusedRecord, bytes]]) -> list[EventRecord]:
        found = reader.lines(item)
        for error, refused in errors:
            self._refuse(error, refused, self.count)
        errors.clear()
        if len(found) != 1:
            self.count += 1
        else:
            self._settle(found[0], item)
        return found

    def _settle(self, event: EventRecord, item: bytes) -> None:
        """Give an event its id, if it has none, and go on to the next place."""
        if not event.event_id:
            content = hashlib.sha256(item).hexdigest()
            event.event_id = derived(event.ts, SOURCE, self._mark, str(self.count), content)
        self.count += 1

    @property
    def _mark(self) -> str:
        """What tells this file from others wherever it lies: its first record."""
        return hashlib.sha256(self.first).hexdigest()

    def _points(self, kind: RecordKind, group: list[bytes]) -> list[Point]:
        points: list[Point] = []
        for item in group:
            try:
                point = point_of(kind, item, self.edge)
                if isinstance(point, Change) and not point.change_id:
                    point.change_id = derived(point.ts, point.kind, point.service, point.ref, point.summary)
                points.append(point)
            except RefusedRecord as error:
                self._refuse(error, item, self.count)
            self.count += 1
        return points

    def _occurrence(self, record: Any) -> int:
        """Equal records may be several charges; the n-th of a file is the n-th in the store.

        Beyond a million different records the count begins anew; then an equal one far behind may be taken as known.
        """
        if len(self.seen) >= _MOST_COUNTED:
            self.seen.clear()
        key = hashlib.blake2b(_ENCODER.encode(record), digest_size=16).digest()
        self.seen[key] += 1
        return self.seen[key]

    def _refuse(self, error: RefusedRecord, item: bytes, place: int) -> None:
        told = RefusedRecord(f"{self.label} record {place + 1}: {error.what}", error.cause)
        kind = self.kind or RecordKind.EVENTS
        self.refused.append(told.letter(item, place, SOURCE, self.edge.now, kind))


def batch_id(kind: RecordKind, payload: bytes, occurrences: tuple[int, ...] = ()) -> str:
    """Return the id that always belongs to these records."""
    digest = hashlib.sha256(kind.value.encode() + b"\0" + payload)
    digest.update(repr(occurrences).encode())
    return f"replay:{digest.hexdigest()}"


def _without_id(kind: RecordKind) -> bool:
    return kind in (RecordKind.METRICS, RecordKind.COSTS)


def _kind_of(item: bytes) -> RecordKind:
    try:
        names = msgspec.json.decode(item, type=dict[str, msgspec.Raw]).keys()
    except (ValueError, RecursionError):
        return RecordKind.EVENTS
    if "event_id" in names:
        return RecordKind.EVENTS
    return next((kind for kind, marks in _MARKS.items() if marks <= names), RecordKind.EVENTS)


def _as_sent(item: bytes) -> bytes:
    """Take off what the store added, or it would become an attribute."""
    try:
        fields = msgspec.json.decode(item, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return item
    fields.pop("arrived_at", None)
    return _ENCODER.encode(fields)


def _wrapped(body: bytes, label: str) -> list[bytes]:
    try:
        whole = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        found = next((bytes(whole[name]) for name in _WRAPPERS if name in whole), b"")
        return array_items(found) if is_array(found) else [body]
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{label} is not valid JSON: {error}.", "Check the file.") from None
