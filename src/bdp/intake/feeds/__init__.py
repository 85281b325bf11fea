"""Ways in that fetch: topics and streams of others, each in a thread of `bdp serve`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bdp.clock import Clock
from bdp.errors import BadSetting
from bdp.ids import Ids
from bdp.intake.feeds.checkpoints import Checkpoints
from bdp.intake.feeds.feed import Deliver, Feed, Feeds
from bdp.intake.feeds.kafka import KafkaFeed, KafkaFeedSettings
from bdp.intake.feeds.kinesis import KinesisFeed, KinesisFeedSettings
from bdp.intake.feeds.reading import FeedReader
from bdp.intake.limits import IntakeSettings
from bdp.intake.sampling import Sampler

__all__ = ["Deliver", "Feed", "FeedSettings", "Feeds", "open_feeds"]

FeedSettings = Annotated[KafkaFeedSettings | KinesisFeedSettings, Field(discriminator="kind")]
"""One feed, by `kind`."""


def open_feeds(
    settings: Sequence[KafkaFeedSettings | KinesisFeedSettings],
    intake: IntakeSettings,
    folder: Path,
    deliver: Deliver,
    clock: Clock,
    ids: Ids,
    secret: Callable[[str], str | None],
    sampler: Sampler | None = None,
) -> Feeds:
    """Return the feeds, not started yet; nothing is connected before they are.

    Args:
        folder: the home; places in streams that keep none themselves are in its `feeds.db`.
        deliver: takes a batch into custody; see `feed.Deliver`.
        secret: gives the value of an environment variable that a setting names.

    Raises:
        BadSetting: a name stands twice, or a feed's format or option is not known.
    """
    names = [one.name for one in settings]
    for name in names:
        if names.count(name) > 1:
            raise BadSetting(f"There are two feeds called {name!r}.", "Give each a name of its own.")
    checkpoints = Checkpoints(folder / "feeds.db")
    feeds: list[Feed] = []
    for one in settings:
        reader = FeedReader(one.name, one.format, intake, clock, ids, sampler)
        if isinstance(one, KafkaFeedSettings):
            feeds.append(KafkaFeed(one, reader, deliver, secret))
        else:
            feeds.append(KinesisFeed(one, reader, deliver, checkpoints, clock))
    return Feeds(feeds)
