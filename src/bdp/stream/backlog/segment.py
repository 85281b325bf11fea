"""The files' format: batches one behind another, as text that a person can read and `bdp replay` can push again.

A batch is a head, its records and, if it has any, its extras:

    {"bdp_batch":1,"batch_id":"01J…","source":"http","kind":"events","count":2,"refused":0,"accepted":2,"attempts":0,
     "bytes":71,"extra_bytes":0,"checksum":"…"} "<checksum of this line>"        one line
    {"ts":"…","message":"…"}                                            the payload as it came, `bytes` long
    {"ts":"…","message":"…"}
    {"refused":[…],"drops":[…],"redelivers":[…]}                        one line, only where `extra_bytes` is not 0

Each part ends with a line feed that is not counted. `checksum` covers payload and extras, the one at the head's end the
head itself: BLAKE2b (RFC 7693) of 16 and 8 bytes, in hex. What does not fit its checksum is never read as a batch;
where its head does, `remains.py` says what is left of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import IO, Literal

import msgspec
import structlog

from bdp.errors import BadRecord
from bdp.model.batch import Batch, DeadLetter, Drop, RecordKind

MAX_HEAD = 1 << 16
"""Longest head, bytes."""

_START = b'{"bdp_batch":'
_STRIDE = 1 << 20
_log = structlog.get_logger()


class Head(msgspec.Struct, kw_only=True, frozen=True):
    """The first line of a batch: what it is, and how long its parts are.

    Attributes:
        bdp_batch: version of the format.
        bytes: length of the payload.
        extra_bytes: length of the extras; 0 if there are none.
        checksum: of payload and extras.
    """

    bdp_batch: Literal[1] = 1
    batch_id: str
    source: str
    kind: RecordKind
    count: int
    refused: int
    accepted: int
    attempts: int = 0
    bytes: int
    extra_bytes: int = 0
    checksum: str

    @property
    def body(self) -> int:
        """Bytes behind the head, with their line feeds."""
        return self.bytes + 1 + (self.extra_bytes + 1 if self.extra_bytes else 0)


class Extras(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What comes with a batch beside its records."""

    refused: tuple[DeadLetter, ...] = ()
    drops: tuple[Drop, ...] = ()
    redelivers: tuple[str, ...] = ()


class Frame(msgspec.Struct, kw_only=True, frozen=True):
    """Where a batch lies in a file, from its head's first byte to behind its last line feed.

    Attributes:
        damage: why it cannot be read, as far as that is known yet; then `end` is where its bytes end.
    """

    start: int
    body: int
    end: int
    head: Head
    damage: str = ""


class Damage(msgspec.Struct, kw_only=True, frozen=True):
    """Bytes in a file that are no whole batch; nothing is known of what they were."""

    start: int
    end: int
    reason: str


_head_decoder = msgspec.json.Decoder(Head)
_extras_decoder = msgspec.json.Decoder(Extras)
_UNFIT = "does not fit its checksum"


def frame(batch: Batch) -> bytes:
    """Return a batch as it stands in a file.

    Raises:
        BadRecord: its texts are no Unicode, or its id and source are over the head's limit.
    """
    try:
        extras = _extras(batch)
        line = msgspec.json.encode(_head(batch, extras))
    except UnicodeEncodeError as error:
        raise BadRecord(f"The batch {batch.batch_id[:80]!r} cannot be written: {error}.") from error
    head = b'%b "%b"\n' % (line, _checksum(8, line))
    if len(head) > MAX_HEAD:
        raise BadRecord(f"The batch {batch.batch_id[:80]!r} has too long an id or source.", "Give it a shorter one.")
    return b"".join((head, batch.payload, b"\n", extras, b"\n" if extras else b""))


def read_stretch(file: IO[bytes], start: int, size: int, check: bool = False) -> Frame | Damage:
    """Return what begins at `start` in the first `size` bytes: a batch, maybe a damaged one, or damage without a head.

    Args:
        check: compare the checksum of the body too. Without it that is done only where what stands behind the batch is
            neither a head nor the end, so that bytes which are missing or too many cost no neighbour.

    Raises:
        OSError: the file cannot be read.
    """
    found = _framed(file, start)
    if found is None:
        return Damage(start=start, end=next_head(file, start + 1, size), reason="no whole head stands here")
    if found.end > size:
        end = next_head(file, found.body, size)
        return msgspec.structs.replace(found, end=end, damage="is cut")
    is_followed = found.end == size or _begins(file, found.end)
    if (is_followed and not check) or read_batch(file, found):
        return found
    end = found.end if is_followed else next_head(file, found.body, found.end)
    return msgspec.structs.replace(found, end=end, damage=_UNFIT)


