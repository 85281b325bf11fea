"""A real embedded store for each test, without records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bdp.store.clickhouse import ClickHouseStore
from tests.kept import empty_store


@pytest.fixture
def store() -> Iterator[ClickHouseStore]:
    opened = empty_store()
    yield opened
    opened.close()
