"""An outage of the primary sink: an hour of events goes behind it, it comes back, everything drains.

    python benchmarks/outage.py [--quick] [--kafka] [--out FILE]

Two parts in this run, each the whole product in a process of its own, records given to the delivery chain in batches of
1,000:

- direct: the primary is there, until the last record is stored;
- outage: the primary takes nothing (a switch before the journal's `append`; with `--kafka` a real broker that is
  stopped), so all records go to the sinks behind it; then it is back, until the last record is stored.

Events carry one hour of event time. CPU is the process' own (user + system) without making the records. The peak of
memory is the process' resident size, apart for each phase; `bound_mib` is what it must stay under, whatever the length
of the outage. Exactly once is checked in the store: rows, and different ids. Prints one JSON object on the last line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bdp.app import App
from bdp.errors import StreamUnavailable
from bdp.model.batch import Batch, RecordKind
from bdp.settings import load

ROOT = Path(__file__).resolve().parents[1]
EVENTS = 5_000_000
QUICK_EVENTS = 100_000
BATCH_EVENTS = 1_000
SENDERS = 2
HOUR = timedelta(hours=1)
BOUND_MIB = 1_536
"""Base of the process with its engine (about 600 MiB), one portion of the drain (at most 20,000 records or 16 MiB), one
range of the pipeline (32 MiB) decoded, one insert of the engine, and its caches."""
LONGEST_SECONDS = 3 * 3600


def main() -> None:
    """Run both parts and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_EVENTS:,} events, for a first look")
    parser.add_argument("--events", type=int, help=f"instead of {EVENTS:,}")
    parser.add_argument("--kafka", action="store_true", help="Kafka as the primary: a real broker, stopped and started")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    parser.add_argument("--part", choices=tuple(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    events = arguments.events or (QUICK_EVENTS if arguments.quick else EVENTS)
    events -= events % BATCH_EVENTS
    if arguments.part:
        print(json.dumps(PARTS[arguments.part](arguments.home, events, arguments.kafka)))
        return
    with tempfile.TemporaryDirectory(prefix="bdp-outage-") as folder:
        found = {part: run_part(part, Path(folder) / part, events, kafka=arguments.kafka) for part in PARTS}
    figures = summarise(found["direct"], found["outage"], events, "kafka" if arguments.kafka else "journal")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))
    if not figures["exactly_once"] or not figures["within_bound"]:
        raise SystemExit("the outage is not survived as promised")


