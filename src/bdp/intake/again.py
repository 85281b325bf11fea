"""Reading the record of one dead letter once more."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from bdp.ids import derived
from bdp.intake.event import EventRecord
from bdp.intake.events import EventReader, admit
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.points import point_of
from bdp.intake.protocols import PROTOCOLS
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Cause, DeadLetter, RecordKind
from bdp.model.change import Change

_ENCODER = msgspec.json.Encoder()
_STRICT = msgspec.json.Decoder(EventRecord)
_BEHIND_THE_EDGE: Final = frozenset({Cause.POISON, Cause.TIMEOUT, Cause.SINK_REFUSED})
"""Causes of letters that hold a canonical record: the edge had taken it."""


def why_never(letter: DeadLetter) -> str:
    """Return why no retry can deliver a letter; empty if one may."""
    if letter.cut:
        return "only the beginning of the record was kept, for it was over the record limit"
    if not letter.payload.strip():
        return "the letter holds no record; it tells of a part of a file or request that could not be read"
    return ""


def read_again(letter: DeadLetter, now: datetime, settings: IntakeSettings) -> bytes:
    """Return a letter's record as canonical NDJSON, by the edge's present rules.

    A record without an id gets the one that always belongs to this letter; one without a time gets its arrival.

    Raises:
        RefusedRecord: it still cannot pass.
    """
    never = why_never(letter)
    if never:
        raise RefusedRecord(never, letter.cause)
    edge = Edge(now, settings, undated=min(letter.first_seen, now))
    line = _one_line(letter.payload)
    if letter.kind is RecordKind.EVENTS:
        return _ENCODER.encode(_event(letter, line, edge))
    point = point_of(letter.kind, line, edge)
    if isinstance(point, Change) and not point.change_id:
        point.change_id = derived(point.ts, point.kind, point.service, point.ref, point.summary)
    return _ENCODER.encode(point)


def _event(letter: DeadLetter, line: bytes, edge: Edge) -> EventRecord:
    foreign = letter.source in PROTOCOLS and letter.cause not in _BEHIND_THE_EDGE
    event = _canonical(letter, line, edge) if foreign else _any_shape(line, edge)
    if not event.event_id:
        event.event_id = derived(letter.first_seen, "letter", letter.source, letter.letter_id)
    return event


def _canonical(letter: DeadLetter, line: bytes, edge: Edge) -> EventRecord:
    """Another protocol's shape read as our own would give a wrong event rather than none."""
    try:
        event = _STRICT.decode(line)
    except (ValueError, RecursionError):
        text = f"the record stands in the shape of {letter.source}; send it again from its source"
        raise RefusedRecord(text, letter.cause) from None
    admit([event], edge)
    return event


def _any_shape(line: bytes, edge: Edge) -> EventRecord:
    refused: list[RefusedRecord] = []
    events = EventReader(edge, lambda error, item, index: refused.append(error)).lines(line)
    if refused:
        raise refused[0]
    return events[0]


def _one_line(payload: bytes) -> bytes:
    """A record of an array may stand on several lines; read as lines it would be several."""
    payload = payload.strip()
    if b"\n" not in payload:
        return payload
    try:
        return msgspec.json.format(payload, indent=-1)
    except (ValueError, RecursionError):
        return payload.replace(b"\n", b" ")
