"""A worker says what it misses before it starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr, ValidationError

from bdp.cli.worker import _tell, check, source
from bdp.errors import BadSetting
from bdp.settings import Settings, StateSettings
from bdp.store.settings import StoreSettings
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kinesis.settings import KinesisSettings
from bdp.stream.settings import StreamSettings
from bdp.telemetry import set_up_logs

BROKER = StreamSettings(kafka=KafkaSettings(bootstrap_servers="127.0.0.1:9092"))
SHARDS = StreamSettings(sinks=("kinesis", "table"), kinesis=KinesisSettings(stream_name="records"))
SERVER = StoreSettings(dsn=SecretStr("http://127.0.0.1:8123/"))
SHARED = StateSettings(url=SecretStr("postgresql://bdp@127.0.0.1/bdp"))


@pytest.mark.parametrize("stream", [BROKER, SHARDS], ids=["kafka", "kinesis"])
def test_what_several_processes_can_share_is_enough(tmp_path: Path, stream: StreamSettings) -> None:
    check(Settings(home=tmp_path, stream=stream, store=SERVER, state=SHARED))


def test_where_both_are_set_the_primary_says_which() -> None:
    both = {"kafka": KafkaSettings(bootstrap_servers="x:1"), "kinesis": KinesisSettings(stream_name="records")}
    assert source(StreamSettings.model_validate({"sinks": ("kinesis",)} | both)) == "kinesis"
    assert source(StreamSettings.model_validate({"sinks": ("kafka",)} | both)) == "kafka"
    assert source(StreamSettings.model_validate(both)) == "kafka"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"sinks": ("kinesis", "table")}, "stream_name"),
        ({"sinks": ("journal", "kinesis"), "kinesis": {"stream_name": "s"}}, "exactly the first"),
    ],
)
def test_an_order_of_sinks_that_cannot_be_is_refused(given: dict[str, object], missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        StreamSettings.model_validate(given)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"store": SERVER, "state": SHARED}, "stream.kafka.bootstrap_servers"),
        ({"stream": BROKER, "state": SHARED}, "store.dsn"),
        ({"stream": BROKER, "store": SERVER}, "state.url"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, given: dict[str, object], missing: str) -> None:
    with pytest.raises(BadSetting) as error:
        check(Settings.model_validate({"home": tmp_path} | given))
    assert missing in error.value.next_step


def test_the_partitions_of_a_worker_are_an_entry_of_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", json=True)
    _tell([3, 5])
    structlog.reset_defaults()
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["partitions"]) == ("worker.partitions", [3, 5])
    assert told["timestamp"]
