"""What every feed does: it gives a batch until it is taken, and says so without repeating itself."""

from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs

from bdp.errors import BadSetting, StreamUnavailable
from bdp.intake.feeds import feed as feeds
from bdp.intake.feeds.feed import Feeds, deliver_surely
from bdp.model.batch import Batch, RecordKind

BATCH = Batch(batch_id="a", source="orders", kind=RecordKind.EVENTS, count=1, payload=b"{}")


class Own:
    """A feed that cannot work as it is set up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.trouble = ""

    def run(self, stop: threading.Event) -> None:
        raise BadSetting("There is no region.", "Set one.")


def test_a_custody_that_is_away_is_told_once_and_its_return_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_LONGEST_WAIT", 0.001)
    monkeypatch.setattr(feeds, "_FIRST_WAIT", 0.001)
    feed, tries = Own("orders"), 0

    def deliver(batch: Batch) -> None:
        nonlocal tries
        tries += 1
        if tries < 10:
            raise StreamUnavailable("No sink takes records now.", "Send again later.")

    with capture_logs() as told:
        deliver_surely(feed, deliver, BATCH, threading.Event())
    assert [entry["event"] for entry in told] == ["feed.custody_away", "feed.custody_back"]
    assert feed.trouble == "No sink takes records now."


def test_a_feed_that_ended_is_known_by_its_reason() -> None:
    running = Feeds([Own("orders"), Own("clicks")])
    running.start()
    running.close()
    reason = "There is no region."
    assert running.states() == running.troubles() == {"orders": reason, "clicks": reason}
