"""Messages of a topic or a stream become batches: a run of them is one batch, a bad one a dead letter of its own.

Memory: the messages given, and their records; a run ends behind the message that fills it, and one message holds at
most `max_records`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import structlog

from bdp.clock import Clock
from bdp.errors import BadSetting, Reject, TooLarge
from bdp.ids import Ids
from bdp.intake.limits import Edge, IntakeSettings
from bdp.intake.parcel import Parcel
from bdp.intake.protocols import PROTOCOLS, aws
from bdp.intake.records import decode
from bdp.intake.refusal import RefusedRecord
from bdp.intake.sampling import Sampler
from bdp.model.batch import Batch, Cause, DeadLetter, RecordKind

log = structlog.get_logger(__name__)
ANY_AWS: Final = "aws"
"""Format of what AWS puts into streams: JSON, lines, log subscriptions."""
KINDS: Final = {kind.value: kind for kind in RecordKind}


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        place: where it lies, such as `orders/3@17`; stands in the reason if it is refused.
        at: when the broker got it, by its own word; None if it does not say.
    """

    place: str
    value: bytes
    at: datetime | None = None


@dataclass(frozen=True)
class Run:
    """Messages from the first on that go into one batch.

    Attributes:
        used: how many of the given messages they are.
    """

    used: int
    batch: Callable[[str], Batch]
    """Makes the batch under an id."""


class FeedReader:
    """Reads messages of one format.

    Args:
        source: name of the feed, which the ledger shows.
        format: a kind of records (`events`, `metrics`, `costs`, `changes`) as JSON, `aws`, or a name in `PROTOCOLS`.

    Raises:
        BadSetting: there is no such format.
    """

    def __init__(
        self,
        source: str,
        format: str,
        settings: IntakeSettings,
        clock: Clock,
        ids: Ids,
        sampler: Sampler | None = None,
    ) -> None:
        known = {*KINDS, ANY_AWS, *PROTOCOLS}
        if format not in known:
            raise BadSetting(
                f"The format {format[:40]!r} of the feed {source} is not known.", f"One of {sorted(known)}."
            )
        self._source = source
        self._format = format
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._sampler = sampler
        self._kind = KINDS.get(format) or (PROTOCOLS[format].kind if format in PROTOCOLS else RecordKind.EVENTS)

    def run(self, messages: Sequence[Message], *, whole: bool = False) -> Run:
        """Return a run from the first message on: until it is full, or all of them.

        Args:
            whole: take all, because the bounds were settled before.
        """
        if self._format in KINDS and all(map(_is_one_line, messages)):
            used = len(messages) if whole else self._fitting(messages)
            return Run(used, lambda batch_id: self._together(messages[:used], batch_id))
        parts: list[Batch] = []
        records = size = 0
        for message in messages:
            if parts and not whole and (records >= self._settings.batch_records or size >= self._settings.batch_bytes):
                break
            parts.append(self._alone(message))
            records += parts[-1].count + len(parts[-1].refused)
            size += len(message.value)
        return Run(len(parts), lambda batch_id: self._joined(parts, batch_id))

    def _fitting(self, messages: Sequence[Message]) -> int:
        size = 0
        for used, message in enumerate(messages[: self._settings.batch_records], 1):
            size += len(message.value) + 1
            if size >= self._settings.batch_bytes:
                return used
        return min(len(messages), self._settings.batch_records)

    def _together(self, messages: Sequence[Message], batch_id: str) -> Batch:
        """One decoding of many messages, each one line: several times cheaper than one by one."""
        body = b"\n".join(message.value for message in messages)
        settings = self._settings.model_copy(update={"max_records": max(len(messages), 1)})
        batch = self._decode(body, batch_id, messages[0].at if messages else None, settings)
        letters = tuple(_placed(letter, messages[letter.index].place, letter.index) for letter in batch.refused)
        return msgspec.structs.replace(batch, refused=letters)

    def _alone(self, message: Message) -> Batch:
        if not message.value.strip():
            return self._empty(())  # a tombstone says that a key is gone, which is no record
        try:
            return self._read(message)
        except Reject as error:
            cause = Cause.TOO_LARGE if isinstance(error, TooLarge) else Cause.SCHEMA
            refused = error if isinstance(error, RefusedRecord) else RefusedRecord(error.what, cause)
        except Exception as error:
            # A defect of ours must not hold up all that lies behind one message.
            log.exception("feed.poison", feed=self._source, place=message.place)
            refused = RefusedRecord(f"a defect: {type(error).__name__}", Cause.POISON)
        letter = refused.letter(message.value, 0, self._source, self._clock.now(), self._kind)
        return self._empty((_placed(letter, message.place, 0),))

    def _read(self, message: Message) -> Batch:
        now = self._clock.now()
        if self._format in KINDS:
            batch = self._decode(message.value, "", message.at, self._settings)
        else:
            edge = Edge(now, self._settings, message.at, "message" if message.at else "arrival")
            parcel = Parcel(self._kind, edge, self._source)
            if self._format == ANY_AWS:
                around = {"ts": message.at.isoformat()} if message.at else {}
                aws.read_data(message.value, around, {}, parcel)
            else:
                PROTOCOLS[self._format].read(message.value, "", parcel)
            batch = parcel.batch("", self._ids, self._sampler)
        letters = tuple(_placed(letter, message.place, letter.index) for letter in batch.refused)
        return msgspec.structs.replace(batch, refused=letters)

    def _decode(self, body: bytes, batch_id: str, at: datetime | None, settings: IntakeSettings) -> Batch:
        return decode(
            self._kind,
            body,
            source=self._source,
            batch_id=batch_id,
            now=self._clock.now(),
            ids=self._ids,
            settings=settings,
            sampler=self._sampler,
            undated=at,
        )

    def _joined(self, parts: Sequence[Batch], batch_id: str) -> Batch:
        return Batch(
            batch_id=batch_id,
            source=self._source,
            kind=self._kind,
            count=sum(part.count for part in parts),
            payload=b"\n".join(part.payload.rstrip(b"\n") for part in parts if part.payload),
            refused=tuple(letter for part in parts for letter in part.refused),
            drops=tuple(drop for part in parts for drop in part.drops),
        )

    def _empty(self, letters: tuple[DeadLetter, ...]) -> Batch:
        return Batch(batch_id="", source=self._source, kind=self._kind, count=0, payload=b"", refused=letters)


def _is_one_line(message: Message) -> bool:
    return message.value[:1] == b"{" and b"\n" not in message.value


def _placed(letter: DeadLetter, place: str, index: int) -> DeadLetter:
    return msgspec.structs.replace(letter, reason=f"{place}: {letter.reason}", index=index)
