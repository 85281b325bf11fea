"""Embedded stores that are emptied and used again: to make one takes forty times as long as to empty one."""

from __future__ import annotations

import uuid

from bdp.model.batch import RecordKind
from bdp.store.clickhouse import ClickHouseStore
from bdp.store.settings import StoreSettings

_free: dict[int, list[KeptStore]] = {}


class KeptStore(ClickHouseStore):
    """A real store in memory; who closes it gives it to the next test."""

    used = True

    def close(self) -> None:
        if self.used:
            self.used = False
            _free.setdefault(self._settings.query_rows, []).append(self)

    def emptied(self) -> KeptStore:
        for kind in RecordKind:
            self._writer.command(f"TRUNCATE TABLE {kind.value}")
        self.used = True
        return self

    def end(self) -> None:
        super().close()


def empty_store(query_rows: int = StoreSettings().query_rows) -> ClickHouseStore:
    """Return a store without records, apart from those that others have open."""
    free = _free.get(query_rows)
    if free:
        return free.pop().emptied()
    return KeptStore(StoreSettings(database=f"t{uuid.uuid4().hex}", query_rows=query_rows), None)


def end_all() -> None:
    """Close what was kept."""
    for free in _free.values():
        while free:
            free.pop().end()
