"""`bdp worker`: one of several processes that share the stream's records."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bdp.cli import screen
from bdp.cli.options import HomeOption
from bdp.errors import BadSetting

if TYPE_CHECKING:
    from bdp.flow.work import Worker
    from bdp.ports import Stream
    from bdp.settings import Settings


def worker(
    home: HomeOption = None,
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], typer.Option(help="least severe entry of the product's own log")
    ] = "INFO",
    log_json: Annotated[bool, typer.Option("--log-json", help="write the product's own log as JSON lines")] = False,
) -> None:
    """Store and watch a share of the records in Kafka until stopped; start as many as there is work for.

    Needs a Kafka topic as the stream, a ClickHouse server and PostgreSQL: what several processes can share.

    Examples:

      bdp worker --home /etc/bdp
    """
    from bdp.settings import load
    from bdp.telemetry import set_up_logs

    settings = load(home)
    check(settings)
    set_up_logs(log_level, json=log_json)
    with _hired(settings) as hired:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: hired.stop())
        kafka = settings.stream.kafka
        screen.err.print(f"BDP worker in group {kafka.group} on topic {kafka.topic}   stop: Ctrl-C", soft_wrap=True)
        hired.run()


def check(settings: Settings) -> None:
    """Refuse settings under which two processes cannot work together.

    Raises:
        BadSetting: the first thing that is missing.
    """
    if not settings.stream.kafka.bootstrap_servers:
        raise BadSetting(
            "A worker takes its records from Kafka, and no broker is set.", "Set stream.kafka.bootstrap_servers."
        )
    if not settings.store.dsn.get_secret_value():
        raise BadSetting(
            "A worker shares the store with others; the embedded one has room for one process.",
            "Set store.dsn to a ClickHouse server.",
        )
    if not settings.state_url.startswith("postgresql"):
        raise BadSetting(
            "A worker shares the state with others; SQLite has room for one machine.",
            "Set state.url to postgresql://user@host/database.",
        )


@contextlib.contextmanager
def _hired(settings: Settings) -> Iterator[Worker]:
    """Open what a worker works with; closed in reverse order."""
    from bdp.clock import SystemClock
    from bdp.detect.burst import BurstDetector
    from bdp.detect.dedup import Judgement, judge
    from bdp.flow.pipeline import Pipeline
    from bdp.flow.work import Worker
    from bdp.ids import Ids
    from bdp.settings import secret
    from bdp.store.clickhouse import open_store
    from bdp.store.state import open_state
    from bdp.stream.topic import open_topic

    clock = SystemClock()
    kafka = settings.stream.kafka.resolved(secret)
    with contextlib.ExitStack() as parts:
        store = parts.enter_context(contextlib.closing(open_store(settings.store)))
        repeat = lambda sighting, anomaly: judge(sighting, anomaly, settings.dedup) is Judgement.REPEAT  # noqa: E731
        state = parts.enter_context(contextlib.closing(open_state(settings.state_url, repeat)))
        name = Ids().new(clock.now())
        topic = open_topic(kafka, settings.state_url, clock, name, settings.stream.books)
        parts.enter_context(contextlib.closing(topic))

        def pipeline(lane: Stream) -> Pipeline:
            return Pipeline(lane, store, BurstDetector(settings.detect), state.incidents, clock, settings.pipeline)

        yield Worker(topic.join, topic.lane, pipeline, clock, settings.work, tend=topic.books.tidy, changed=_tell)


def _tell(lanes: Sequence[int]) -> None:
    screen.err.print(f"partitions: {' '.join(map(str, lanes)) or 'none'}", soft_wrap=True)
