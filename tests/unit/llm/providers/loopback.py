"""A provider on loopback: what it was asked, and the bytes that it answers with."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Script = Callable[[socket.socket], None]


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Loopback:
    """Answers with what was given to it last."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    script: Script = field(default=lambda _: None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    def answers(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
        self.sends(_head(status, told) + data)

    def sends(self, data: bytes) -> None:
        """Send these bytes and close, whatever they are."""
        self.script = lambda connection: connection.sendall(data)

    def drips(self, head: dict[str, str], seconds: float) -> None:
        """Send a byte every twentieth of a second."""

        def drip(connection: socket.socket) -> None:
            connection.sendall(_head(200, head))
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                connection.sendall(b" ")
                time.sleep(0.05)

        self.script = drip

    def floods(self, head: dict[str, str]) -> None:
        """Send for as long as anyone reads."""

        def flood(connection: socket.socket) -> None:
            connection.sendall(_head(200, head))
            for _ in range(4096):
                connection.sendall(b" " * 65536)

        self.script = flood

    def stalls(self, seconds: float) -> None:
        self.script = lambda _: time.sleep(seconds)


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Any", "connection: close", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@contextmanager
def loopback() -> Iterator[Loopback]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        server = Loopback(port=listener.getsockname()[1])
        ended = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, server, ended), daemon=True)
        thread.start()
        yield server
        ended.set()
        thread.join()


def _serve(listener: socket.socket, server: Loopback, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        threading.Thread(target=_answer, args=(connection, server), daemon=True).start()


def _answer(connection: socket.socket, server: Loopback) -> None:
    connection.settimeout(10)
    with connection:
        try:
            asked = _read(connection)
            if asked is not None:
                server.asked.append(asked)
                server.script(connection)
        except OSError:
            return  # whoever asked has gone


def _read(connection: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("expect") == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, path, _ = first.split(" ")
    return Asked(method, path, headers, body)
