"""Is what the embedded engine says it stored really on disk?

chDB 4.4 ignores a failing write(2): on a full or failing disk it makes a part of empty files, says that the insert went
well, and takes a repeat with the same token for a duplicate. So the files of each new part are compared with the size
that the engine has for it. An insert's part that is not whole is dropped, which forgets its token as well, so that the
repeat is stored; a merged one is given up by loading the table again, which brings its sources back (they stay for
`old_parts_lifetime`). A server is not checked: its disk is not ours to look at.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import structlog
from clickhouse_connect.driver.client import Client

from bdp.errors import StoreUnavailable

log = structlog.get_logger(__name__)
MIB = 1 << 20
_LEAST_FREE = 64 * MIB
_LEAST_PART = 0.05


class Parts:
    """Checks the parts of one database's tables. Use under the writer's lock.

    Memory: the names of the active parts.
    """

    def __init__(self, client: Client, database: str, folder: Path) -> None:
        self._client = client
        self._database = database
        self._folder = folder
        self._whole: dict[str, set[str]] = {}

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
        """Take the parts that are there for whole: the engine has checked them when it loaded the table."""
        self._whole[table] = {row["name"] for row in self._active(table)}

    def check(self, table: str) -> None:
        """Check the parts that are new since the last call.

        Raises:
            StoreUnavailable: one was not whole and has been taken away; insert again with the same token.
        """
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

    def _active(self, table: str) -> list[dict[str, Any]]:
        result = self._client.query(
            "SELECT name, level, path, bytes_on_disk FROM system.parts WHERE active AND database = %(database)s AND "
            "table = %(table)s",
            parameters={"database": self._database, "table": table},
        )
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def _give_up(self, table: str, broken: list[dict[str, Any]]) -> None:
        log.error("store.parts_not_whole", table=table, parts=[row["name"] for row in broken])
        for row in broken:
            if not row["level"]:
                self._client.command(f"ALTER TABLE {table} DROP PART '{row['name']}'")
        if any(row["level"] for row in broken):
            self._client.command(f"DETACH TABLE {table}")
            self._client.command(f"ATTACH TABLE {table}")


def _is_whole(row: dict[str, Any]) -> bool:
    """Say whether a part's files hold what the engine wrote; a part that is gone by now was merged or removed."""
    folder = Path(row["path"])
    try:
        size = sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())
    except FileNotFoundError:
        return True
    return size >= row["bytes_on_disk"] or not folder.exists()
