"""The one way into a batch: bytes of a request become canonical records, and the bad ones dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from bdp.errors import TooLarge
from bdp.ids import Ids, derived
from bdp.intake.body import array_items, is_array, line_chunks
from bdp.intake.event import EventRecord
from bdp.intake.events import CHUNK_BYTES, EventReader, Refuse, fill_ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.points import Point, points_of
from bdp.intake.refusal import RefusedRecord
from bdp.intake.sampling import Sampler, sampled
from bdp.model.batch import Batch, DeadLetter, Drop, RecordKind
from bdp.model.change import Change

_ENCODER = msgspec.json.Encoder()
_ITEMS = 64


def decode(
    kind: RecordKind,
    body: bytes,
    *,
    source: str,
    batch_id: str,
    now: datetime,
    ids: Ids,
    settings: IntakeSettings,
    sampler: Sampler | None = None,
    undated: datetime | None = None,
) -> Batch:
    """Return the batch that a body holds: NDJSON (blank lines are skipped), one JSON array, or one JSON object.

    Args:
        body: UTF-8, without content encoding; see `body.read_body`.
        now: arrival, aware UTC; the time of events that bring none, but for `undated`.
        sampler: lets normal events go, counted in `drops`; None keeps all. Only for live events.
        undated: the time of events that bring none, where it is better known than by arrival.

    Returns:
        the canonical records, and in `refused` each bad record with its reason; `index` counts all records from 0.

    Raises:
        BadRequest: the body is an array that is not valid JSON.
        TooLarge: it holds more records than one request may.
    """
    letters: list[DeadLetter] = []
    edge = Edge(now, settings, undated, "message" if undated else "arrival")

    def refuse(error: RefusedRecord, item: bytes, index: int) -> None:
        letters.append(error.letter(item, index, source, now, kind))

    if kind is RecordKind.EVENTS:
        reader = EventReader(edge, refuse)
        count, payload, drops = _events(reader, body, edge, ids, sampler)
    else:
        count, payload = _points(kind, body, edge, ids, refuse)
        drops = ()
    return Batch(
        batch_id=batch_id,
        source=source,
        kind=kind,
        count=count,
        payload=payload,
        refused=tuple(letters),
        drops=drops,
    )


def _events(
    reader: EventReader, body: bytes, edge: Edge, ids: Ids, sampler: Sampler | None
) -> tuple[int, bytes, tuple[Drop, ...]]:
    parts: list[bytes] = []
    count = gone = 0
    for events in _event_groups(reader, body, edge.settings):
        _check_count(reader.count, edge.settings)
        if sampler is not None:
            events, sampled_out = sampler.keep(events)
            gone += sampled_out
        fill_ids(events, edge.now, ids)
        parts.append(_ENCODER.encode_lines(events))
        count += len(events)
    return count, b"".join(parts), sampled(gone)


def _event_groups(reader: EventReader, body: bytes, settings: IntakeSettings) -> Iterator[list[EventRecord]]:
    items = _items(body, settings)
    if items is None:
        yield from map(reader.lines, line_chunks(body, min(CHUNK_BYTES, settings.max_record_bytes)))
        return
    _check_count(len(items), settings)
    for start in range(0, len(items), _ITEMS):
        yield reader.items(items[start : start + _ITEMS])


def _items(body: bytes, settings: IntakeSettings) -> list[bytes] | None:
    """Return records that stand apart already; None for lines."""
    if is_array(body):
        return array_items(body, settings.max_records)
    first = body[:4096].lstrip().partition(b"\n")[0].rstrip()
    return [body] if first == b"{" and _is_one_object(body) else None


def _is_one_object(body: bytes) -> bool:
    """Say whether a body whose first line opens an object is that one object, written over several lines."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (ValueError, RecursionError):
        return False
    return True


def _points(kind: RecordKind, body: bytes, edge: Edge, ids: Ids, refuse: Refuse) -> tuple[int, bytes]:
    points: list[Point] = []
    items = _items(body, edge.settings)
    lines = (item for item in (body.split(b"\n") if items is None else items) if item.strip())
    for index, item in enumerate(lines):
        _check_count(index + 1, edge.settings)
        try:
            found = points_of(kind, item, edge)
        except RefusedRecord as error:
            refuse(error, item, index)
            continue
        for point in found:
            if isinstance(point, Change) and not point.change_id:
                point.change_id = derived(point.ts, point.kind, point.service, point.ref, point.summary)
        points.extend(found)
    return len(points), _ENCODER.encode_lines(points)


def _check_count(count: int, settings: IntakeSettings) -> None:
    if count > settings.max_records:
        raise TooLarge(f"The request has more than {settings.max_records} records.", "Send it in smaller parts.")
