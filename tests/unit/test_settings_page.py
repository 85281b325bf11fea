"""The page of all settings: nothing that can be set is missing from it."""

from __future__ import annotations

import pytest

from bdp.intake.feeds.cloudwatch import CloudWatchFeedSettings
from bdp.intake.feeds.kafka import KafkaFeedSettings
from bdp.intake.feeds.kinesis import KinesisFeedSettings
from bdp.intake.feeds.scrape import ScrapeFeedSettings
from bdp.notify.webhook import WebhookChannelSettings
from bdp.settings import Settings
from tools.settings_page import page


def sections() -> dict[str, str]:
    return {part.partition("\n")[0]: part for part in page().split("\n## ")[1:]}


@pytest.mark.parametrize(
    ("title", "room"),
    [
        ("feeds: kafka", KafkaFeedSettings),
        ("feeds: kinesis", KinesisFeedSettings),
        ("feeds: scrape", ScrapeFeedSettings),
        ("feeds: cloudwatch", CloudWatchFeedSettings),
        ("notify.channels: webhook", WebhookChannelSettings),
    ],
)
def test_each_kind_of_a_list_has_a_table_of_its_own(title: str, room: type) -> None:
    text = sections()[title]
    name, _, kind = title.partition(": ")
    assert f'[[{name}]]\nkind = "{kind}"' in text
    for setting, field in room.model_fields.items():  # type: ignore[attr-defined]
        if setting != "kind":
            assert f"| `{setting}` | " + ("must be given" if field.is_required() else "") in text


def test_every_room_and_list_is_on_the_page() -> None:
    found = {title.partition(".")[0].partition(":")[0] for title in sections()}
    assert found == set(Settings.model_fields) - {"home"}
