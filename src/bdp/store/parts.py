"""Is what the embedded engine says it stored really on disk?

chDB 4.4 ignores a failing write(2): on a full or failing disk it makes a part of empty files, says that the insert went
well, and takes a repeat with the same token for a duplicate. So the files of each new part are compared with the size
that the engine has for it. An insert's part that is not whole is dropped, which forgets its token as well, so that the
repeat is stored; a merged one is given up by loading the table again, which brings its sources back (they stay for
`old_parts_lifetime`). What the engine's own log of tokens holds is not believed either: a token whose part is gone is
forgotten (`bdp.store.tokens`). A server is not checked: its disk is not ours to look at.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from clickhouse_connect.driver.client import Client

from bdp.errors import StoreUnavailable
from bdp.store import tokens

log = structlog.get_logger(__name__)
MIB = 1 << 20
_LEAST_FREE = 64 * MIB
_LEAST_PART = 0.05
_UNCOUNTED = frozenset(
    {"checksums.txt", "columns.txt", "columns_substreams.txt", "default_compression_codec.txt", "metadata_version.txt"}
)
"""Files of a part that the engine's `bytes_on_disk` leaves out (chDB 4.4): the others add up to it exactly."""
_LOOK_SECONDS = 60.0


class Parts:
    """Checks the parts of one database's tables. Use under the writer's lock.

    Memory: the names of the active parts.

    Args:
        lock: the writer's, for `watch`.
    """

    def __init__(self, client: Client, database: str, folder: Path, lock: threading.Lock) -> None:
        self._client = client
        self._lock = lock
        self._closed = threading.Event()
        self._database = database
        self._folder = folder
        self._folders: dict[str, Path] = {}
        self._whole: dict[str, set[str]] = {}
        self._watcher: threading.Thread | None = None
        self._detached: set[str] = set()
        """Tables that were to be loaded again, and may be away since."""
        self._doubted: set[str] = set()
        """Tables in whose log of tokens something may be wrong."""

    def check_room(self, size: int) -> None:
        """Refuse to begin what the disk may not have room for.

        Args:
            size: bytes of the payload; parts, merges and the engine's logs may take as much again, twice.

        Raises:
            StoreUnavailable: too little is free.
        """
        found = os.statvfs(self._folder)
        free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        if free < 3 * size + min(_LEAST_FREE, total * _LEAST_PART):
            raise StoreUnavailable(
                f"The store's disk has {free // MIB:,} MiB free, too little to store more safely.",
                "Free some space; what waits is kept and goes in then.",
            )

    def learn(self, table: str) -> None:
        """Take the parts that are there for whole: the engine has checked them when it loaded the table.

        Raises:
            StoreUnavailable: a token must be forgotten first, and the disk does not take that.
        """
        self._doubted.add(table)
        self.settle(table)
        self._whole[table] = {row["name"] for row in self._active(table)}

    def settle(self, table: str) -> None:
        """Forget the tokens of parts that are gone, if there may be any; to be called before each insert.

        Raises:
            StoreUnavailable: the disk does not take that.
        """
        self._attach(table)
        if table not in self._doubted:
            return
        lost = tokens.lost(self._folder_of(table), [row["name"] for row in self._active(table)])
        if lost:
            log.error("store.tokens_of_lost_parts", table=table, parts=sorted(lost.values()))
            self._reload(table, lambda: tokens.forget(self._folder_of(table), lost))
        self._doubted.discard(table)

    def check(self, table: str) -> None:
        """Check the parts that are new since the last call.

        Raises:
            StoreUnavailable: one was not whole and has been taken away; insert again with the same token.
        """
        self._attach(table)
        active = self._active(table)
        known = self._whole.get(table, set())
        broken = [row for row in active if row["name"] not in known and not _is_whole(row)]
        names = {row["name"] for row in broken}
        self._whole[table] = {row["name"] for row in active} - names
        if broken:
            self._give_up(table, broken)
            raise StoreUnavailable(
                f"The disk did not take what was stored in {table}.", "Check the disk; what waits is kept."
            )

    def watch(self) -> None:
        """Check now and then in the background until `close`: merges go on when nothing is inserted any more.

        The sources of a merged part stay for `old_parts_lifetime`; a look must come before that.
        """
        self._watcher = threading.Thread(target=self._watch, name="parts", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Stop watching, after a last look."""
        self._closed.set()
        if self._watcher:
            self._watcher.join()

    def _watch(self) -> None:
        ended = False
        while not ended:
            ended = self._closed.wait(_LOOK_SECONDS)
            for table in tuple(self._whole):
                try:
                    with self._lock:
                        self.check(table)
                except Exception as error:
                    # Also a failing disk must not end the thread: nobody else looks at merges.
                    log.warning("store.parts_checked", table=table, reason=str(error))

    def _active(self, table: str) -> list[dict[str, Any]]:
        result = self._client.query(
            "SELECT name, level, path, bytes_on_disk FROM system.parts WHERE active AND database = %(database)s AND "
            "table = %(table)s",
            parameters={"database": self._database, "table": table},
        )
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def _folder_of(self, table: str) -> Path:
        folder = self._folders.get(table)
        if folder is None:
            found = self._client.query(
                "SELECT data_paths[1] FROM system.tables WHERE database = %(database)s AND name = %(table)s",
                parameters={"database": self._database, "table": table},
            )
            folder = self._folders[table] = Path(found.result_rows[0][0])
        return folder

    def _reload(self, table: str, between: Callable[[], None] = lambda: None) -> None:
        """Detach a table, once who reads it is done, and load it again."""
        self._folder_of(table)
        self._detached.add(table)
        self._client.command(f"DETACH TABLE {table} SYNC")
        try:
            between()
        finally:
            self._attach(table)

    def _attach(self, table: str) -> None:
        if table in self._detached:
            self._client.command(f"ATTACH TABLE IF NOT EXISTS {table}")
            self._detached.discard(table)

    def _give_up(self, table: str, broken: list[dict[str, Any]]) -> None:
        log.error("store.parts_not_whole", table=table, parts=[row["name"] for row in broken])
        self._doubted.add(table)
        for row in broken:
            if not row["level"]:
                self._client.command(f"ALTER TABLE {table} DROP PART '{row['name']}'")
        if any(row["level"] for row in broken):
            self._reload(table)


def _is_whole(row: dict[str, Any]) -> bool:
    """Say whether a part's files hold what the engine wrote; a part that is gone by now was merged or removed."""
    folder = Path(row["path"])
    try:
        sizes = {entry.relative_to(folder).as_posix(): entry.stat().st_size for entry in folder.rglob("*")}
    except FileNotFoundError:
        return True
    counted = sum(size for name, size in sizes.items() if name not in _UNCOUNTED and not (folder / name).is_dir())
    # Counted ones may be empty: a large part has such files for columns of which no row has a value.
    whole = counted >= row["bytes_on_disk"] and all(size for name, size in sizes.items() if name in _UNCOUNTED)
    return whole or not folder.exists()
