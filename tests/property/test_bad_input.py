"""Bad input: every entry of the corpus gets a clear answer, loses no neighbour, and leaves the product as it was."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from bdp.app import App
from bdp.clock import ManualClock
from bdp.settings import load
from bdp.store.clickhouse import open_store
from bdp.store.settings import StoreSettings
from bdp.web.api import create_api
from tests.corpus.entry import Entry
from tests.corpus.play import Desk, play
from tests.corpus.whole import ENTRIES

TOKEN = "the token"
NOW = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A product with its usual limits; its clock stands still, an hour behind the good records."""
    store = open_store(StoreSettings(database=f"t{uuid.uuid4().hex}"))
    settings = load(tmp_path_factory.mktemp("bad") / "home")
    with (
        App(settings, clock=ManualClock(NOW), store=store) as app,
        TestClient(create_api(app, TOKEN), raise_server_exceptions=False) as client,
    ):
        yield Desk(client, TOKEN, app.pipeline.drain)


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in ENTRIES])
def test_bad_input_is_refused_clearly_and_its_neighbours_get_in(desk: Desk, entry: Entry) -> None:
    play(desk, entry)


def test_the_product_is_quick_afterwards(desk: Desk) -> None:
    play(desk, ENTRIES[0].__class__("afterwards", "after", lambda good: good.lines(*range(1, 101)), good=100))


def test_the_corpus_is_large_and_its_entries_differ() -> None:
    assert len(ENTRIES) >= 300
    assert max(Counter(entry.name for entry in ENTRIES).values()) == 1
    assert len({entry.idea for entry in ENTRIES}) >= 12