def run_part(part: str, home: Path, events: int, *, kafka: bool) -> dict[str, Any]:
    """Run one part in a process of its own: an embedded store is one to a process."""
    command = [sys.executable, __file__, "--part", part, "--home", str(home), "--events", str(events)]
    done = subprocess.run(
        [*command, "--kafka"] if kafka else command, check=False, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    if done.returncode:
        raise SystemExit(f"the part {part} ended with {done.returncode}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def direct(home: Path, events: int, kafka: bool) -> dict[str, Any]:
    """Give all records to the chain while all is well."""
    with primary(home, kafka=kafka) as (app, _):
        maker = Maker()
        making = maker.cpu_seconds(events)
        with Meter() as meter:
            send(app, maker, events)
            acknowledged = meter.seconds()
            wait_stored(app, events)
        return meter.figures(making) | {"acknowledged_s": acknowledged} | verify(app, events)


def outage(home: Path, events: int, kafka: bool) -> dict[str, Any]:
    """Give all records to the chain while the primary is away, then bring it back."""
    with primary(home, kafka=kafka) as (app, switch):
        maker = Maker()
        making = maker.cpu_seconds(events)
        switch(False)
        with Meter() as away:
            send(app, maker, events)
        waiting = {state.name: state.waiting for state in app.chain.states()[1:]}
        backlog = size_mib(home)
        with Meter() as drain:
            switch(True)
            until(lambda: all(state.waiting == 0 for state in app.chain.states()))
            returned = drain.seconds()
            wait_stored(app, events)
        return {
            "away": away.figures(making),
            "drain": drain.figures(0.0),
            "returned_s": returned,
            "waiting": waiting,
            "backlog_mib": backlog,
        } | verify(app, events)


PARTS = {"direct": direct, "outage": outage}


@contextlib.contextmanager
def primary(home: Path, *, kafka: bool) -> Iterator[tuple[App, Callable[[bool], None]]]:
    """Run the product and give it with the switch of its primary: called with False, the primary takes nothing."""
    home.mkdir(parents=True)
    if kafka:
        with with_broker(home) as (settings, switch), App(load(home, settings)) as app:
            app.start()
            yield app, switch
        return
    with App(load(home, {"notify": {"channels": [{"kind": "file"}]}})) as app:
        app.start()
        yield app, journal_switch(app)


def journal_switch(app: App) -> Callable[[bool], None]:
    """Return a switch before the journal."""
    sink = app.chain.primary.sink
    take = sink.append

    def away(batches: Sequence[Batch]) -> list[bool]:
        raise StreamUnavailable("The primary is switched off.", "Wait for the end of the benchmark.")

    def switch(there: bool) -> None:
        sink.append = take if there else away  # type: ignore[method-assign]

    return switch


@contextlib.contextmanager
def with_broker(home: Path) -> Iterator[tuple[dict[str, Any], Callable[[bool], None]]]:
    """Run a real broker and give settings that name it, and its switch."""
    sys.path.insert(0, str(ROOT))
    from tests.integration.kafka_broker import KafkaBroker

    broker = KafkaBroker(home / "broker")
    broker.start()
    try:
        kafka = {"bootstrap_servers": broker.address}
        settings = {"stream": {"sinks": ("kafka", "table", "files"), "kafka": kafka}}
        yield settings, lambda there: broker.start() if there else broker.stop()
    finally:
        broker.stop()


class Maker:
    """Makes batches of 1 kB events, 20 attributes each, 1 % abnormal, cheaply: two fields of a template change."""

    def __init__(self) -> None:
        chance = random.Random(20261121)
        self._start = datetime.now(UTC) - HOUR
        lines = [json.dumps(event(chance, index), separators=(",", ":")) for index in range(BATCH_EVENTS)]
        text = "\n".join(lines).replace("%", "%%")
        self._template = text.replace("<id>", "%s").replace("<ts>", "%s").encode()

    def batch(self, number: int, of: int) -> Batch:
        """Return one of so many batches, spread evenly over the hour."""
        at = (self._start + HOUR * (number / of)).isoformat(timespec="microseconds").encode()
        values = [value for row in range(BATCH_EVENTS) for value in (b"%08x-%04x" % (number, row), at)]
        return Batch(
            batch_id=f"outage-{number}",
            source="benchmark",
            kind=RecordKind.EVENTS,
            count=BATCH_EVENTS,
            payload=self._template % tuple(values),
        )

    def cpu_seconds(self, events: int) -> float:
        """Return what making so many events costs, from a sample."""
        began = time.process_time()
        for number in range(20):
            self.batch(number, 20)
        return (time.process_time() - began) * events / (20 * BATCH_EVENTS)


def event(chance: random.Random, index: int) -> dict[str, Any]:
    """Return one canonical event with places for its id and time."""
    service = f"service-{index % 20}"
    abnormal = chance.random() < 0.01
    return {
        "event_id": "<id>",
        "ts": "<ts>",
        "tenant": "acme",
        "service": service,
        "route": f"/api/v1/resource{index % 50}",
        "level": "ERROR" if abnormal else "INFO",
        "error_code": f"E{index % 40}" if abnormal else "",
        "status": 500 if abnormal else 200,
        "duration_ms": round(chance.lognormvariate(3, 1), 3),
        "message": f"request {index} of user {index * 7 % 1000} handled in {index % 97} ms by {service}",
        "trace_id": f"{chance.getrandbits(128):032x}",
        "span_id": f"{chance.getrandbits(64):016x}",
        "user_id": f"u{index % 5000}",
        "client_ip": f"10.{index % 7}.{index % 251}.{index % 239}",
        "attributes": {f"attribute.key{key}": f"value-{key}-{index % (key * 10 + 1)}" for key in range(20)},
    }


def send(app: App, maker: Maker, events: int) -> None:
    """Give all batches to the chain from a few threads, each until it is acknowledged."""
    of = events // BATCH_EVENTS
    numbers = iter(range(of))
    lock = threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not failures:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                app.chain.append([maker.batch(number, of)])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def wait_stored(app: App, events: int) -> None:
    """Wait until the ledger says that all are stored."""
    until(lambda: app.ledger()[0].stored >= events)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    limit = time.monotonic() + LONGEST_SECONDS
    while not holds():
        if time.monotonic() > limit:
            raise SystemExit("it takes too long")
        time.sleep(0.2)


def verify(app: App, events: int) -> dict[str, Any]:
    """Look into ledger and store: each record once."""
    found = app.store.query("SELECT count() AS n, uniqExact(event_id) AS ids FROM events")[0]
    total = app.ledger()[0].as_dict()
    balanced = total == {"accepted": events, "stored": events, "dead_lettered": 0, "dropped": 0, "in_flight": 0}
    return {"rows": found["n"], "ids": found["ids"], "ledger": total,
            "exactly_once": balanced and found["n"] == found["ids"] == events}  # fmt: skip


class Meter:
    """Measures a phase: seconds, CPU of this process, and its peak of memory."""

    def __enter__(self) -> Meter:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # begins the peak anew
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self._cpu, self._wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        status = Path("/proc/self/status").read_text()
        self._peak = int(status.split("VmHWM:")[1].split()[0]) / 1024

    def seconds(self) -> float:
        """Return how long it is since it began."""
        return time.perf_counter() - self._wall

    def figures(self, making: float) -> dict[str, float]:
        """Return the figures, without the CPU of making the records."""
        return {"wall_s": self._wall, "cpu_s": self._cpu - making, "peak_mib": self._peak}


def size_mib(folder: Path) -> float:
    """Return what the sinks behind the primary take on disk."""
    files = [*folder.glob("backlog.db*"), *(folder / "spill").rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file()) / (1 << 20)


def summarise(direct: dict[str, Any], outage: dict[str, Any], events: int, name: str) -> dict[str, Any]:
    """Return what is published."""
    away, drain = outage["away"], outage["drain"]
    peak = max(away["peak_mib"], drain["peak_mib"])
    return {
        "benchmark": "outage",
        "primary": name,
        "events": events,
        "event_hours": 1,
        "batch_events": BATCH_EVENTS,
        "direct_records_per_s": round(events / direct["wall_s"]),
        "direct_cpu_s_per_million": round(direct["cpu_s"] / events * 1e6, 2),
        "direct_peak_mib": round(direct["peak_mib"]),
        "outage_records_per_s": round(events / away["wall_s"]),
        "outage_cpu_s_per_million": round(away["cpu_s"] / events * 1e6, 2),
        "outage_cpu_ratio": round(away["cpu_s"] / direct["cpu_s"], 2),
        "outage_peak_mib": round(away["peak_mib"]),
        "waiting": outage["waiting"],
        "backlog_mib": round(outage["backlog_mib"]),
        "returned_records_per_s": round(events / outage["returned_s"]),
        "drain_records_per_s": round(events / drain["wall_s"]),
        "drain_cpu_s_per_million": round(drain["cpu_s"] / events * 1e6, 2),
        "drain_cpu_ratio": round(drain["cpu_s"] / direct["cpu_s"], 2),
        "drain_speed_ratio": round(direct["wall_s"] / drain["wall_s"], 2),
        "drain_peak_mib": round(drain["peak_mib"]),
        "bound_mib": BOUND_MIB,
        "within_bound": peak <= BOUND_MIB,
        "ledger": outage["ledger"],
        "rows": outage["rows"],
        "ids": outage["ids"],
        "exactly_once": outage["exactly_once"] and direct["exactly_once"],
    }


if __name__ == "__main__":
    main()
