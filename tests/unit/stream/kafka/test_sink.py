"""What can be said of Kafka's settings without a broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from bdp.clock import SystemClock
from bdp.errors import BadSetting, StreamUnavailable
from bdp.stream.kafka.settings import KafkaSettings
from bdp.stream.kafka.sink import KafkaSink, client_options
from bdp.stream.kafka.topic import open_topic
from bdp.stream.shared.tally import Reports, Tally


class Nobody(Reports):
    """Takes reports."""

    def acknowledge(self, *given: object, **more: object) -> None:
        """Forget it."""


def test_secret_options_come_from_the_environment() -> None:
    settings = KafkaSettings(options={"sasl.password": "env:PASSWORD", "security.protocol": "SASL_SSL"})
    resolved = settings.resolved(lambda name: "hidden" if name == "PASSWORD" else None)
    assert client_options(resolved)["sasl.password"] == "hidden"
    with pytest.raises(BadSetting, match=r"sasl\.password"):
        settings.resolved(lambda name: None)


@pytest.mark.parametrize("name", ["acks", "enable.idempotence", "group.id", "isolation.level"])
def test_an_option_that_would_break_the_promise_is_refused(name: str) -> None:
    with pytest.raises(BadSetting, match=name):
        KafkaSettings(options={name: "x"}).resolved(lambda given: None)


def test_without_a_broker_s_address_there_is_no_sink() -> None:
    tally = Tally("p", Nobody(), 0.05)
    with pytest.raises(BadSetting, match="broker"):
        KafkaSink(KafkaSettings(), tally, "p")
    tally.close()


def test_a_broker_that_never_was_is_said_within_the_time() -> None:
    tally = Tally("p", Nobody(), 0.05)
    sink = KafkaSink(KafkaSettings(bootstrap_servers="127.0.0.1:1", timeout_seconds=0.5), tally, "p")
    with pytest.raises(StreamUnavailable, match="Kafka does not answer"):
        sink.append([])
    sink.close()


def test_a_wrong_option_of_the_library_is_told_as_a_setting(tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers="localhost:1", options={"security.protocol": "BOGUS"})
    with pytest.raises(BadSetting, match="BOGUS"):
        open_topic(settings, f"sqlite:///{tmp_path / 'books.db'}", SystemClock(), "p1")
