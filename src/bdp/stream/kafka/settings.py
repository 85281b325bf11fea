"""Settings of the Kafka topic that is the stream; apart, so that reading them loads no client library."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from bdp.errors import BadSetting

_OURS = frozenset(
    {
        "bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "acks",
        "enable.idempotence", "enable.partition.eof", "isolation.level", "partition.assignment.strategy",
        "group.protocol", "allow.auto.create.topics", "message.timeout.ms", "message.max.bytes", "session.timeout.ms",
    }
)  # fmt: skip
"""Options that would break what is promised here, or that have a setting of their own."""


class KafkaSettings(BaseModel):
    """A Kafka topic as the stream, and how its readers share it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap_servers: str = Field(default="", description="host:port,… of some brokers")
    topic: str = Field(default="bdp.records", pattern=r"^[A-Za-z0-9._-]{1,249}$", description="topic of all records")
    group: str = Field(default="bdp", min_length=1, max_length=200, description="consumer group of the workers")
    partitions: int = Field(
        default=12,
        ge=1,
        le=10_000,
        description="partitions that records are spread over: most workers at once; the topic may have more, not less",
    )
    replication_factor: int = Field(
        default=-1, ge=-1, le=100, description="copies of a topic that BDP makes; -1: as the broker is set"
    )
    min_insync_replicas: int = Field(
        default=0,
        ge=0,
        le=100,
        description="copies that must have a message, in a topic that BDP makes; 0: the broker's",
    )
    retention_hours: int = Field(default=168, ge=1, description="how long a topic that BDP makes keeps messages")
    message_bytes: int = Field(
        default=4 << 20,
        ge=64 << 10,
        le=64 << 20,
        description="most bytes in a message; the topic's own limit holds too",
    )
    timeout_seconds: float = Field(
        default=5.0, ge=0.5, le=300, description="longest wait for the broker's word; then the next sink is asked"
    )
    linger_ms: int = Field(default=2, ge=0, le=1000, description="how long messages wait for others to share a request")
    queue_mib: int = Field(default=64, ge=1, le=2048, description="MiB of messages that may be on their way")
    session_seconds: float = Field(
        default=10.0, ge=1, le=300, description="a worker silent for so long loses its partitions to others"
    )
    read_mib: int = Field(default=16, ge=1, le=1024, description="MiB read ahead for each partition")
    tally_seconds: float = Field(default=1.0, ge=0.05, le=60, description="how often acknowledged totals are reported")
    options: dict[str, str] = Field(
        default={}, description="further librdkafka options, such as security.protocol; a secret value as env:NAME"
    )

    def resolved(self, secret: Callable[[str], str | None]) -> KafkaSettings:
        """Return the settings with each option `env:NAME` replaced by what `secret(NAME)` gives.

        Raises:
            BadSetting: it gives nothing, or an option is one that BDP sets itself.
        """
        for name in self.options:
            if name in _OURS:
                raise BadSetting(f"Kafka's option {name} is set by BDP.", "Take it out of stream.kafka.options.")
        options = {name: _resolved(name, value, secret) for name, value in self.options.items()}
        return self.model_copy(update={"options": options})


def _resolved(name: str, value: str, secret: Callable[[str], str | None]) -> str:
    if not value.startswith("env:"):
        return value
    found = secret(value.removeprefix("env:"))
    if not found:
        raise BadSetting(f"Kafka's option {name} names {value}, which is not set.", "Set that environment variable.")
    return found
