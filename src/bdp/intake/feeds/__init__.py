"""Ways in that fetch: topics, streams, exporters, metrics and costs of others, each in a thread of `bdp serve`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from bdp.clock import Clock
from bdp.errors import BadSetting
from bdp.ids import Ids
from bdp.intake.feeds.checkpoints import Checkpoints
from bdp.intake.feeds.cloudwatch import CloudWatchFeed, CloudWatchFeedSettings
from bdp.intake.feeds.costs import CostFeed, CostFeedSettings, KeepView
from bdp.intake.feeds.feed import Deliver, Feed, Feeds
from bdp.intake.feeds.kafka import KafkaFeed, KafkaFeedSettings
from bdp.intake.feeds.kinesis import KinesisFeed, KinesisFeedSettings
from bdp.intake.feeds.reading import FeedReader
from bdp.intake.feeds.scrape import ScrapeFeed, ScrapeFeedSettings
from bdp.intake.limits import IntakeSettings
from bdp.intake.sampling import Sampler

__all__ = ["Deliver", "Feed", "FeedSettings", "Feeds", "open_feeds"]

AnyFeedSettings = (
    KafkaFeedSettings | KinesisFeedSettings | ScrapeFeedSettings | CloudWatchFeedSettings | CostFeedSettings
)
FeedSettings = Annotated[AnyFeedSettings, Field(discriminator="kind")]
"""One feed, by `kind`."""


@dataclass(frozen=True)
class _Parts:
    """What feeds are made of; see `open_feeds`."""

    intake: IntakeSettings
    checkpoints: Checkpoints
    deliver: Deliver
    clock: Clock
    ids: Ids
    secret: Callable[[str], str | None]
    sampler: Sampler | None
    keep_view: KeepView

    def reader(self, name: str, format: str) -> FeedReader:
        return FeedReader(name, format, self.intake, self.clock, self.ids, self.sampler)


def _kafka(one: KafkaFeedSettings, parts: _Parts) -> Feed:
    return KafkaFeed(one, parts.reader(one.name, one.format), parts.deliver, parts.secret)


def _kinesis(one: KinesisFeedSettings, parts: _Parts) -> Feed:
    return KinesisFeed(one, parts.reader(one.name, one.format), parts.deliver, parts.checkpoints, parts.clock)


def _scrape(one: ScrapeFeedSettings, parts: _Parts) -> Feed:
    return ScrapeFeed(one, parts.intake, parts.deliver, parts.clock, parts.ids, parts.secret)


def _cloudwatch(one: CloudWatchFeedSettings, parts: _Parts) -> Feed:
    return CloudWatchFeed(one, parts.intake, parts.deliver, parts.checkpoints, parts.clock, parts.ids)


def _cost_explorer(one: CostFeedSettings, parts: _Parts) -> Feed:
    given = (parts.deliver, parts.keep_view, parts.checkpoints, parts.clock, parts.ids)
    return CostFeed(one, parts.intake, *given)


_KINDS: Final[dict[str, Callable[[Any, _Parts], Feed]]] = {
    "kafka": _kafka,
    "kinesis": _kinesis,
    "scrape": _scrape,
    "cloudwatch": _cloudwatch,
    "cost_explorer": _cost_explorer,
}


def open_feeds(
    settings: Sequence[AnyFeedSettings],
    intake: IntakeSettings,
    folder: Path,
    deliver: Deliver,
    clock: Clock,
    ids: Ids,
    secret: Callable[[str], str | None],
    sampler: Sampler | None = None,
    keep_view: KeepView = lambda view: None,
) -> Feeds:
    """Return the feeds, not started yet; nothing is connected before they are.

    Args:
        folder: the home; places in streams that keep none themselves are in its `feeds.db`.
        deliver: takes a batch into custody; see `feed.Deliver`.
        secret: gives the value of an environment variable that a setting names.
        keep_view: keeps what those who bill forecast and find themselves.

    Raises:
        BadSetting: a name stands twice, or a feed's format or option is not known.
    """
    names = [one.name for one in settings]
    for name in names:
        if names.count(name) > 1:
            raise BadSetting(f"There are two feeds called {name!r}.", "Give each a name of its own.")
    parts = _Parts(intake, Checkpoints(folder / "feeds.db"), deliver, clock, ids, secret, sampler, keep_view)
    return Feeds([_KINDS[one.kind](one, parts) for one in settings])
