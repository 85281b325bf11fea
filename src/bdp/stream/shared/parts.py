"""How a batch becomes messages: split so that one service, and one entity's metrics, stay in one partition, for each
partition has a detector of its own; and so that no message is too large.

A part's id follows from the batch's id and its place in the batch, so that a batch which is sent again gives the same
parts again. Sizes are taken before compression, so that they do not hang on the compressor.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from bdp.model.batch import Batch, DeadLetter, RecordKind

MARGIN = 16 * 1024
"""Bytes kept free in a message for what is no payload."""


class _Key(msgspec.Struct, gc=False):
    tenant: str = ""
    service: str = ""
    entity: str = ""
    name: str = ""


@dataclass(frozen=True)
class Part:
    """One message.

    Attributes:
        accepted: records that the ledger counts as accepted with this part.
        closes: it must not be sent before the batch's other parts are safe.
    """

    partition: int
    batch: Batch
    accepted: int
    closes: bool = False


_keys = msgspec.json.Decoder(_Key)


def split(batch: Batch, partitions: int, most_bytes: int) -> list[Part]:
    """Return a batch's messages, together holding each record once.

    Args:
        most_bytes: most bytes of payload in a message; a single record may be larger.
    """
    room = max(most_bytes - MARGIN, 1)
    groups = _by_partition(batch, partitions)
    pieces = [(partition, *piece) for partition, lines in groups.items() for piece in _by_size(lines, room)]
    plain = len(pieces) == 1
    parts = [_part(batch, *piece, plain=plain) for piece in pieces]
    return _with_rest(batch, parts, room)


def _by_partition(batch: Batch, partitions: int) -> dict[int, list[bytes]]:
    if partitions == 1 or batch.kind is RecordKind.COSTS:
        place = _place(batch.batch_id, partitions)
        return {place: _lines(batch)}
    lines = _lines(batch)
    try:
        keys = _keys.decode_lines(batch.payload)
    except msgspec.MsgspecError:
        return {_place(batch.batch_id, partitions): lines}
    if len(keys) != len(lines):
        return {_place(batch.batch_id, partitions): lines}
    groups: dict[int, list[bytes]] = {}
    for key, line in zip(keys, lines, strict=True):
        # A change of an entity goes where its metrics go, so that maintenance is known where it matters.
        what = (key.entity or key.name) if batch.kind is RecordKind.METRICS else key.service
        groups.setdefault(_place_of(key.tenant, what, partitions), []).append(line)
    return groups or {_place(batch.batch_id, partitions): []}


def _lines(batch: Batch) -> list[bytes]:
    return [line for line in batch.payload.split(b"\n") if line]


def _by_size(lines: Sequence[bytes], room: int) -> Iterable[tuple[Sequence[bytes], int]]:
    """Yield runs of lines with the number of the first, each under `room` unless it is one line."""
    waiting = [(lines, 0)]
    while waiting:
        run, start = waiting.pop()
        if len(run) < 2 or sum(map(len, run)) + len(run) <= room:
            yield run, start
            continue
        middle = len(run) // 2
        waiting += [(run[middle:], start + middle), (run[:middle], start)]


def _part(batch: Batch, partition: int, lines: Sequence[bytes], start: int, *, plain: bool) -> Part:
    name = batch.batch_id if plain else f"{batch.batch_id}#{partition}:{start}-{start + len(lines)}"
    # A batch that stays whole keeps its payload as it is.
    payload = batch.payload if plain else b"\n".join(lines)
    piece = Batch(
        batch_id=name,
        source=batch.source,
        kind=batch.kind,
        count=batch.count if plain else len(lines),
        payload=payload,
        attempts=batch.attempts,
    )
    return Part(partition, piece, 0 if batch.redelivers else piece.count)


def _with_rest(batch: Batch, parts: list[Part], room: int) -> list[Part]:
    """Add what a batch carries beside its records: its refused records, its drops and the letters that it redelivers.

    The letters go when their message comes into the books, so that message follows the others.
    """
    runs = list(_letter_runs(batch.refused, room))
    for start, letters in runs[1:]:
        parts.append(_letters_only(batch, parts[0].partition, start, letters))
    first = runs[0][1] if runs else ()
    if not (first or batch.drops or batch.redelivers):
        return parts
    carrier, others = parts[0], parts[1:]
    if first and len(carrier.batch.payload) + sum(len(letter.payload) for letter in first) > room:
        parts.append(_letters_only(batch, carrier.partition, 0, first))
        others, first = parts[1:], ()
    whole = msgspec.structs.replace(carrier.batch, refused=first, drops=batch.drops, redelivers=batch.redelivers)
    closes = bool(batch.redelivers and others)
    return [*others, Part(carrier.partition, whole, whole.accepted, closes)]


def _letters_only(batch: Batch, partition: int, start: int, letters: tuple[DeadLetter, ...]) -> Part:
    name = f"{batch.batch_id}#letters:{start}-{start + len(letters)}"
    piece = msgspec.structs.replace(
        batch, batch_id=name, count=0, payload=b"", refused=letters, drops=(), redelivers=()
    )
    return Part(partition, piece, 0 if batch.redelivers else len(letters))


def _letter_runs(letters: tuple[DeadLetter, ...], room: int) -> Iterable[tuple[int, tuple[DeadLetter, ...]]]:
    run: list[DeadLetter] = []
    size = start = 0
    for index, letter in enumerate(letters):
        letter = _fitting(letter, room)
        cost = len(letter.payload) + len(letter.reason.encode(errors="replace")) + 512
        if run and size + cost > room:
            yield start, tuple(run)
            run, size, start = [], 0, index
        run.append(letter)
        size += cost
    if run:
        yield start, tuple(run)


def _fitting(letter: DeadLetter, room: int) -> DeadLetter:
    if len(letter.payload) <= room:
        return letter
    return msgspec.structs.replace(letter, payload=letter.payload[:room], cut=True)


@lru_cache(maxsize=16_384)
def _place_of(tenant: str, service: str, partitions: int) -> int:
    return _place(f"{tenant}\0{service}", partitions)


def _place(key: str, partitions: int) -> int:
    return zlib.crc32(key.encode(errors="surrogatepass")) % partitions
