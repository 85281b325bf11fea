"""Kinesis on loopback, by moto's server."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def kinesis(aws_endpoint: str, aws: None) -> KinesisClient:
    return boto3.client("kinesis", region_name="us-east-1", endpoint_url=aws_endpoint)


@pytest.fixture
def stream(kinesis: KinesisClient) -> str:
    """A new stream of two shards."""
    name = f"s-{uuid.uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=2)
    return name


@pytest.fixture
def settings_of(aws_endpoint: str) -> dict[str, Any]:
    return {"region": "us-east-1", "endpoint_url": aws_endpoint}
