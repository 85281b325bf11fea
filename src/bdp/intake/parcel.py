"""What a protocol's reader fills: the good records of one request, and the refused ones with their reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from bdp.errors import TooLarge
from bdp.ids import Ids, derived
from bdp.intake.event import EventRecord
from bdp.intake.events import admit, fill_ids
from bdp.intake.limits import Edge
from bdp.intake.points import Point
from bdp.intake.refusal import RefusedRecord
from bdp.intake.sampling import Sampler, sampled
from bdp.intake.times import EPOCH, check_time
from bdp.intake.tolerance import event_of
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind
from bdp.model.cost import CostLine
from bdp.model.metric import MetricPoint

_ENCODER = msgspec.json.Encoder()

SWELLS = 4
"""How many times larger than a request may be, its records may become."""

Raw = Callable[[], bytes]
"""Gives a record as it arrived; asked only when it is refused."""


class Parcel:
    """Gathers one request's records. A bad one is refused alone.

    Memory: the records of one request, at most `max_records`. What records share in a request (a resource's
    attributes, a stream's labels) stands in each of them afterwards, so their text together is bounded as well: by
    `SWELLS` times the largest request.
    """

    def __init__(self, kind: RecordKind, edge: Edge, source: str) -> None:
        self.kind = kind
        self.edge = edge
        self.source = source
        self._events: list[EventRecord] = []
        self._points: list[Point] = []
        self._letters: list[DeadLetter] = []
        self._room = SWELLS * edge.settings.max_request_bytes

    def __len__(self) -> int:
        return len(self._events) + len(self._points) + len(self._letters)

    def event_from(self, fields: dict[str, Any], raw: Raw) -> None:
        """Add the event that an object of any shape means: aliases, nesting and times as for JSON events."""
        try:
            record = event_of(fields, self.edge)
            self._fit(self._checked(_size(record.attributes) + len(record.message)))
            self._events.append(record)
        except RefusedRecord as error:
            self._refuse(error, raw)
        self._check_count()

    def event(self, record: EventRecord, raw: Raw) -> None:
        """Add an event whose fields are set. Its text must be sound: see `bdp.intake.flatten.sound`."""
        self._fit(_size(record.attributes))
        try:
            admit((record,), self.edge)
            self._checked(_size(record.attributes) + len(record.message))
            self._events.append(record)
        except RefusedRecord as error:
            self._refuse(error, raw)
        self._check_count()

    def point(self, point: Point, raw: Raw) -> None:
        """Add a metric point, cost line or change whose fields are set and sound."""
        size = _size(point.labels) if isinstance(point, MetricPoint) else 0
        self._fit(size)
        try:
            self._checked(size)
            if not isinstance(point, CostLine):
                check_time(point.ts, self.edge.latest)
            self._points.append(point)
        except RefusedRecord as error:
            self._refuse(error, raw)
        self._check_count()

    def refuse(self, error: RefusedRecord, raw: Raw) -> None:
        """Refuse one record; its neighbours pass."""
        self._refuse(error, raw)
        self._check_count()

    def batch(self, batch_id: str, ids: Ids, sampler: Sampler | None = None) -> Batch:
        """Return what was gathered as one batch.

        Args:
            sampler: lets normal events go, counted in `drops`; None keeps all. Only for live events.
        """
        events, gone = sampler.keep(self._events) if sampler else (self._events, 0)
        fill_ids(events, self.edge.now, ids)
        records: list[Any] = events if self.kind is RecordKind.EVENTS else self._points
        return Batch(
            batch_id=batch_id,
            source=self.source,
            kind=self.kind,
            count=len(records),
            payload=_ENCODER.encode_lines(records),
            refused=tuple(self._letters),
            drops=sampled(gone),
        )

    def each(self, ids: Ids) -> list[Batch]:
        """Return every event as a batch of its own, with its id as the key, so that one sent again counts once.

        The refused ones are one more batch, whose key comes from what they are. For senders that repeat themselves in
        ever other groups; costs more for each event than `batch`.
        """
        fill_ids(self._events, self.edge.now, ids)
        batches = [self._one(event) for event in self._events]
        if self._letters:
            told = (f"{letter.reason}\x1f{letter.payload!r}" for letter in self._letters)
            key = derived(EPOCH, self.source, *told)
            batches.append(msgspec.structs.replace(self._part(f"refused:{key}", 0, b""), refused=tuple(self._letters)))
        return batches

    def _one(self, event: EventRecord) -> Batch:
        return self._part(event.event_id, 1, _ENCODER.encode_lines([event]))

    def _part(self, key: str, count: int, payload: bytes) -> Batch:
        return Batch(batch_id=f"{self.source}:{key}", source=self.source, kind=self.kind, count=count, payload=payload)

    def _refuse(self, error: RefusedRecord, raw: Raw) -> None:
        letter = error.letter(raw(), len(self), self.source, self.edge.now, self.kind)
        self._fit(len(letter.payload))
        self._letters.append(letter)

    def _checked(self, size: int) -> int:
        most = self.edge.settings.max_record_bytes
        if size > most:
            text = f"the record has {size} characters, with what it shares; at most {most} bytes are taken"
            raise RefusedRecord(text, Cause.TOO_LARGE)
        return size

    def _fit(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            text = f"The request's records have more than {SWELLS} times {self.edge.settings.max_request_bytes} bytes"
            raise TooLarge(f"{text}, with what they share.", "Send it in smaller parts.")

    def _check_count(self) -> None:
        most = self.edge.settings.max_records
        if len(self) > most:
            raise TooLarge(f"The request has more than {most} records.", "Send it in smaller parts.")


def _size(texts: dict[str, str]) -> int:
    return sum(map(len, texts)) + sum(map(len, texts.values()))
