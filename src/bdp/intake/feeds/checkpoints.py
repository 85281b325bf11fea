"""How far a feed has read, on this machine: for sources that keep no such thing themselves."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bdp.errors import StreamUnavailable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS checkpoints(
    feed TEXT NOT NULL, line TEXT NOT NULL, begin REAL NOT NULL, after TEXT NOT NULL, plan_first TEXT NOT NULL,
    plan_last TEXT NOT NULL, plan_count INTEGER NOT NULL, ended INTEGER NOT NULL, PRIMARY KEY(feed, line));
"""
_COLUMNS = "begin, after, plan_first, plan_last, plan_count, ended"


@dataclass(frozen=True)
class Plan:
    """A range that was about to be delivered: its first and last number, and how many messages it has."""

    first: str
    last: str
    count: int


@dataclass(frozen=True)
class Checkpoint:
    """Where one line of a source stands.

    Attributes:
        begin: seconds since 1970 at which reading begins while `after` is empty; 0 for the oldest.
        after: number of the last message in custody.
        plan: what may be in custody behind it.
        ended: the line is closed and all of it is in custody.
    """

    begin: float = 0.0
    after: str = ""
    plan: Plan | None = None
    ended: bool = False

    def planned(self, plan: Plan) -> Checkpoint:
        """Return the checkpoint before a range is delivered."""
        return replace(self, plan=plan)

    def settled(self) -> Checkpoint:
        """Return the checkpoint once the plan is delivered."""
        return replace(self, after=self.plan.last if self.plan else self.after, plan=None)


class Checkpoints:
    """Checkpoints in one SQLite file; `put` returns when they are on disk. For one thread of each feed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, feed: str) -> dict[str, Checkpoint]:
        """Return a feed's checkpoints by line."""
        with self._open() as connection:
            found = connection.execute(f"SELECT line, {_COLUMNS} FROM checkpoints WHERE feed = ?", (feed,))  # noqa: S608
            return {line: _checkpoint(*rest) for line, *rest in found}

    def put(self, feed: str, line: str, at: Checkpoint) -> None:
        """Keep where a line stands.

        Raises:
            StreamUnavailable: the disk does not take it.
        """
        plan = at.plan or Plan("", "", 0)
        row = (feed, line, at.begin, at.after, plan.first, plan.last, plan.count, at.ended)
        with self._open() as connection:
            connection.execute(
                f"INSERT OR REPLACE INTO checkpoints(feed, line, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                row,
            )

    def forget(self, feed: str, line: str) -> None:
        """Let a line go that the source does not know any more."""
        with self._open() as connection:
            connection.execute("DELETE FROM checkpoints WHERE feed = ? AND line = ?", (feed, line))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._path, timeout=10.0, isolation_level=None)
            with contextlib.closing(connection):
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute(_SCHEMA)
                yield connection
        except sqlite3.Error as error:
            raise StreamUnavailable(f"{self._path.name} cannot be written: {error}.", "Check the disk.") from error


def _checkpoint(begin: float, after: str, first: str, last: str, count: int, ended: int) -> Checkpoint:
    return Checkpoint(begin, after, Plan(first, last, count) if last else None, bool(ended))
