"""A topic of its own on the shared broker, for the contract suites."""

from __future__ import annotations

from pathlib import Path

import pytest

from bdp.clock import SystemClock
from bdp.ids import Ids
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kafka.topic import Topic, open_topic
from tests.integration.kafka_broker import shared_broker


def topic_in(folder: Path, partitions: int = 1) -> Topic:
    """Open the topic that belongs to a test's folder; its books are a SQLite file there."""
    broker = shared_broker()
    if isinstance(broker, str):
        pytest.skip(f"no Kafka broker: {broker}")
    settings = KafkaSettings(
        bootstrap_servers=broker.address,
        topic=f"contract-{folder.name}",
        partitions=partitions,
        tally_seconds=0.05,
        timeout_seconds=10,
    )
    clock = SystemClock()
    return open_topic(settings, f"sqlite:///{folder / 'books.db'}", clock, Ids().new(clock.now()))