def read_batch(file: IO[bytes], found: Frame) -> Batch | None:
    """Return the batch in a frame; None if it does not fit its checksum.

    Raises:
        OSError: the file cannot be read.
    """
    head = found.head
    file.seek(found.body)
    body = file.read(head.body)
    payload, extras = body[: head.bytes], body[head.bytes + 1 : -1] if head.extra_bytes else b""
    feeds = body[head.bytes :: head.extra_bytes + 1]
    if len(body) != head.body or feeds.strip(b"\n") or _checksum(16, payload, extras).decode() != head.checksum:
        return None
    more = read_extras(extras) if extras else Extras()
    if more is None:
        return None
    return Batch(
        batch_id=head.batch_id,
        source=head.source,
        kind=head.kind,
        count=head.count,
        payload=payload,
        refused=more.refused,
        drops=more.drops,
        redelivers=more.redelivers,
        attempts=head.attempts,
    )


def read_extras(text: bytes) -> Extras | None:
    """Return a batch's extras; None if this is not what they look like."""
    try:
        return _extras_decoder.decode(text)
    except msgspec.MsgspecError:
        return None


def frames(file: IO[bytes], size: int, check: bool) -> Iterator[Frame | Damage]:
    """Yield what stands in the first `size` bytes, in order and without a gap.

    Behind damage it goes on with the next head that stands at the beginning of a line and fits its checksum; canonical
    records begin otherwise, so none of them is taken for one.

    Args:
        check: compare the checksums of the bodies too, which reads the whole file; else of the heads only, and of the
            bodies that cannot have their length.

    Raises:
        OSError: the file cannot be read.
    """
    at = 0
    while at < size:
        found = read_stretch(file, at, size, check)
        yield found
        at = found.end


def next_head(file: IO[bytes], at: int, size: int) -> int:
    """Return where the next whole head begins, from `at` on and before `size`; `size` if there is none.

    Raises:
        OSError: the file cannot be read.
    """
    mark = b"\n" + _START
    while at < size:
        file.seek(at - 1)
        part = file.read(_STRIDE + len(mark))
        hit = part.find(mark)
        while 0 <= hit < size - at:
            if _framed(file, at + hit):
                return at + hit
            hit = part.find(mark, hit + 1)
        at += _STRIDE
    return size


def read_segment(path: Path, damaged: Callable[[Damage], None] | None = None) -> Iterator[Batch]:
    """Yield the whole batches of a file, in order, one in memory at a time.

    Args:
        damaged: told of each stretch of bytes that is no whole batch; they go to the log otherwise.

    Raises:
        OSError: the file cannot be read.
    """
    tell = damaged or (lambda damage: _log.warning("segment_damaged", file=path.name, **msgspec.structs.asdict(damage)))
    with path.open("rb") as file:
        for found in frames(file, os.fstat(file.fileno()).st_size, check=False):
            if isinstance(found, Damage):
                tell(found)
            elif not found.damage and (batch := read_batch(file, found)):
                yield batch
            else:
                tell(damage_of(found))


def damage_of(found: Frame) -> Damage:
    """Return a damaged batch as bytes."""
    reason = f"batch {found.head.batch_id[:80]!r} {found.damage or _UNFIT}"
    return Damage(start=found.start, end=found.end, reason=reason)


def _head(batch: Batch, extras: bytes) -> Head:
    return Head(
        batch_id=batch.batch_id,
        source=batch.source,
        kind=batch.kind,
        count=batch.count,
        refused=len(batch.refused),
        accepted=batch.accepted,
        attempts=batch.attempts,
        bytes=len(batch.payload),
        extra_bytes=len(extras),
        checksum=_checksum(16, batch.payload, extras).decode(),
    )


def _extras(batch: Batch) -> bytes:
    if not (batch.refused or batch.drops or batch.redelivers):
        return b""
    return msgspec.json.encode(Extras(refused=batch.refused, drops=batch.drops, redelivers=batch.redelivers))


def _framed(file: IO[bytes], start: int) -> Frame | None:
    """Return the batch whose head stands at `start`, wherever its parts end; None if no whole head does."""
    file.seek(start)
    line = file.readline(MAX_HEAD)
    head = _parse(line)
    body = start + len(line)
    return Frame(start=start, body=body, end=body + head.body, head=head) if head else None


def _begins(file: IO[bytes], at: int) -> bool:
    file.seek(at)
    return file.read(len(_START)) == _START


def _parse(line: bytes) -> Head | None:
    # Its end is the checksum: a space, sixteen digits in quotation marks, a line feed.
    text, tail = line[:-20], line[-20:]
    if not text.startswith(_START) or tail != b' "%b"\n' % _checksum(8, text):
        return None
    try:
        return _head_decoder.decode(text)
    except msgspec.MsgspecError:  # of a version that we do not know
        return None


def _checksum(size: int, *parts: bytes) -> bytes:
    digest = blake2b(digest_size=size)
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()
