"""Workers killed at any instant, databases away, clocks stepped: each action takes effect once, each incident ends."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.__main__ import run
from tests.faults.servers import NoServer


@pytest.fixture
def home() -> Iterator[Path]:
    """Not pytest's folder, whose path is too long for what PostgreSQL keeps beside it."""
    folder = Path(tempfile.mkdtemp(prefix="bdp-chaos-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(1900)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("incidents", "kills"), [(16, 4), pytest.param(300, 60, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_chaos(home: Path, database: str, incidents: int, kills: int, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        found = run(database, home, incidents, kills, seed=7, patience=120.0 if incidents < 100 else 1800.0)
    except NoServer as error:
        pytest.skip(str(error))
    with capsys.disabled():
        print(f"\nchaos: {json.dumps(found)}")
    assert found["wrong"] == []
