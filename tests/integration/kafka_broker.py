"""A real Kafka broker for tests: Apache Kafka in KRaft mode, one node, on loopback.

Its jars come by Maven from `kafka/pom.xml` into a folder of the virtual environment, once.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
JARS = Path(sys.prefix) / "kafka-broker"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
READY_SECONDS = 60
HEAP_MIB = 384

_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
"""


class NoBroker(Exception):
    """A broker cannot be had here; the text says why."""


class KafkaBroker:
    """One broker with a folder of its own. It keeps its port and its data over restarts.

    Raises:
        NoBroker: Java or Maven is missing, or the jars cannot be had.
    """

    def __init__(self, folder: Path) -> None:
        self._classpath = f"{_jars()}/*"
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._properties = folder / "server.properties"
        text = _PROPERTIES.format(port=self.port, controller=_free_port(), folder=folder)
        self._properties.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None
        self._format()

    def start(self, wait: bool = True) -> None:
        """Start it, and wait until it answers.

        Raises:
            NoBroker: it does not come up; the text ends with its log.
        """
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(self._java("kafka.Kafka", str(self._properties)), stdout=log, stderr=log)
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        limit = time.monotonic() + READY_SECONDS
        while time.monotonic() < limit and self._process and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        self.kill()
        raise NoBroker(f"Kafka does not start here: {self.log()[-2000:]}")

    def stop(self) -> None:
        """Shut it down as an operator would."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(kill=True)

    def restart(self) -> None:
        """Kill it and start it again on the same data."""
        self.kill()
        self.start()

    @property
    def pid(self) -> int:
        """Its process, for tests that stop it with a signal; only while it runs."""
        assert self._process is not None, "the broker does not run"
        return self._process.pid

    def log(self) -> str:
        """Return what it wrote, in all lives."""
        path = self.folder / "broker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.2):
                pass
            return bool(AdminClient({"bootstrap.servers": self.address}).list_topics(timeout=5).brokers)
        except (OSError, KafkaException):
            return False

    def _format(self) -> None:
        arguments = ["format", "-t", CLUSTER_ID, "-c", str(self._properties)]
        done = subprocess.run(self._java("kafka.tools.StorageTool", *arguments), capture_output=True, check=False)
        if done.returncode:
            raise NoBroker(f"Kafka's folder cannot be made: {done.stderr.decode(errors='replace')[-2000:]}")

    def _java(self, main: str, *arguments: str) -> list[str]:
        options = [
            f"-Xmx{HEAP_MIB}m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true",
        ]  # fmt: skip
        return ["java", *options, "-cp", self._classpath, main, *arguments]

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait(60)
        self._process = None


def _jars() -> Path:
    """Return the folder with the jars, bringing them there the first time."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise NoBroker(f"{tool} is not installed here")
    pom = (HERE / "kafka" / "pom.xml").read_bytes()
    if (JARS / "pom.xml").exists() and (JARS / "pom.xml").read_bytes() == pom:
        return JARS
    # Into a folder of its own first: another run may do the same at this moment.
    fresh = Path(tempfile.mkdtemp(prefix="kafka-", dir=sys.prefix))
    command = ["mvn", "-q", "-B", "-f", str(HERE / "kafka" / "pom.xml"), "dependency:copy-dependencies"]
    done = subprocess.run(
        [*command, "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"], capture_output=True, check=False
    )
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise NoBroker(f"Maven does not bring the broker's jars: {done.stdout.decode(errors='replace')[-1000:]}")
    (fresh / "pom.xml").write_bytes(pom)
    shutil.rmtree(JARS, ignore_errors=True)
    os.replace(fresh, JARS)
    return JARS


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@functools.cache
def shared_broker() -> KafkaBroker | str:
    """Return the broker that all tests of this process share, started at the first call; else why there is none."""
    folder = Path(tempfile.mkdtemp(prefix="bdp-kafka-"))
    try:
        broker = KafkaBroker(folder)
        broker.start()
    except NoBroker as error:
        shutil.rmtree(folder, ignore_errors=True)
        return str(error)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(broker.kill)
    return broker
