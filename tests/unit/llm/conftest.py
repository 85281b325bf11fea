from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.llm.providers.loopback import Loopback, loopback


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one
