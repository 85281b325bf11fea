"""From an incident to people: how long it takes, and what a message costs.

    python benchmarks/notify.py [--quick] [--out FILE]

Incidents are recorded at 50 a second in a SQLite file; the outbox of the same process brings each message to a webhook
and to a file, with each commit on disk. The webhook's receiver is an HTTP server in a process of its own, which notes
when it got which key. Told are the times from before the incident is recorded to its receipt there:

- alone: each incident is a message of its own (the rule against floods is off);
- dead: the same, beside a channel whose receiver takes connections and never answers (time-out 5 s);
- flood: with the default rules, which tell of many incidents in one message; from an incident to the message that tells
  it. Recording for so long, then waiting until all is told.

`cpu_ms` is what this process spends on a message for both channels (`alone`, less the same recording without messages).
Reference, in the same run: the same document posted to the same receiver by a bare httpx client that keeps its
connection. Prints a table, and one JSON object on the last line.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import structlog

from bdp.clock import SystemClock
from bdp.flow.tell.alerting import Alerting
from bdp.flow.tell.incident_notice import opened_message
from bdp.flow.tell.triage import AlertingSettings
from bdp.model.anomaly import Anomaly, AnomalyKind, Severity, Subject
from bdp.notify.channels import NotifySettings, open_channels
from bdp.notify.document import document_of
from bdp.notify.route import close
from bdp.store.alerts import Announce, Announcement
from bdp.store.state import State, open_state

RATE = 50
NO_FLOOD = 1_000_000
MISSING = "SELECT count(*) FROM alerts WHERE status = 'waiting' AND coalesce(had, '') NOT LIKE '%\"file\"%'"


def main() -> None:
    """Run the parts and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 s of incidents a part, and no flood")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    seconds = 10 if arguments.quick else 60
    with receiver() as (url, asked), dead_end() as dead:
        figures: dict[str, Any] = {"seconds": seconds, "rate": RATE, "load_before": os.getloadavg()[0]}
        figures["alone"] = run([webhook(url), FILE], asked, seconds, flood_incidents=NO_FLOOD)
        figures["dead"] = run([webhook(dead, "dead"), webhook(url), FILE], asked, seconds, flood_incidents=NO_FLOOD)
        if not arguments.quick:
            figures["flood"] = run([webhook(url), FILE], asked, seconds)
        figures |= costs(url, seconds, figures["alone"]["cpu_seconds"])
        figures["load_after"] = os.getloadavg()[0]
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    show(figures)
    print(json.dumps(figures))


FILE = {"kind": "file"}


def webhook(url: str, name: str = "webhook") -> dict[str, Any]:
    """Return the settings of a webhook."""
    return {"kind": "webhook", "name": name, "url": url, "timeout_seconds": 5}


