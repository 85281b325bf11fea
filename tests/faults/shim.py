"""Builds `shim.c` and steers it: the other side of its shared file."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

MAGIC = 0x42445046
RULES, WATCHES, RANGES, TEXT = 8, 32, 1024, 256
_HEAD = struct.Struct(f"=IIq{TEXT}s{TEXT}s")
_RULE = struct.Struct(f"={TEXT}sIiIIqqQ")
_WATCH = struct.Struct(f"={TEXT}sII")
_RANGE = struct.Struct("=qq")
_WATCH_SIZE = _WATCH.size + RANGES * _RANGE.size
_WATCHES_AT = _HEAD.size + RULES * _RULE.size
SIZE = _WATCHES_AT + WATCHES * _WATCH_SIZE
_RULE_HITS = _RULE.size - 8
_RULE_OPERATIONS = TEXT

WRITES, TRUNCATES, SYNCS, CREATES = 1, 2, 4, 8
EVERY = WRITES | TRUNCATES | SYNCS | CREATES


class NoCompiler(Exception):
    """There is no C compiler, so no shim."""


def build(folder: Path) -> Path:
    """Compile the shim into `folder` and return the library.

    Raises:
        NoCompiler: no compiler, or not Linux on this machine's libc.
    """
    compiler = shutil.which("cc")
    if not compiler or not sys.platform.startswith("linux"):
        raise NoCompiler("the fault shim needs Linux and a C compiler (cc)")
    library = folder / "shim.so"
    source = Path(__file__).with_name("shim.c")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoCompiler(f"the fault shim does not compile here ({sysconfig.get_platform()}): {done.stderr[-500:]}")
    return library


@dataclass(frozen=True)
class Rule:
    """Which calls fail.

    Attributes:
        part: text in the path of the file.
        error: errno that the caller gets.
        operations: bits of WRITES, TRUNCATES, SYNCS, CREATES.
        chance: of one call, 0 to 1.
        short_writes: half of the failing writes write half instead, as on a disk that gets full.
        skip: calls that pass first.
        left: most failures; -1 for no end.
    """

    part: str
    error: int = errno.EIO
    operations: int = EVERY
    chance: float = 1.0
    short_writes: bool = False
    skip: int = 0
    left: int = -1


class Control:
    """The shared file of one subject at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("wb") as file:
            file.truncate(SIZE)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self.hits = 0
        """Calls that were failed by rules that are gone."""
        self.reset("")

    def reset(self, watched: str, unwatched: str = "") -> None:
        """Lift everything and forget all watches; watch files whose path has the first text and not the second."""
        self._map[:] = bytes(SIZE)
        _HEAD.pack_into(self._map, 0, MAGIC, 0, 0, watched.encode(), unwatched.encode())
        self.hits = 0

    def fail(self, rule: Rule) -> int:
        """Put a rule into a free place and return the place."""
        for place in range(RULES):
            at = self._rule(place)
            if not struct.unpack_from("=I", self._map, at + _RULE_OPERATIONS)[0]:
                break
        else:
            raise AssertionError("too many rules at once")
        part, chance = rule.part.encode(), round(rule.chance * 1e6)
        fields = (rule.error, chance, int(rule.short_writes), rule.skip, rule.left, 0)
        # The bits come last: until then this is no rule.
        _RULE.pack_into(self._map, at, part, 0, *fields)
        struct.pack_into("=I", self._map, at + _RULE_OPERATIONS, rule.operations)
        return place

    def lift(self, place: int) -> None:
        """Take one rule away."""
        at = self._rule(place)
        struct.pack_into("=I", self._map, at + _RULE_OPERATIONS, 0)
        self.hits += int(struct.unpack_from("=Q", self._map, at + _RULE_HITS)[0])
        struct.pack_into("=Q", self._map, at + _RULE_HITS, 0)

    def step_clock(self, by: timedelta) -> None:
        """Set how far the wall clock is off."""
        struct.pack_into("=q", self._map, 8, round(by.total_seconds() * 1e9))

    def slow_syncs(self, seconds: float) -> None:
        """Set how much longer a sync takes."""
        struct.pack_into("=I", self._map, 4, round(seconds * 1e6))

    def lift_all(self) -> None:
        """Take all rules away, and the clock's step and the slowness."""
        for place in range(RULES):
            self.lift(place)
        self.step_clock(timedelta())
        self.slow_syncs(0)

    def unsynced(self) -> dict[Path, list[tuple[int, int]]]:
        """Return offset and size of what each watched file holds and no sync has covered; call it on a dead subject.

        A file with more ranges than fit is left out: nothing can be said of it.
        """
        found: dict[Path, list[tuple[int, int]]] = {}
        for place in range(WATCHES):
            at = _WATCHES_AT + place * _WATCH_SIZE
            name, count, overflow = _WATCH.unpack_from(self._map, at)
            path = name.split(b"\0")[0]
            if path and not overflow and count:
                ranges = [_RANGE.unpack_from(self._map, at + _WATCH.size + i * _RANGE.size) for i in range(count)]
                found[Path(os.fsdecode(path))] = ranges
        return found

    def forget_watches(self) -> None:
        """The files are as a power cut left them: nothing of them waits for a sync."""
        self._map[_WATCHES_AT:] = bytes(SIZE - _WATCHES_AT)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    @staticmethod
    def _rule(place: int) -> int:
        return _HEAD.size + place * _RULE.size
