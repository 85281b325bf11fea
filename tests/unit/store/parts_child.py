"""In a process of its own (one embedded store a process): parts whose files the disk did not take."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

from bdp.errors import StoreUnavailable
from bdp.model.batch import RecordKind
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store
from bdp.store.parts import Parts

ROW = b'{"event_id":"%d","ts":"2026-05-01T00:00:00Z","service":"shop","message":"it broke"}'


def main() -> None:
    """Insert, with every second insert's first part emptied behind the engine's back, and count what is there."""
    store = open_store(StoreSettings(), Path(sys.argv[1]) / "store")
    emptied = 0
    for number in range(6):
        payload = b"\n".join(ROW % (number * 10 + row) for row in range(10))
        Lossy.lose = number % 2 == 0
        for _ in range(3):
            try:
                store.insert(RecordKind.EVENTS, payload, f"token {number}")
                break
            except StoreUnavailable:
                emptied += 1
    print(emptied, *_counts(store))
    store.close()


def _counts(store: ClickHouseStore) -> tuple[int, int]:
    row = store.query("SELECT count() AS n, uniqExact(event_id) AS u FROM events")[0]
    return row["n"], row["u"]


class Lossy(Parts):
    """Empties the newest part before it is checked, as chDB leaves it when write(2) fails."""

    lose = False

    def check(self, table: str) -> None:
        for row in self._active(table):
            if Lossy.lose and row["name"] not in self._whole.get(table, set()):
                for file in Path(row["path"]).iterdir():
                    file.write_bytes(b"")
                Lossy.lose = False
        super().check(table)


if __name__ == "__main__":
    with patch("bdp.store.clickhouse.Parts", Lossy):
        main()
