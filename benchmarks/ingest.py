"""What ingest costs: the whole product over HTTP, against a bare insert of the same NDJSON into chDB.

    python benchmarks/ingest.py [--quick]

Four parts, all in this run:

- reference: chDB alone, `INSERT … FORMAT JSONEachRow` of the same bytes into the same table, 10,000 rows an insert;
- product: `bdp serve` as users run it, events posted by another process, until the last one is stored; detection on;
- chain: batches taken into custody by the delivery chain (journal, table and files, all healthy, the way back looking
  for work), against the journal alone; only this step's CPU, each form in a process of its own, by turns;
- latency: from sending the event that crosses a threshold to the incident being open, beside 500 events a second.

CPU is the process' own (user + system), start-up excluded. Prints one JSON object on the last line.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

REQUEST_EVENTS = 2_000
REFERENCE_ROWS = 10_000
SENDERS = 2
ABNORMAL_SHARE = 0.01
BDP = [sys.executable, "-m", "bdp"]


def main() -> None:
    """Run the parts and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute, for a first look")
    parser.add_argument("--reference", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--custody", choices=["journal", "chain"], help=argparse.SUPPRESS)
    parser.add_argument("--batches", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reference:
        return reference_process(arguments.reference)
    if arguments.custody:
        return custody_process(arguments.custody, arguments.batches)
    rounds, events, bursts = (1, 100_000, 20) if arguments.quick else (3, 500_000, 200)
    with tempfile.TemporaryDirectory(prefix="bdp-bench-") as folder:
        requests = write_requests(Path(folder), events)
        runs = [measure(Path(folder) / f"round{number}", requests, events) for number in range(rounds)]
        figures = summarise(runs, events)
        figures |= chain_cost(7 if arguments.quick else 15, 300 if arguments.quick else 1000)
        figures |= latency(Path(folder) / "latency", bursts)
    print(json.dumps(figures))
    return None


def write_requests(folder: Path, events: int) -> list[bytes]:
    """Return request bodies of 1 kB events, 20 attributes each, 1 % abnormal; write a file for the reference."""
    chance = random.Random(20261121)
    start = datetime.now(UTC) - timedelta(hours=1)
    encoder = msgspec.json.Encoder()
    rows = [encoder.encode(event(chance, start, index)) for index in range(events)]
    (folder / "events.ndjson").write_bytes(b"\n".join(rows))
    return [b"\n".join(rows[at : at + REQUEST_EVENTS]) for at in range(0, events, REQUEST_EVENTS)]


def event(chance: random.Random, start: datetime, index: int) -> dict[str, Any]:
    """Return one event in canonical names, as an SDK would send it."""
    service = f"service-{index % 20}"
    abnormal = chance.random() < ABNORMAL_SHARE
    return {
        "ts": (start + timedelta(milliseconds=index * 5)).isoformat(),
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


def measure(folder: Path, requests: list[bytes], events: int) -> dict[str, float]:
    """Run reference and product once, next to each other in time."""
    folder.mkdir()
    reference = json.loads(
        subprocess.run(
            [sys.executable, __file__, "--reference", str(folder.parent / "events.ndjson")],
            check=True, capture_output=True, text=True,
        ).stdout
    )  # fmt: skip
    product = product_run(folder, requests, events)
    return {f"reference_{name}": value for name, value in reference.items()} | product


def reference_process(source: Path) -> None:
    """In a process of its own: insert the file into the product's own table with chDB alone."""
    from bdp.model.batch import RecordKind
    from bdp.store.clickhouse import StoreSettings, open_store

    lines = source.read_bytes().split(b"\n")
    blocks = [b"\n".join(lines[at : at + REFERENCE_ROWS]) for at in range(0, len(lines), REFERENCE_ROWS)]
    with tempfile.TemporaryDirectory(prefix="bdp-reference-", dir=source.parent) as folder:
        store = open_store(StoreSettings(), Path(folder) / "store")
        store.insert(RecordKind.EVENTS, blocks[0], "warm-up")
        cpu, wall = time.process_time(), time.perf_counter()
        for number, block in enumerate(blocks):
            store.insert(RecordKind.EVENTS, block, str(number))
        figures = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        store.close()
    print(json.dumps(figures))


def chain_cost(rounds: int, batches: int) -> dict[str, float]:
    """Return what the chain costs over the bare journal: the median over rounds of one after the other."""
    ratios = []
    for number in range(rounds):
        cost = {}
        for form in ("journal", "chain")[:: 1 if number % 2 else -1]:
            command = [sys.executable, __file__, "--custody", form, "--batches", str(batches)]
            cost[form] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ratios.append(cost["chain"] / cost["journal"])
    return {"chain_cpu_ratio": round(statistics.median(ratios), 3), "chain_rounds": rounds}


def custody_process(form: str, batches: int) -> None:
    """In a process of its own: take batches of 500 events into custody and print the CPU seconds."""
    from bdp.clock import SystemClock
    from bdp.model.batch import Batch, RecordKind
    from bdp.stream.custody import Place, open_custody
    from bdp.stream.settings import StreamSettings

    chance = random.Random(20261121)
    rows = [msgspec.json.encode(event(chance, datetime.now(UTC), index)) for index in range(500)]
    payload = b"\n".join(rows)
    made = [
        Batch(batch_id=f"b{number}", source="http", kind=RecordKind.EVENTS, count=500, payload=payload)
        for number in range(batches)
    ]
    with tempfile.TemporaryDirectory(prefix="bdp-custody-") as folder:
        settings = StreamSettings(sinks=("journal",) if form == "journal" else ("journal", "table", "files"))
        custody = open_custody(settings, Place(Path(folder), "", "benchmark"), SystemClock())
        if form == "chain":
            custody.start()
        take = custody.chain.append if form == "chain" else custody.chain.primary.sink.append
        take(made[:10])
        before = time.process_time()
        for batch in made[10:]:
            take([batch])
        print(time.process_time() - before)
        custody.close()


def product_run(folder: Path, requests: list[bytes], events: int) -> dict[str, float]:
    """Post all requests from two senders and wait until the ledger says that all are stored."""
    with serving(folder) as server:
        post(server, requests[0])
        wait_stored(server, REQUEST_EVENTS)
        before, wall = cpu_seconds(server.pid), time.perf_counter()
        bodies = iter(requests[1:])
        lock = threading.Lock()
        senders = [threading.Thread(target=send_all, args=(server, bodies, lock)) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        acknowledged = time.perf_counter() - wall
        wait_stored(server, events)
        stored = time.perf_counter() - wall
        used = cpu_seconds(server.pid) - before
        peak = peak_mib(server.pid)
    sent = events - REQUEST_EVENTS
    return {"cpu_s": used * events / sent, "acknowledged_s": acknowledged, "stored_s": stored, "peak_mib": peak,
            "sent": sent}  # fmt: skip


class Server:
    """A running `bdp serve`."""

    def __init__(self, pid: int, url: str, token: str) -> None:
        self.pid = pid
        self.client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120, trust_env=False
        )


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """Run `bdp serve` on a free port until the block ends."""
    home.mkdir(exist_ok=True)
    log = (home / "serve.log").open("wb")
    process = subprocess.Popen([*BDP, "serve", "--port", "0", "--home", str(home), "--log-level", "ERROR"], stderr=log)
    try:
        yield wait_ready(process, home)
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def wait_ready(process: subprocess.Popen[bytes], home: Path) -> Server:
    """Return the server once it answers."""
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit((home / "serve.log").read_text())
        try:
            told = json.loads((home / "serve.json").read_text())
            server = Server(process.pid, told["url"], (home / "token").read_text())
            server.client.get("/readyz").raise_for_status()
            return server
        except (OSError, ValueError, httpx.HTTPError):
            time.sleep(0.1)
    raise SystemExit("bdp serve did not become ready in 60 s")


def send_all(server: Server, bodies: Iterator[bytes], lock: threading.Lock) -> None:
    """Send until the shared iterator is empty."""
    while True:
        with lock:
            body = next(bodies, None)
        if body is None:
            return
        post(server, body)


def post(server: Server, body: bytes) -> None:
    """Send one request and insist on its whole being accepted."""
    answer = server.client.post("/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"})
    answer.raise_for_status()
    if answer.json()["refused"]:
        raise SystemExit(f"refused: {answer.text}")


def wait_stored(server: Server, events: int) -> None:
    """Wait until so many events are stored, none lost, none twice."""
    while True:
        total = server.client.get("/v1/ledger").json()["total"]
        if total["stored"] >= events:
            break
        time.sleep(0.05)
    found = server.client.post("/v1/query", json={"sql": "SELECT count() AS n FROM events"}).json()[0]["n"]
    if not found == total["stored"] == events:
        raise SystemExit(f"the store holds {found} events, the ledger says {total}, sent {events}")


def latency(home: Path, bursts: int) -> dict[str, float]:
    """Return seconds from sending the crossing event to the incident being open, with other traffic beside it."""
    waits: list[float] = []
    with serving(home) as server:
        stop = threading.Event()
        traffic = threading.Thread(target=keep_sending, args=(server, stop))
        traffic.start()
        post(server, burst("warm-up", 11))
        wait_incident(server, "warm-up")
        for number in range(bursts):
            name = f"burst-{number}"
            post(server, burst(name, 10))
            sent = time.perf_counter()
            post(server, burst(name, 1))
            wait_incident(server, name)
            waits.append(time.perf_counter() - sent)
        stop.set()
        traffic.join()
    waits.sort()
    return {
        "incident_latency_p50_s": round(statistics.median(waits), 3),
        "incident_latency_p99_s": round(waits[max(0, -(-len(waits) * 99 // 100) - 1)], 3),
        "incident_latency_samples": len(waits),
    }


def keep_sending(server: Server, stop: threading.Event) -> None:
    """Send about 500 ordinary events a second."""
    chance = random.Random(7)
    while not stop.wait(0.1):
        rows = [event(chance, datetime.now(UTC), index) | {"level": "INFO", "error_code": "", "status": 200}
                for index in range(50)]  # fmt: skip
        post(server, b"\n".join(json.dumps(row).encode() for row in rows))


def burst(service: str, count: int) -> bytes:
    """Return error events of one new key."""
    now = datetime.now(UTC).isoformat()
    row = {"ts": now, "service": service, "level": "ERROR", "error_code": "E_TEST", "message": "it broke"}
    return b"\n".join([json.dumps(row).encode()] * count)


def wait_incident(server: Server, service: str) -> None:
    """Wait until an incident about the service is there."""
    while True:
        newest = server.client.get("/v1/incidents", params={"limit": 1}).json()
        if newest and newest[0]["subject"]["service"] == service:
            return
        time.sleep(0.01)


def summarise(runs: list[dict[str, float]], events: int) -> dict[str, Any]:
    """Return medians over the rounds; the ratio is taken round by round."""

    def median(of: Any) -> float:
        return round(float(statistics.median(of(run) for run in runs)), 3)

    return {
        "benchmark": "ingest",
        "events": events,
        "rounds": len(runs),
        "events_per_s_acknowledged": median(lambda run: run["sent"] / run["acknowledged_s"]),
        "events_per_s_stored": median(lambda run: run["sent"] / run["stored_s"]),
        "cpu_s_per_million": median(lambda run: run["cpu_s"] / events * 1e6),
        "reference_cpu_s_per_million": median(lambda run: run["reference_cpu_s"] / events * 1e6),
        "cpu_ratio": median(lambda run: run["cpu_s"] / run["reference_cpu_s"]),
        "peak_mib": median(lambda run: run["peak_mib"]),
    }


def cpu_seconds(pid: int) -> float:
    """Return user + system seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def peak_mib(pid: int) -> float:
    """Return the largest resident size of a process so far, MiB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
