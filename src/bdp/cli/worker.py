"""`bdp worker`: one of several processes that share the stream's records."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bdp.cli.options import HomeOption
from bdp.errors import BadSetting

if TYPE_CHECKING:
    from bdp.flow.work import Worker
    from bdp.ports import Stream
    from bdp.settings import Settings
    from bdp.stream.settings import StreamSettings


def worker(
    home: HomeOption = None,
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], typer.Option(help="least severe entry of the product's own log")
    ] = "INFO",
    log_json: Annotated[bool, typer.Option("--log-json", help="write the product's own log as JSON lines")] = False,
) -> None:
    """Store and watch a share of the records in Kafka or Kinesis until stopped; start as many as there is work for.

    Needs one of these as the stream, a ClickHouse server and PostgreSQL: what several processes can share.

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
        hired.run()


def check(settings: Settings) -> None:
    """Refuse settings under which two processes cannot work together.

    Raises:
        BadSetting: the first thing that is missing.
    """
    if not source(settings.stream):
        raise BadSetting(
            "A worker takes its records from Kafka or Kinesis, and neither is set.",
            "Set stream.kafka.bootstrap_servers or stream.kinesis.stream_name.",
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


def source(stream: StreamSettings) -> str:
    """Return where the records come from, kafka or kinesis: the primary, else what is set; empty if nothing is."""
    places = {"kafka": stream.kafka.bootstrap_servers, "kinesis": stream.kinesis.stream_name}
    return next((name for name in (stream.sinks[0], *places) if places.get(name)), "")


@contextlib.contextmanager
def _hired(settings: Settings) -> Iterator[Worker]:
    """Open what a worker works with; closed in reverse order."""
    import structlog

    from bdp.clock import SystemClock
    from bdp.detect.dedup import Judgement, judge
    from bdp.flow.advice import Questions, advising_by
    from bdp.flow.pipeline import Pipeline
    from bdp.flow.shadow import shadowed
    from bdp.flow.work import Worker
    from bdp.ids import Ids
    from bdp.llm.gateway import open_gateway
    from bdp.settings import secret
    from bdp.store.clickhouse import open_store
    from bdp.store.state import open_state
    from bdp.stream.archive import Archive
    from bdp.stream.custody import Place, open_shared

    clock = SystemClock()
    with contextlib.ExitStack() as parts:
        store = parts.enter_context(contextlib.closing(open_store(settings.store)))
        repeat = lambda sighting, anomaly: judge(sighting, anomaly, settings.dedup) is Judgement.REPEAT  # noqa: E731
        state = parts.enter_context(contextlib.closing(open_state(settings.state_url, repeat)))
        place = Place(settings.home, settings.state_url, Ids().new(clock.now()), secret)
        stream = open_shared(source(settings.stream), settings.stream, place, clock)
        parts.enter_context(contextlib.closing(stream))
        archive = Archive(settings.stream.archive, place.process, clock)
        parts.enter_context(contextlib.closing(archive))
        gateway = open_gateway(settings.llm, state.spending, settings.home, clock, Ids())
        parts.enter_context(contextlib.closing(gateway))
        questions = Questions(state.inquiries, clock, settings.insights)
        advising = advising_by(gateway, state.inquiries, state.insights, clock, settings.insights, settings.fabric)
        if advising is not None:
            advising.start()
            parts.enter_context(contextlib.closing(advising))
        structlog.get_logger(__name__).info("worker.started", stream=stream.described)

        def pipeline(lane: Stream) -> Pipeline:
            return Pipeline(
                lane,
                store,
                shadowed(settings.detection, settings.shadow_detection, clock, inquiring=advising is not None),
                state.incidents,
                clock,
                settings.pipeline,
                archive=archive.add,
                insights=state.insights,
                inquire=questions.keep,
            )

        yield Worker(stream.join, stream.lane, pipeline, clock, settings.work, tend=stream.tend, changed=_tell)


def _tell(lanes: Sequence[int]) -> None:
    import structlog

    structlog.get_logger(__name__).info("worker.partitions", partitions=list(lanes))
