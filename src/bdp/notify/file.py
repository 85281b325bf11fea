"""A file of messages: newline-delimited JSON, one line per key, also across crashes and processes."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import Field

from bdp.errors import ChannelUnavailable
from bdp.model.action import Message
from bdp.notify.document import document_of
from bdp.notify.route import RouteSettings


class FileSettings(RouteSettings):
    """Messages appended to a file, for people and programs that follow it."""

    kind: Literal["file"] = "file"
    name: str = Field(default="file", min_length=1, description="name in the settings and in actions")
    path: Path = Field(default=Path("notifications.ndjson"), description="relative paths are inside the home")
    max_mib: int = Field(default=32, ge=1, le=1024, description="then the file is renamed to NAME.1, replacing it")


class FileChannel:
    """Appends each message once.

    The key is looked up in the file and in its predecessor, so memory is bounded and nothing else must be remembered.
    A line that a crash cut short is removed before the next one is written.

    Args:
        home: folder for a relative path.
    """

    def __init__(self, settings: FileSettings, home: Path) -> None:
        self.name = settings.name
        self._path = home / settings.path
        self._most = settings.max_mib * 2**20

    def send(self, message: Message) -> None:
        """Append the message and wait until the disk has it; see `bdp.ports.Channel`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _Locked(self._path.with_name(self._path.name + ".lock")):
                self._append(_start(message.key), _line(message))
        except OSError as error:
            raise ChannelUnavailable(
                f"{self._path} cannot be written: {error.strerror}.", "Free or mend it."
            ) from error

    def has(self, key: str) -> bool:
        """Return whether a message with this key was delivered."""
        return any(_holds(path, _start(key)) for path in (self._path, self._before))

    @property
    def _before(self) -> Path:
        return self._path.with_name(self._path.name + ".1")

    def _append(self, start: bytes, line: bytes) -> None:
        with open(self._path, "ab+") as file:
            _drop_torn_line(file)
            size = file.seek(0, os.SEEK_END)
            if _holds(self._path, start) or _holds(self._before, start):
                return
            if size == 0 or size + len(line) <= self._most:
                _write(file, line)
                return
        self._path.replace(self._before)
        with open(self._path, "ab") as file:
            _write(file, line)


class _Locked:
    """Holds a lock file: threads and processes take turns."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._file = open(self._path, "ab")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _start(key: str) -> bytes:
    return b'{"key": ' + json.dumps(key).encode() + b", "


def _line(message: Message) -> bytes:
    fields = {name: value for name, value in document_of(message).items() if name != "key"}
    return json.dumps({"key": message.key, **fields}).encode() + b"\n"


def _write(file: BinaryIO, line: bytes) -> None:
    file.write(line)
    file.flush()
    os.fsync(file.fileno())


def _holds(path: Path, start: bytes) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content[: len(start)] == start or content.find(b"\n" + start) >= 0


def _drop_torn_line(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        whole = content.rfind(b"\n") + 1
    if whole < size:
        file.truncate(whole)
