"""Settings of a Kinesis stream; apart, so that reading them loads no client."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class KinesisSettings(BaseModel):
    """A Kinesis stream as the stream, and how its readers share it. Credentials come as AWS's own tools find them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stream_name: str = Field(default="", pattern=r"^[a-zA-Z0-9_.-]{0,128}$", description="name of the stream")
    region: str = Field(default="", description="AWS region; empty: as AWS's own tools find it")
    endpoint_url: str = Field(default="", description="address of another endpoint than the region's")
    keys: int = Field(
        default=256, ge=1, le=100_000, description="partition keys that services are spread over; more than shards"
    )
    timeout_seconds: float = Field(
        default=5.0, ge=0.5, le=300, description="longest wait for Kinesis' word; then the next sink is asked"
    )
    poll_seconds: float = Field(
        default=0.5,
        ge=0.2,
        le=60,
        description="pause between questions to a shard that is read up; AWS allows five a second for all readers",
    )
    shards_seconds: float = Field(default=30.0, ge=0.1, le=3600, description="how often new shards are looked for")
    session_seconds: float = Field(
        default=10.0, ge=1, le=300, description="a worker silent for so long loses its shards to others"
    )
    tally_seconds: float = Field(default=1.0, ge=0.05, le=60, description="how often acknowledged totals are reported")
