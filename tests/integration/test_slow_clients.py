"""Clients that hold a connection and send nothing cost a serving process a bounded time and a bounded number."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.integration.serving import Served


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Served]:
    started = Served(tmp_path, {"BDP_WEB__BODY_SECONDS": "0.5", "BDP_WEB__CONNECTIONS": "10"})
    assert started.ready(), started.told()
    yield started
    assert started.stop() == 0, started.told()


def connected(life: Served) -> socket.socket:
    url = life.client.base_url
    return socket.create_connection((url.host, url.port or 0), timeout=20)


def answer(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_stalled_body_is_answered_and_the_connection_closed(life: Served) -> None:
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {life.client.headers['authorization']}\r\n"
    with connected(life) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert answer(connection).startswith(b"HTTP/1.1 408 ")
    with connected(life) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert life.get("/healthz")["status"] == "ok"
    assert "Traceback" not in life.told()


def test_one_connection_too_many_is_told_so_and_room_comes_back(life: Served) -> None:
    with ExitStack() as idle:
        for _ in range(10):
            idle.enter_context(connected(life))
        with connected(life) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert answer(connection).startswith(b"HTTP/1.1 503 ")
    limit = time.monotonic() + 20
    while life.client.get("/healthz").status_code != httpx.codes.OK:
        assert time.monotonic() < limit, life.told()
