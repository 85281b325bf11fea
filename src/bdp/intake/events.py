"""Reading events: whole chunks at once where they are canonical, else one by one.

The fast path decodes a chunk of about 64 KiB straight into `EventRecord`; small chunks stay in the processor's cache,
which halves the cost against decoding megabytes at once. Attributes are decoded as `dict[str, str]`: that proves that
they are flat text without doubled names or lone surrogates, which copying the raw bytes would not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bdp.ids import Ids
from bdp.intake.event import EventRecord
from bdp.intake.limits import Edge
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import EPOCH, check_time, to_utc
from bdp.intake.tolerance import cap_attributes, event_of, read_level
from bdp.model.batch import Cause
from bdp.model.event import Level

CHUNK_BYTES = 64 * 1024
_LEVELS = frozenset(level.value for level in Level)
_ONE = msgspec.json.Decoder(EventRecord)
_MANY = msgspec.json.Decoder(list[EventRecord])
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

Refuse = Callable[[RefusedRecord, bytes, int], None]


class EventReader:
    """Reads events against one edge, and hands every refused record to `refuse(error, bytes, position)`.

    Attributes:
        count: records seen so far, good and bad; the position of the next one.
    """

    def __init__(self, edge: Edge, refuse: Refuse) -> None:
        self._edge = edge
        self._refuse = refuse
        self.count = 0

    def lines(self, chunk: bytes) -> list[EventRecord]:
        """Return the events of whole lines."""
        try:
            fit = len(chunk) <= self._edge.settings.max_record_bytes and not has_nul(chunk)
            events = _ONE.decode_lines(chunk) if fit else None
            if events is not None and len(events) == chunk.count(b"\n") + (not chunk.endswith(b"\n")):
                return self._admitted(events)
        except (ValueError, RecursionError, RefusedRecord):
            pass  # one by one, below, where each has its own reason
        return list(self._one_by_one(chunk.split(b"\n")))

    def items(self, items: Sequence[bytes]) -> list[EventRecord]:
        """Return the events of records that are already apart; few at a time is fastest."""
        try:
            if sum(map(len, items)) <= self._edge.settings.max_record_bytes:
                array = b"[%b]" % b",".join(items)
                if not has_nul(array):
                    return self._admitted(_MANY.decode(array))
        except (ValueError, RecursionError, RefusedRecord):
            pass
        return list(self._one_by_one(items))

    def _admitted(self, events: list[EventRecord]) -> list[EventRecord]:
        admit(events, self._edge)
        self.count += len(events)
        return events

    def _one_by_one(self, items: Sequence[bytes]) -> Iterator[EventRecord]:
        for item in items:
            item = item.strip()
            if not item:
                continue
            try:
                yield self._one(item)
            except RefusedRecord as error:
                self._refuse(error, item, self.count)
            self.count += 1

    def _one(self, item: bytes) -> EventRecord:
        check_size(item, self._edge)
        if has_nul(item):
            return _tolerant(item, self._edge)
        try:
            event = _ONE.decode(item)
        except (ValueError, RecursionError):
            return _tolerant(item, self._edge)
        admit([event], self._edge)
        return event


def has_nul(text: bytes) -> bool:
    """Say whether JSON text may hold a NUL, which the slow path replaces; a raw one is no JSON and gets there anyway.

    One byte is found much faster than six, and most chunks have no backslash.
    """
    return b"\\" in text and b"\\u0000" in text


def admit(events: Sequence[EventRecord], edge: Edge) -> None:
    """Bring decoded events to their canonical form.

    Raises:
        RefusedRecord: the time of one of them cannot be.
    """
    latest, most = edge.latest, edge.settings.max_attributes
    for event in events:
        ts = event.ts
        if ts.tzinfo is not UTC:
            event.ts = ts = to_utc(ts)
        if not EPOCH <= ts <= latest:
            check_time(ts, latest)
        if event.level not in _LEVELS:
            read_level(event, "level", event.level)
        if len(event.attributes) > most:
            cap_attributes(event.attributes, most)


def fill_ids(events: Sequence[EventRecord], at: datetime, ids: Ids) -> None:
    """Give an id to every event that brought none, from one draw."""
    missing = [event for event in events if not event.event_id]
    if missing:
        for event, event_id in zip(missing, ids.many(at, len(missing)), strict=True):
            event.event_id = event_id


def check_size(item: bytes, edge: Edge) -> None:
    """Check one record against its limit.

    Raises:
        RefusedRecord: it is too large.
    """
    if len(item) > edge.settings.max_record_bytes:
        text = f"the record has {len(item)} bytes; at most {edge.settings.max_record_bytes} are taken"
        raise RefusedRecord(text, Cause.TOO_LARGE)


def read_object(item: bytes) -> dict[str, Any]:
    """Return the JSON object that these bytes hold.

    Raises:
        RefusedRecord: they hold none.
    """
    try:
        value = _ANY.decode(item)
    except (ValueError, RecursionError) as error:
        value = _lenient(item, str(error))
    if not isinstance(value, dict):
        raise RefusedRecord(f"expected a JSON object, got {_kind(value)}")
    return value


def _tolerant(item: bytes, edge: Edge) -> EventRecord:
    try:
        return event_of(read_object(item), edge)
    except RecursionError:
        raise RefusedRecord("the record is nested too deeply") from None


def _lenient(item: bytes, reason: str) -> Any:
    """Read what Python loggers write beyond the standard: NaN, and halves of surrogate pairs."""
    try:
        text = item.decode()
    except UnicodeDecodeError as error:
        raise RefusedRecord(f"the record is not UTF-8 (byte {error.start})", Cause.ENCODING) from None
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        raise RefusedRecord(f"not valid JSON: {reason}") from None


def _kind(value: object) -> str:
    names = {list: "an array", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
