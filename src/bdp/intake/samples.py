"""A file of what an exporter prints, as batches of metric points.

The same file read again gives the same batches with the same ids. Samples without a time have the file's time of
modification, or of arrival in a stream; the user's service is their label `job`, where they have none.

Memory: one batch (`batch_records`, `batch_bytes`) being built and one being used.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import msgspec

from bdp.ids import Ids
from bdp.intake.formats.line import LineContext
from bdp.intake.inputs import DAMAGED, lines
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.exposition import ExpositionReader, Target
from bdp.intake.refusal import RefusedRecord
from bdp.model.batch import Batch, Cause, RecordKind


def sample_batches(data: io.BufferedReader, label: str, context: LineContext, source: str) -> Iterator[Batch]:
    """Yield the batches of one open file; one that turns out damaged ends there, with a dead letter that says so."""
    labels = {"job": context.service} if context.service else {}
    reader = ExpositionReader(Target(labels, honor=True))
    pieces = _pieces(data, context)
    number = 0
    while True:
        parcel = Parcel(RecordKind.METRICS, context.edge, source)
        try:
            piece = next(pieces, None)
        except DAMAGED as error:
            text = f"{label}: the file is damaged, the rest is not read: {error}"
            parcel.refuse(RefusedRecord(text, Cause.ENCODING), bytes)
            yield _batch(parcel, label, number)
            return
        if piece is None:
            return
        reader.read(piece, parcel)
        if len(parcel):
            yield _batch(parcel, label, number)
        number += 1


def _pieces(data: io.BufferedReader, context: LineContext) -> Iterator[bytes]:
    """Yield whole lines, as many as fill a batch; of a line over the limit so much that it is refused for its size."""
    settings = context.edge.settings
    most = min(settings.batch_records, settings.max_records)
    ready: list[bytes] = []
    size = 0
    for line, _ in lines(data, settings.max_record_bytes):
        ready.append(line if line.endswith(b"\n") else line + b"\n")
        size += len(line)
        if len(ready) >= most or size >= settings.batch_bytes:
            yield b"".join(ready)
            ready, size = [], 0
    if ready:
        yield b"".join(ready)


def _batch(parcel: Parcel, label: str, number: int) -> Batch:
    batch = parcel.batch("", Ids())
    digest = hashlib.sha256(f"{label}\0{number}\0".encode(errors="replace") + batch.payload)
    for letter in batch.refused:
        digest.update(f"\0{letter.index}\0{letter.reason}\0".encode() + letter.payload)
    placed = tuple(msgspec.structs.replace(letter, reason=f"{label}: {letter.reason}") for letter in batch.refused)
    return msgspec.structs.replace(batch, batch_id=digest.hexdigest(), refused=placed)
