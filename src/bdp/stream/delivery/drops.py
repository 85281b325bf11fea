"""The last resort's account: what was let go when no sink could write, kept where a full disk cannot stop it.

One small file is filled in advance and written over in place, in two slots by turns: each holds a number, a checksum
and the totals, so that a torn write leaves the other one. No new block is asked of the disk (on file systems that write
in place, as ext4, XFS and tmpfs do).
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from bdp.errors import StreamUnavailable
from bdp.model.batch import Batch, Drop

_SLOT = 32 * 1024
_HEAD = 16
_MOST_SOURCES = 100
_LONGEST_NAME = 200
_OTHERS = "others"
_MOST_IDS = 500


class _Totals(msgspec.Struct):
    number: int = 0
    drops: dict[str, list[Drop]] = {}
    seen: list[str] = []


class DropFile:
    """Totals of drops by source. Use from any thread of one process.

    A batch that comes again counts once, as long as its id is among the last 500. Memory and disk: 64 KiB; beyond 100
    sources, or what of them fits, they are counted as `others`, the latest first, so that the account is never full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            if not path.exists() or path.stat().st_size < 2 * _SLOT:
                with path.open("wb") as file:
                    file.write(b"\0" * (2 * _SLOT))
                    file.flush()
                    os.fsync(file.fileno())
            self._totals = self._read()
        except OSError as error:
            raise StreamUnavailable(f"{path.name} cannot be made: {error.strerror}.", "Check the disk.") from error

    def take(self, batches: Sequence[Batch]) -> list[bool]:
        """Count batches of which nothing is left but what was let go; returns when the count is on disk.

        Returns:
            per batch: False if it was counted before.

        Raises:
            StreamUnavailable: it could not be written; nothing is counted.
        """
        with self._lock:
            totals = _Totals(self._totals.number + 1, self.drops(), list(self._totals.seen))
            answers = []
            for batch in batches:
                key = blake2b(batch.batch_id.encode(errors="surrogatepass"), digest_size=8).hexdigest()
                answers.append(key not in totals.seen)
                if not answers[-1]:
                    continue
                totals.seen = [*totals.seen[1 - _MOST_IDS :], key]
                _add(totals.drops.setdefault(_name(batch.source, totals), []), batch.drops)
            if any(answers):
                self._write(totals)
                self._totals = totals
        return answers

    def drops(self) -> dict[str, list[Drop]]:
        """Return what was let go, by source."""
        return {name: list(found) for name, found in self._totals.drops.items()}

    def _write(self, totals: _Totals) -> None:
        body = _fitting(totals)
        slot = b"%08x%08x" % (len(body), zlib.crc32(body)) + body
        try:
            with self._path.open("r+b") as file:
                file.seek(totals.number % 2 * _SLOT)
                file.write(slot)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StreamUnavailable(
                f"{self._path.name} cannot be written: {error.strerror}.", "Nothing was taken; send again later."
            ) from error

    def _read(self) -> _Totals:
        whole = self._path.read_bytes()
        found = [_slot(whole[start : start + _SLOT]) for start in (0, _SLOT)]
        return max((totals for totals in found if totals), key=lambda totals: totals.number, default=_Totals())


def _name(source: str, totals: _Totals) -> str:
    """Return the name under which a source is counted."""
    name = source.encode(errors="replace").decode()
    known = name in totals.drops or (len(totals.drops) < _MOST_SOURCES and len(name) <= _LONGEST_NAME)
    return name if known else _OTHERS


def _fitting(totals: _Totals) -> bytes:
    """Return the totals as they are written; counts the latest sources as `others` until they fit into a slot.

    What is left at last always fits: `others` holds one count for each reason and class, and the ids are 500.
    """
    while len(body := msgspec.json.encode(totals)) > _SLOT - _HEAD:
        latest = next(name for name in reversed(totals.drops) if name != _OTHERS)
        _add(totals.drops.setdefault(_OTHERS, []), totals.drops.pop(latest))
    return body


def _slot(text: bytes) -> _Totals | None:
    try:
        size, checksum = int(text[:8], 16), int(text[8:16], 16)
    except ValueError:
        return None
    body = text[_HEAD : _HEAD + size]
    return msgspec.json.decode(body, type=_Totals) if zlib.crc32(body) == checksum and len(body) == size else None


def _add(known: list[Drop], more: Sequence[Drop]) -> None:
    for drop in more:
        for index, found in enumerate(known):
            if (found.reason, found.priority) == (drop.reason, drop.priority):
                known[index] = msgspec.structs.replace(found, count=found.count + drop.count)
                break
        else:
            known.append(drop)
