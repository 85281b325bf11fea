"""A process with a Kafka feed over a journal, for tests that kill it: broker, topic, journal, messages a round."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from bdp.clock import SystemClock
from bdp.ids import Ids
from bdp.intake.feeds.kafka import KafkaFeed, KafkaFeedSettings
from bdp.intake.feeds.reading import FeedReader
from bdp.intake.limits import IntakeSettings
from bdp.stream.journal.journal import Journal


def main() -> None:
    broker, topic, path, most = sys.argv[1:]
    settings = KafkaFeedSettings(
        bootstrap_servers=broker,
        topics=(topic,),
        group=f"group-{topic}",
        poll_messages=int(most),
        options={"session.timeout.ms": "1000", "heartbeat.interval.ms": "300"},
    )
    journal = Journal(Path(path))
    reader = FeedReader(settings.name, settings.format, IntakeSettings(), SystemClock(), Ids())
    KafkaFeed(settings, reader, lambda batch: journal.append([batch])).run(threading.Event())


if __name__ == "__main__":
    main()
