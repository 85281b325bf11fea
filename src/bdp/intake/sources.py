"""Reading one open file: a stream of events in the file's order, the bad records refused with their line.

Memory: one group of events of about 64 KiB of input (NDJSON), one event (text), or the whole file (a JSON array: at
most `max_json_file_bytes`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from bdp.errors import BadRequest, TooLarge
from bdp.ids import Ids, derived
from bdp.intake.body import array_items, is_array
from bdp.intake.event import EventRecord
from bdp.intake.events import CHUNK_BYTES, EventReader, Refuse, admit, fill_ids
from bdp.intake.flatten import sound
from bdp.intake.formats import LINES
from bdp.intake.formats.line import LineContext, LineReader
from bdp.intake.inputs import DAMAGED, lines
from bdp.intake.limits import Edge
from bdp.intake.refusal import RefusedRecord
from bdp.intake.sniff import WRAPPERS
from bdp.model.batch import Cause

Sized = tuple[EventRecord, int]
"""An event, and about how many bytes it takes."""

_ITEMS = 64
_OVERHEAD = 256


@dataclass(frozen=True)
class Origin:
    """Where records come from.

    Attributes:
        label: the file, as the attribute `log.file.path` has it.
        refuse: takes each refused record.
    """

    label: str
    format: str
    context: LineContext
    refuse: Refuse

    @property
    def edge(self) -> Edge:
        """Return the edge against which records are read."""
        return self.context.edge


def read(data: io.BufferedReader, origin: Origin) -> Iterator[Sized]:
    """Yield the events of one file, each with an id that is the same whenever the same file is read again.

    A file that turns out damaged ends there, with a dead letter that says so.

    Raises:
        BadRequest: a file of one JSON value is not valid.
        TooLarge: such a file is larger than its limit.
    """
    reader = _BLOCKS.get(origin.format, _lines)
    try:
        yield from reader(data, origin)
    except DAMAGED as error:
        reason = f"{origin.label}: the file is damaged, the rest is not read: {error}"
        origin.refuse(RefusedRecord(reason, Cause.ENCODING), b"", 0)


def _lines(data: io.BufferedReader, origin: Origin) -> Iterator[Sized]:
    assembly = _Assembly(LINES[origin.format](origin.context), origin)
    for number, (raw, length) in enumerate(lines(data, origin.edge.settings.max_record_bytes), start=1):
        done = assembly.add(raw, length, number)
        if done is not None:
            yield done
    last = assembly.end()
    if last is not None:
        yield last


class _Assembly:
    """Puts the lines of one event together."""

    def __init__(self, reader: LineReader, origin: Origin) -> None:
        self._reader = reader
        self._origin = origin
        self._event: EventRecord | None = None
        self._number = 0
        self._raw = b""
        self._size = 0

    def add(self, raw: bytes, length: int, number: int) -> Sized | None:
        """Take a line; return the event that it shows to be complete."""
        text = sound(raw.decode("utf-8", "replace")).rstrip("\r\n")
        if not text or text.isspace():
            return None
        if length > self._origin.edge.settings.max_record_bytes + 1:
            self._refuse(RefusedRecord(f"the line has {length} bytes", Cause.TOO_LARGE), raw, number)
            return None
        try:
            event = self._reader.start(text)
        except RefusedRecord as error:
            self._refuse(error, raw, number)
            return None
        if event is not None:
            done = self.end()
            self._event, self._number, self._raw, self._size = event, number, raw, length
            return done
        if self._event is not None and self._reader.follows(text):
            self._extend(self._event, text)
        else:
            self._refuse(RefusedRecord(f"no {self._origin.format} line"), raw, number)
        return None

    def end(self) -> Sized | None:
        """Return the event at hand, complete."""
        event, self._event = self._event, None
        if event is None:
            return None
        try:
            self._reader.finish(event)
            event.attributes["log.file.path"] = self._origin.label
            admit([event], self._origin.edge)
        except RefusedRecord as error:
            self._refuse(error, self._raw, self._number)
            return None
        event.event_id = derived(event.ts, self._origin.label, str(self._number), event.message)
        return event, self._size + len(event.message) + _OVERHEAD

    def _extend(self, event: EventRecord, text: str) -> None:
        room = self._origin.edge.settings.max_message_bytes - len(event.message) - 1
        if room >= len(text):
            event.message += "\n" + text
        elif "message.truncated" not in event.attributes:
            event.message += "\n" + text[: max(room, 0)]
            event.attributes["message.truncated"] = "true"

    def _refuse(self, error: RefusedRecord, raw: bytes, number: int) -> None:
        reason = f"{self._origin.label} line {number}: {error.what}"
        self._origin.refuse(RefusedRecord(reason, error.cause), raw.rstrip(b"\r\n"), number - 1)


def _ndjson(data: io.BufferedReader, origin: Origin) -> Iterator[Sized]:
    reader = _event_reader(origin)
    for chunk in chunks(data, origin.edge.settings.max_record_bytes, reader, origin):
        yield from _settled(reader.lines(chunk), chunk, reader.count, origin)


def chunks(data: io.BufferedReader, limit: int, reader: EventReader, origin: Origin) -> Iterator[bytes]:
    """Yield whole lines, about 64 KiB at a time; a line over the limit is refused here without being held."""
    parts: list[bytes] = []
    size = 0
    for line, length in lines(data, limit):
        if length > limit + 1:
            if parts:
                yield b"".join(parts)
            parts, size = [], 0
            text = f"the record has {length} bytes; at most {limit} are taken"
            origin.refuse(RefusedRecord(f"{origin.label}: {text}", Cause.TOO_LARGE), line, reader.count)
            reader.count += 1
            continue
        parts.append(line)
        size += length
        if size >= CHUNK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _json(data: io.BufferedReader, origin: Origin) -> Iterator[Sized]:
    limit = origin.edge.settings.max_json_file_bytes
    body = data.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(
            f"{origin.label} is one JSON value of more than {limit} bytes.", "Make it one object a line: jq -c '.[]'."
        )
    items = _json_items(body, origin.label)
    reader = _event_reader(origin)
    for start in range(0, len(items), _ITEMS):
        group = items[start : start + _ITEMS]
        yield from _settled(reader.items(group), b"".join(group), reader.count, origin)


def _json_items(body: bytes, label: str) -> list[bytes]:
    """The items of an array, of the first array under a usual name in an object, or the object itself."""
    try:
        if is_array(body):
            return array_items(body)
        whole = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        for name in WRAPPERS:
            if name in whole and is_array(bytes(whole[name])):
                return array_items(bytes(whole[name]))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{label} is not valid JSON: {error}.", "Check the file.") from None
    return [body]


def _event_reader(origin: Origin) -> EventReader:
    def refuse(error: RefusedRecord, item: bytes, index: int) -> None:
        origin.refuse(RefusedRecord(f"{origin.label} record {index + 1}: {error.what}", error.cause), item, index)

    return EventReader(origin.edge, refuse)


def _settled(events: list[EventRecord], block: bytes, position: int, origin: Origin) -> Iterator[Sized]:
    """Fill ids from the block's content and place, so that they come out the same again."""
    size = len(block) // max(1, len(events)) + _OVERHEAD
    seed = hashlib.sha256(b"%b\0%d\0%b" % (origin.label.encode(), position, block)).digest()
    if events:
        fill_ids(events, events[0].ts, Ids.seeded(int.from_bytes(seed)))
    for event in events:
        event.attributes["log.file.path"] = origin.label
        if not event.service:
            event.service = origin.context.named("")
        yield event, size


_BLOCKS: dict[str, Callable[[io.BufferedReader, Origin], Iterator[Sized]]] = {"ndjson": _ndjson, "json": _json}
"""Formats that are not read line by line."""
