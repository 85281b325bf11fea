"""`bdp worker` processes share a Kinesis stream, and are killed: nothing is lost, nothing doubles."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bdp.clock import SystemClock
from bdp.ids import Ids
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.kinesis.stream import KinesisStream, open_kinesis
from tests.contract import kinesis_rig
from tests.integration.conftest import ClickHouseProcess
from tests.integration.test_scale_out import START, Crew, events, send, torment, verify


@pytest.fixture
def stream(tmp_path: Path, new_postgresql: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[KinesisStream]:
    name = f"records-{tmp_path.name}"
    kinesis_rig.client_of(monkeypatch).create_stream(StreamName=name, ShardCount=4)
    settings = KinesisSettings(
        stream_name=name, region=kinesis_rig.REGION, endpoint_url=kinesis_rig.endpoint(), tally_seconds=0.2
    )
    opened = open_kinesis(settings, new_postgresql, SystemClock(), Ids().new(START))
    yield opened
    opened.close()


@pytest.fixture
def crew(tmp_path: Path, stream: KinesisStream, new_postgresql: str, clickhouse: ClickHouseProcess) -> Iterator[Crew]:
    environment = {
        "BDP_STREAM__SINKS": '["kinesis", "table", "files"]',
        "BDP_STREAM__KINESIS__STREAM_NAME": stream.settings.stream_name,
        "BDP_STREAM__KINESIS__REGION": kinesis_rig.REGION,
        "BDP_STREAM__KINESIS__ENDPOINT_URL": kinesis_rig.endpoint(),
        "BDP_STREAM__KINESIS__SESSION_SECONDS": "2",
        "BDP_WORK__LINGER_SECONDS": "0.1",
        "BDP_STORE__DSN": clickhouse.dsn,
        "BDP_STATE__URL": new_postgresql,
    }
    opened = Crew(tmp_path, environment)
    yield opened
    opened.close()


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
def test_killed_workers_lose_and_double_nothing(
    crew: Crew, stream: KinesisStream, clickhouse: ClickHouseProcess, new_postgresql: str, seed: int
) -> None:
    chance = random.Random(seed)
    batches = [events(chance, number, 60) for number in range(100)]
    for number in range(3):
        crew.start(number)
    crew.wait()
    sender = threading.Thread(target=send, args=(stream, random.Random(seed), batches, 8.0))
    sender.start()
    torment(crew, chance, kills=5)
    sender.join()
    verify(stream, clickhouse, new_postgresql, batches, seconds=120)
    assert [crew.stop(number) for number in crew.numbers()] == [0, 0, 0]
