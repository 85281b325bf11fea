"""A real embedded store for each test, apart by database name."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store


@pytest.fixture
def store() -> Iterator[ClickHouseStore]:
    opened = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    yield opened
    opened.close()
