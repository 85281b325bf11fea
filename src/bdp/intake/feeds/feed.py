"""What every feed is, and the thread that each runs in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from bdp.errors import BdpError, Retry
from bdp.model.batch import Batch
from bdp.telemetry import FEED_INTERRUPTED, Absence

log = structlog.get_logger(__name__)

Deliver = Callable[[Batch], object]
"""Takes a batch into custody and returns when it is durable; may raise `bdp.errors.Retry`, then it is given again."""

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0


class Feed(Protocol):
    """A way in that fetches by itself.

    Attributes:
        name: the source that the ledger shows.
        trouble: what keeps it from fetching, in plain words; empty while nothing does.
    """

    name: str
    trouble: str

    def run(self, stop: threading.Event) -> None:
        """Fetch until `stop` is set. What goes wrong on the way is in `trouble`, and is tried again.

        Raises:
            Refuse: it cannot work as it is set up.
        """


class Stopped(Exception):
    """The feed was asked to stop while it waited."""


class Feeds:
    """Runs each feed in a thread of its own."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.feeds = tuple(feeds)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(feed,), name=f"feed-{feed.name}", daemon=True) for feed in feeds
        ]

    def start(self) -> None:
        """Begin to fetch."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop, and wait until what was fetched is delivered or left for the next start."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident:
                thread.join()

    def troubles(self) -> dict[str, str]:
        """Return what keeps feeds from fetching, by name."""
        return {name: trouble for name, trouble in self.states().items() if trouble}

    def states(self) -> dict[str, str]:
        """Return what keeps each feed from fetching, by name; empty text if nothing does."""
        return {feed.name: feed.trouble for feed in self.feeds}

    def measure(self) -> None:
        """Bring the gauge of each feed up to date."""
        for feed in self.feeds:
            FEED_INTERRUPTED.labels(feed=feed.name).set(bool(feed.trouble))

    def _run(self, feed: Feed) -> None:
        try:
            feed.run(self._stop)
        except BdpError as error:
            feed.trouble = error.what
            log.error("feed.ended", feed=feed.name, reason=str(error))
        except Exception as error:
            # One feed's defect must not go unseen, nor stop the others.
            feed.trouble = f"a defect ended it: {type(error).__name__}"
            log.exception("feed.ended", feed=feed.name)


def deliver_surely(feed: Feed, deliver: Deliver, batch: Batch, stop: threading.Event) -> None:
    """Give a batch until it is taken.

    Raises:
        Stopped: the feed is to end first; nothing says that the batch was taken.
    """
    if not (batch.count or batch.refused or batch.drops):
        return
    wait = _FIRST_WAIT
    absence = Absence(log, "feed.custody_away", "feed.custody_back", feed=feed.name)
    while True:
        try:
            deliver(batch)
            absence.over()
            return
        except Retry as error:
            feed.trouble = error.what
            absence.met(error.what)
        if stop.wait(wait):
            raise Stopped
        wait = min(wait * 2, _LONGEST_WAIT)
