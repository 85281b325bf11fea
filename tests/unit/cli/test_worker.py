"""A worker says what it misses before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from bdp.cli.worker import check
from bdp.errors import BadSetting
from bdp.settings import Settings, StateSettings
from bdp.store.settings import StoreSettings
from bdp.stream.kafka import KafkaSettings
from bdp.stream.settings import StreamSettings

BROKER = StreamSettings(kafka=KafkaSettings(bootstrap_servers="127.0.0.1:9092"))
SERVER = StoreSettings(dsn=SecretStr("http://127.0.0.1:8123/"))
SHARED = StateSettings(url=SecretStr("postgresql://bdp@127.0.0.1/bdp"))


def test_what_several_processes_can_share_is_enough(tmp_path: Path) -> None:
    check(Settings(home=tmp_path, stream=BROKER, store=SERVER, state=SHARED))


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
