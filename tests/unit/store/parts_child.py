"""In a process of its own (one embedded store a process): parts whose files the disk did not take."""

from __future__ import annotations

import random
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from bdp.errors import BadRequest, StoreUnavailable
from bdp.model.batch import RecordKind
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store
from bdp.store.parts import Parts

ROW = b'{"event_id":"%d","ts":"2026-05-01T00:00:00Z","service":"shop","message":"it broke"}'


def main() -> None:
    """Cut each file of a part once, to nothing or by its last byte, behind the engine's back; count what is there."""
    store = open_store(StoreSettings(), Path(sys.argv[1]) / "store")
    _insert(store, 0)
    [row] = store._writer.query("SELECT path FROM system.parts WHERE table = 'events' AND active").result_rows
    names = sorted(path.name for path in Path(row[0]).iterdir())
    refused = []
    cuts = [(name, whole) for name in names for whole in (True, False)]
    for number, cut in enumerate(cuts, 1):
        Lossy.cut = cut
        try:
            _insert(store, number)
        except StoreUnavailable:
            refused.append(cut)
            _insert(store, number)
    emptied = sorted(name for name, whole in refused if whole)
    print(len(refused), *_counts(store), len(cuts) * 10 + 10, emptied == names)
    store.close()


def lose() -> None:
    """Store two inserts, lose a third one's part, and leave its token in the engine's log."""
    store = open_store(StoreSettings(), Path(sys.argv[1]) / "store")
    _insert(store, 0)
    _insert(store, 1)
    [logs] = [file for file in Path(sys.argv[1]).rglob("deduplication_log_1.txt") if file.stat().st_size]
    before = logs.read_bytes()
    _insert(store, 2)
    added = logs.read_bytes()[len(before) :]
    store.close()
    part = added.split(b"\t")[1].decode()
    shutil.rmtree(logs.parents[1] / part)
    print(part)


def again() -> None:
    """Insert all three again with their tokens."""
    store = open_store(StoreSettings(), Path(sys.argv[1]) / "store")
    for number in range(3):
        _insert(store, number)
    print(*_counts(store))
    store.close()


def reload() -> None:
    """Ask again and again while the table is loaded anew."""
    store = open_store(StoreSettings(), Path(sys.argv[1]) / "store")
    _insert(store, 0)
    told: set[str] = set()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                told.add(str(_counts(store)))
            except BadRequest as error:
                told.add(error.what)

    asking = threading.Thread(target=ask)
    asking.start()
    parts = store._parts
    assert parts is not None
    for _ in range(30):
        with store._writing:
            parts._reload("events", lambda: time.sleep(0.02))
    ended.set()
    asking.join()
    print(told)
    store.close()


def wide() -> None:
    """Store a part so large that the engine keeps columns apart, of which some hold nothing but defaults."""
    store = open_store(StoreSettings(), Path(sys.argv[1]) / "store")
    chance = random.Random(1)
    noise = [chance.randbytes(300).hex().encode() for _ in range(24_000)]
    rows = [ROW.replace(b"it broke", text) % number for number, text in enumerate(noise)]
    store.insert(RecordKind.EVENTS, b"\n".join(rows), "large")
    [row] = store._writer.query("SELECT path FROM system.parts WHERE table = 'events' AND active").result_rows
    empty = [path for path in Path(row[0]).iterdir() if not path.stat().st_size]
    print(*_counts(store), len(empty) > 0)
    store.close()


def _insert(store: ClickHouseStore, number: int) -> None:
    payload = b"\n".join(ROW % (number * 10 + row) for row in range(10))
    store.insert(RecordKind.EVENTS, payload, f"token {number}")


def _counts(store: ClickHouseStore) -> tuple[int, int]:
    row = store.query("SELECT count() AS n, uniqExact(event_id) AS u FROM events")[0]
    return row["n"], row["u"]


class Lossy(Parts):
    """Cuts a file of the newest part before it is checked, as chDB leaves it when write(2) fails."""

    cut: ClassVar[tuple[str, bool] | None] = None

    def check(self, table: str) -> None:
        new = [row for row in self._active(table) if row["name"] not in self._whole.get(table, set())]
        cut, Lossy.cut = Lossy.cut, None
        for row in [row for row in new if not row["level"]][:1]:
            if cut:
                file = Path(row["path"]) / cut[0]
                file.write_bytes(b"" if cut[1] else file.read_bytes()[:-1])
        super().check(table)


if __name__ == "__main__":
    if sys.argv[2:]:
        {"lose": lose, "again": again, "reload": reload, "wide": wide}[sys.argv[2]]()
    else:
        with patch("bdp.store.clickhouse.Parts", Lossy):
            main()
