"""Files that can be replayed: dumps of records, and segments (spilled or archived batches), each as chunks.

Memory: one batch of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from bdp.errors import BadRequest
from bdp.flow.replay import Chunk
from bdp.intake.dump import SEGMENT_START, read_dump
from bdp.intake.inputs import STDIN, Input, find
from bdp.intake.limits import IntakeSettings
from bdp.model.batch import Batch, RecordKind
from bdp.stream.backlog.segment import Damage, read_segment


class Piece(msgspec.Struct, kw_only=True, frozen=True):
    """Some records of a file.

    Attributes:
        reasons: of records that could not be read here; they are not in the chunk.
        done: bytes read so far, of all files.
    """

    chunk: Chunk | None
    reasons: tuple[str, ...]
    done: int


class Shelf:
    """Files and folders to replay.

    Args:
        archive: batches of these segments were stored once, so their dead letters and drops are left out. A file that
            is none, or cannot be read, is refused by name and the rest is read.
        kind: what the records of dumps are; None to tell it from each file's first one.
        records: most records of a dump in one chunk; 0 for the settings' `batch_records`.

    Raises:
        NotFound: a path does not exist.
        BadRequest: there is no file at all, or no segment among those of an archive.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        now: datetime,
        settings: IntakeSettings,
        archive: bool = False,
        kind: RecordKind | None = None,
        records: int = 0,
    ) -> None:
        found = find(paths)
        # A segment's marks lie beside it, and hold no record.
        beside = (".done", ".lock", ".synced", ".torn")
        self.files = [file for file in found if file.given or not file.path.name.endswith(beside)]
        if not self.files:
            raise BadRequest("There is no file to replay here.", "Give dumps or segments, or their folder.")
        if archive and all(_no_segment(file) for file in self.files):
            what = f"{self.files[0].label} is no segment of an archive, and there is no other here."
            raise BadRequest(what, "Replay dumps without --archive.")
        self._now, self._settings = now, settings
        self._archive, self._kind, self._records = archive, kind, records

    @property
    def size(self) -> int | None:
        """Bytes of all files; None when one is a stream."""
        return None if any(file.stream for file in self.files) else sum(file.size for file in self.files)

    def pieces(self, *, dry_run: bool = False) -> Iterator[Piece]:
        """Yield everything in the files, one file behind the other.

        Raises:
            BadRequest: a file cannot be read.
        """
        before = 0
        for file in self.files:
            for piece in self._file(file):
                chunk = piece.chunk and msgspec.structs.replace(piece.chunk, dry_run=dry_run)
                yield msgspec.structs.replace(piece, chunk=chunk, done=before + piece.done)
            before += file.size
            yield Piece(chunk=None, reasons=(), done=before)

    def _file(self, file: Input) -> Iterator[Piece]:
        if not self._archive:
            return self._segment(file) if is_segment(file) else self._dump(file)
        return self._archived(file)

    def _archived(self, file: Input) -> Iterator[Piece]:
        """Yield what a segment holds; what keeps it from being read is a reason, since its neighbours are as good."""
        reason = _no_segment(file)
        if not reason:
            try:
                yield from self._segment(file)
            except OSError as error:
                reason = f"{file.label} cannot be read further: {error.strerror}"
        if reason:
            yield Piece(chunk=None, reasons=(reason,), done=file.size)

    def _dump(self, file: Input) -> Iterator[Piece]:
        parts = read_dump(file, now=self._now, settings=self._settings, kind=self._kind, records=self._records)
        for part in parts:
            reasons = tuple(letter.reason for letter in part.batch.refused)
            batch = msgspec.structs.replace(part.batch, refused=())
            yield Piece(
                chunk=Chunk(batch=batch, occurrences=part.occurrences) if batch.count else None,
                reasons=reasons,
                done=part.position,
            )

    def _segment(self, file: Input) -> Iterator[Piece]:
        damage: list[Damage] = []
        done = 0
        for batch in read_segment(file.path, damage.append):
            for chunk in self._chunks(batch):
                done += len(batch.payload)
                yield Piece(chunk=chunk, reasons=_told(file, damage), done=min(done, file.size))
                damage.clear()
        if damage:
            yield Piece(chunk=None, reasons=_told(file, damage), done=file.size)

    def _chunks(self, batch: Batch) -> Iterator[Chunk]:
        """A batch goes whole under its own id; one that is too large for a request goes in parts under new ones."""
        if self._archive:
            batch = msgspec.structs.replace(batch, refused=(), drops=())
        most = self._settings.max_request_bytes // 2
        letters = sum(len(letter.payload) for letter in batch.refused)
        if len(batch.payload) + letters <= most:
            yield Chunk(batch=batch, keep_id=True)
            return
        yield Chunk(batch=msgspec.structs.replace(batch, count=0, payload=b""), keep_id=True)
        lines = batch.payload.splitlines()
        step = max(1, len(lines) * most // (len(batch.payload) + 1) // 2)
        for start in range(0, len(lines), step):
            part = lines[start : start + step]
            yield Chunk(batch=msgspec.structs.replace(batch, count=len(part), payload=b"\n".join(part), refused=()))


def is_segment(file: Input) -> bool:
    """Say whether a file holds whole batches, by its first bytes."""
    if file.stream or str(file.path) == STDIN:
        return False
    try:
        with file.path.open("rb") as opened:
            return opened.read(len(SEGMENT_START)) == SEGMENT_START
    except OSError as error:
        raise BadRequest(f"{file.label} cannot be read: {error.strerror}.", "Check the file.") from error


def _no_segment(file: Input) -> str:
    """Return why a file is no segment that could be read; empty if it is one."""
    try:
        if is_segment(file):
            return ""
    except BadRequest as error:
        return error.what.rstrip(".")
    return f"{file.label} is no segment of an archive" if file.size else f"{file.label} is empty"


def _told(file: Input, damage: Sequence[Damage]) -> tuple[str, ...]:
    return tuple(f"{file.label} bytes {found.start} to {found.end}: {found.reason}" for found in damage)