def run(channels: list[dict[str, Any]], asked: Connection, seconds: int, **settings: Any) -> dict[str, float]:
    """Record incidents while the outbox works; return the figures of what came."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), announce) as state:
        ways = open_channels(NotifySettings.model_validate({"channels": channels}), Path(folder))
        rules = AlertingSettings.model_validate(settings)
        alerting = Alerting(state.insights, state.alerts, ways, SystemClock(), rules)
        alerting.start()
        cpu = time.process_time()
        began = record(state, seconds)
        came = wait_for(state, asked, set(began))
        cpu = time.process_time() - cpu
        alerting.close()
        for way in ways:
            close(way)
        lines = len((Path(folder) / "notifications.ndjson").read_text(encoding="utf-8").splitlines())
    waits = sorted(came[key] - at for key, at in began.items())
    return {
        "incidents": len(began),
        "messages": lines,
        "p50": round(statistics.median(waits), 4),
        "p95": round(waits[int(len(waits) * 0.95)], 4),
        "p99": round(waits[int(len(waits) * 0.99)], 4),
        "max": round(waits[-1], 4),
        "cpu_seconds": round(cpu, 3),
    }


def record(state: State, seconds: int) -> dict[str, float]:
    """Record incidents at their rate; return when each was begun, by the key of its message."""
    start, begun = time.monotonic(), {}
    for number in range(seconds * RATE):
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        at = time.monotonic()
        incident, _ = state.incidents.record(anomaly(number), datetime.now(UTC))
        state.alerts.ring()
        begun[f"incident:{incident.incident_id}:opened"] = at
    return begun


def wait_for(state: State, asked: Connection, keys: set[str]) -> dict[str, float]:
    """Return when the receiver got each, or the message that tells it among others."""
    came: dict[str, float] = {}
    until = time.monotonic() + 120
    while time.monotonic() < until:
        asked.send("tell")
        came |= asked.recv()
        with state.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT key, told_in FROM alerts WHERE told_in IS NOT NULL").all()
            missing = connection.exec_driver_sql(MISSING).scalar()
        found = came | {row.key: came[row.told_in] for row in rows if row.told_in in came}
        if keys <= set(found) and not missing:
            return found
        time.sleep(0.2)
    raise SystemExit(f"{len(keys - set(came))} messages did not come")


def costs(url: str, seconds: int, cpu_seconds: float) -> dict[str, float]:
    """Return the CPU of a message, and its ratio to a bare POST."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), lambda incident: None) as state:
        cpu = time.process_time()
        count = len(record(state, seconds))
        recording = time.process_time() - cpu
        incident, _ = state.incidents.record(anomaly(0), datetime.now(UTC))
        document = document_of(opened_message(incident))
    with httpx.Client(timeout=5, trust_env=False) as client:
        cpu = time.process_time()
        for number in range(count):
            client.post(url, json=document, headers={"Idempotency-Key": f"bare-{number}"}).raise_for_status()
        bare = time.process_time() - cpu
    message = (cpu_seconds - recording) / count
    return {
        "cpu_ms": round(message * 1000, 3),
        "bare_post_ms": round(bare / count * 1000, 3),
        "record_ms": round(recording / count * 1000, 3),
        "cpu_ratio": round(message / (bare / count), 2),
    }


def announce(incident: Any) -> Announcement:
    """Tell of each incident."""
    return Announcement(opened_message(incident))


@contextmanager
def opened(folder: Path, tell: Announce) -> Iterator[State]:
    """Give a state in a file."""
    state = open_state(f"sqlite:///{folder / 'state.db'}", tell=tell)
    try:
        yield state
    finally:
        state.close()


def anomaly(number: int) -> Anomaly:
    """Return an anomaly of its own."""
    now = datetime.now(UTC)
    return Anomaly(
        anomaly_id=f"a{number}",
        kind=AnomalyKind.BURST,
        signature=f"{number:016x}",
        subject=Subject(service=f"service-{number}", route="/pay", error_code="POOL_TIMEOUT"),
        severity=Severity.CRITICAL,
        start_time=now,
        detected_at=now,
        count=40.0,
        threshold=10.0,
        expected=None,
        window_seconds=300,
        never_seen=False,
        templates=("no connection within <*> ms",),
        trace_ids=(),
    )


@contextmanager
def receiver() -> Iterator[tuple[str, Connection]]:
    """Give the address of a receiver in a process of its own, and the way to ask it what came when."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=receive, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        ours.send("end")
        process.join()


def receive(pipe: Connection) -> None:
    """Take messages, and say when asked what came since it was asked last."""
    came: dict[str, float] = {}
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            with lock:
                came.setdefault(self.headers["Idempotency-Key"], time.monotonic())
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(f"http://127.0.0.1:{server.server_address[1]}")
    while pipe.recv() == "tell":
        with lock:
            told, came = dict(came), {}
        pipe.send(told)
    server.shutdown()


@contextmanager
def dead_end() -> Iterator[str]:
    """Give the address of a receiver that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    print(f"{'part':8}{'incidents':>11}{'messages':>10}{'p50 s':>9}{'p95 s':>9}{'p99 s':>9}{'max s':>9}")
    for name in ("alone", "dead", "flood"):
        if part := figures.get(name):
            times = "".join(f"{part[which]:9.3f}" for which in ("p50", "p95", "p99", "max"))
            print(f"{name:8}{part['incidents']:11,}{part['messages']:10,}{times}")
    print(
        f"CPU {figures['cpu_ms']} ms a message to two channels, a bare POST {figures['bare_post_ms']} ms: "
        f"ratio {figures['cpu_ratio']}; load {figures['load_before']:.1f} to {figures['load_after']:.1f}"
    )


if __name__ == "__main__":
    main()
