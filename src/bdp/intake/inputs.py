"""The files that a user names: found, opened through decompression, and cut into lines.

Memory per open file: a read buffer of 64 KiB, the decompressor's window (at most 128 MiB for zstd, by the file's own
choice; 32 KiB for gzip), and one line.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import zstandard

from bdp.errors import BadRequest, NotFound, Reject, UnknownEncoding
from bdp.intake.zstd import ZstdStream

STDIN = "-"
BUFFER = 64 * 1024
DAMAGED = (EOFError, OSError, zlib.error, zstandard.ZstdError)
_ROTATION = re.compile(
    r"(?:\.(?:gz|zst|zstd|log|txt|json|jsonl|ndjson|out|\d{1,3})|[._-]\d{4}-?\d\d-?\d\d(?:[-_T]?\d\d){0,4})$"
)
_GENERIC = frozenset(
    {"access", "access_log", "error", "error_log", "log", "logs", "events", "messages", "server", "app", "application",
     "output", "stdout", "stderr", "current", "data", "other_vhosts_access", "ssl_access", "ssl_error"}
)  # fmt: skip


@dataclass(frozen=True)
class Input:
    """One file to read.

    Attributes:
        label: path relative to the parent of what the user gave (of several: their common parent); the attribute
            `log.file.path`.
        size: bytes on disk; 0 for streams.
        modified: the time of records that bring none; None for streams.
        stream: it can be read only once, such as a pipe.
        given: the user named it, rather than a folder that holds it.
    """

    path: Path
    label: str
    size: int
    modified: datetime | None
    stream: bool = False
    given: bool = True


@dataclass
class Opened:
    """An open input: its bytes after decompression, and how far the file itself has been read."""

    raw: io.BufferedReader
    data: io.BufferedReader

    def position(self) -> int:
        """Return the bytes of the file read so far; 0 where a stream cannot say."""
        try:
            return self.raw.tell()
        except (OSError, ValueError):
            return 0

    def close(self) -> None:
        """Let go of the file, but never of standard input."""
        if self.raw is not sys.stdin.buffer:
            self.data.close()
            self.raw.close()


def find(paths: Sequence[str | Path]) -> list[Input]:
    """Return the files under the paths, sorted within each folder, each once; hidden ones in folders are left out.

    Raises:
        NotFound: a path does not exist.
    """
    parents = [Path(os.path.abspath(path)).parent for path in paths if str(path) != STDIN]
    parent = Path(os.path.commonpath(parents)) if parents else Path()
    every = (found for path in paths for found in _under(path, parent))
    return list({os.path.realpath(found.path): found for found in every}.values())


def _under(given: str | Path, parent: Path) -> Iterator[Input]:
    if str(given) == STDIN:
        yield Input(Path(STDIN), "stdin", 0, None, stream=True)
        return
    path = Path(given)
    if not path.exists():
        raise NotFound(f"{path} does not exist.", "Check the path.")
    if not path.is_dir():
        yield _input(path, parent, given=True)
        return
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            child = Path(folder, name)
            if not name.startswith(".") and child.is_file():
                yield _input(child, parent, given=False)


def _input(path: Path, parent: Path, *, given: bool) -> Input:
    facts = path.stat()
    label = os.path.relpath(os.path.abspath(path), parent)
    if not stat.S_ISREG(facts.st_mode):
        return Input(path, label, 0, None, stream=True, given=given)
    return Input(path, label, facts.st_size, datetime.fromtimestamp(max(0.0, facts.st_mtime), UTC), given=given)


def open_input(found: Input) -> Opened:
    """Open a file, through gzip or zstd where its first bytes say so.

    Raises:
        BadRequest: it cannot be read, or is a binary file.
        UnknownEncoding: it is UTF-16 or UTF-32 text.
    """
    opened: Opened | None = None
    try:
        raw = cast("io.BufferedReader", sys.stdin.buffer if str(found.path) == STDIN else found.path.open("rb"))
        opened = Opened(raw, raw)
        opened.data = _decompressed(raw)
        _check_text(opened.data.peek(8192)[:8192], found.label)
        if opened.data.peek(3)[:3] == b"\xef\xbb\xbf":
            opened.data.read(3)
        return opened
    except (*DAMAGED, Reject) as error:
        if opened is not None:
            opened.close()
        if isinstance(error, Reject):
            raise
        raise BadRequest(f"{found.label} cannot be read: {error}.", "Check the file.") from None


def _check_text(head: bytes, label: str) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnknownEncoding(f"{label} is UTF-16 text.", "Convert it to UTF-8, for example with iconv.")
    if b"\0" in head:
        raise BadRequest(f"{label} is a binary file.", "Give text logs, plain or as .gz or .zst.")


def _decompressed(raw: io.BufferedReader) -> io.BufferedReader:
    magic = raw.peek(4)[:4]
    if magic[:2] == b"\x1f\x8b":
        return io.BufferedReader(gzip.GzipFile(fileobj=raw), BUFFER)
    if magic == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(ZstdStream(raw), BUFFER)
    return raw


def lines(data: io.BufferedReader, limit: int) -> Iterator[tuple[bytes, int]]:
    """Yield (line, its length); of a line longer than `limit` only the first `limit` bytes are kept."""
    while line := data.readline(limit + 1):
        length = len(line)
        if length > limit and not line.endswith(b"\n"):
            while more := data.readline(BUFFER):
                length += len(more)
                if more.endswith(b"\n"):
                    break
        yield line, length


def service_of(path: Path) -> str:
    """Return the service that a file's name suggests, without rotation parts; for a plain `access.log` its folder."""
    name = path.name
    while (shorter := _ROTATION.sub("", name)) not in (name, ""):
        name = shorter
    folder = Path(os.path.abspath(path)).parent.name
    return folder if name.lower() in _GENERIC and folder and folder.lower() not in _GENERIC else name
