"""Nezha's recordings of TrainTicket (ESEC/FSE 2023): which of 46 services has the fault.

Of each fault three minutes of spans and the metrics of all pods are given, and when it was put in; one minute of spans
without a fault, from earlier that day, is there for what is usual. A service is the name of its pod without the last
two parts. AS@k: share of the faults whose service is among the first k.

What the ranking is given, for each service: shifts of its pods' metrics (an hour before, three minutes after; not of
percentiles of latency, which here are up to an hour where no span took a minute), of the own time of its spans, and of
the time its calls lose on the way to and from it. Spans are compared with those of the minute without a fault. Nothing
is learnt from other faults.

Published over 45 faults of two days, of which these 17 are the second day's: Nezha AS@1 86.7, AS@3 97.8; MicroRCA 20.0,
31.1; MicroScope 17.8, 26.7; PDiagnose 8.9, 13.3. The first day also has faults in code that are not in this part.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bdp.explain.locate.onset import onset
from bdp.explain.locate.rank import Suspect, Symptom, rank
from bdp.explain.locate.sense import Sense, sense_of
from bdp.explain.locate.spans import Call, Timed, graph_of_calls, symptoms_of_calls

DAY = "2023-01-30"
MINUTES = 3
HOUR = 3_600.0
LEAST_CALLS = 4
PUBLISHED = {"Nezha": (86.7, 97.8), "MicroRCA": (20.0, 31.1), "MicroScope": (17.8, 26.7), "PDiagnose": (8.9, 13.3)}

Metrics = dict[tuple[str, str], Timed]
"""(service, metric) -> its series of the whole day."""


@dataclass(frozen=True)
class Fault:
    """One fault: when (epoch seconds), where, what kind."""

    at: float
    service: str
    kind: str

    @property
    def minutes(self) -> list[str]:
        """The minutes of its slices as their files name them."""
        began = datetime.fromtimestamp(self.at, tz=UTC)
        return [f"{began + timedelta(minutes=more):%H_%M}" for more in range(MINUTES)]


def run(folder: Path, *, quick: bool = False) -> dict[str, Any]:
    """Rank the services at each fault, print a line for it and the totals; return the totals."""
    seen = folder / "rca_data" / DAY
    metrics = read_metrics(seen / "metric")
    usual = read_calls(next((folder / "construct_data" / DAY / "trace").iterdir()))
    places: dict[str, list[int]] = {}
    for fault in read_faults(seen / f"{DAY}-fault_list.json")[:: 3 if quick else 1]:
        ranked = judge(seen, fault, metrics, usual)
        names = [suspect.node for suspect in ranked]
        place = names.index(fault.service) + 1 if fault.service in names else 0
        for group in (fault.kind, "all"):
            places.setdefault(group, []).append(place)
        first = ", ".join(f"{suspect.node} {suspect.score:.2f}" for suspect in ranked[:3])
        print(f"nezha    {fault.minutes[0]} {fault.service:<30}{fault.kind:<16}place {place or '-':<4}{first}")
    return show(places)


def judge(seen: Path, fault: Fault, metrics: Metrics, usual: list[Call]) -> list[Suspect]:
    """Return the services by how likely the fault is theirs."""
    files = [seen / "trace" / f"{minute}_trace.csv.gz" for minute in fault.minutes]
    later = [call for file in files if file.exists() for call in read_calls(file) if call.end >= fault.at]
    symptoms = [*from_metrics(metrics, fault.at),
                *symptoms_of_calls(usual + later, fault.at, least_before=LEAST_CALLS)]  # fmt: skip
    return rank(graph_of_calls(usual + later), symptoms)


def from_metrics(metrics: Metrics, at: float) -> Iterator[Symptom]:
    """Yield the shifts of the services' metrics but latencies: the spans tell those call by call."""
    for (service, metric), (times, values) in metrics.items():
        if sense_of(metric) is Sense.LATENCY:
            continue
        near = (times >= at - HOUR) & (times < at + 60.0 * MINUTES)
        shift = onset(times[near], values[near], since=at)
        if shift is not None:
            yield Symptom(service, sense_of(metric), shift, metric)


def read_faults(path: Path) -> list[Fault]:
    """Return the faults in order; `inject_time` is in UTC, the other stamp is not."""
    hours = json.loads(path.read_text(encoding="utf-8"))
    return [Fault(datetime.fromisoformat(one["inject_time"]).replace(tzinfo=UTC).timestamp(),
                  service_of(one["inject_pod"]), one["inject_type"])
            for some in hours.values() for one in some]  # fmt: skip


def read_metrics(folder: Path) -> Metrics:
    """Return the series of each pod; those of the machine it runs on are left out, as they are others' too."""
    found: Metrics = {}
    for path in sorted(folder.glob("*_metric.csv.gz")):
        head, *rows = csv.reader(gzip.decompress(path.read_bytes()).decode().splitlines())
        times = np.array([float(row[1]) for row in rows])
        for place, metric in enumerate(head[3:], start=3):
            if not metric.startswith("Node"):
                found[service_of(rows[0][2]), metric] = times, np.array([number(row[place]) for row in rows])
    return found


def read_calls(path: Path) -> list[Call]:
    """Return the spans of one minute."""
    rows = csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines())
    return [Call(row["TraceID"], row["SpanID"], "" if row["ParentID"] == "root" else row["ParentID"],
                 service_of(row["PodName"]), row["OperationName"],
                 int(row["StartTimeUnixNano"]) / 1e9, int(row["EndTimeUnixNano"]) / 1e9)
            for row in rows]  # fmt: skip


def service_of(pod: str) -> str:
    return pod.rsplit("-", 2)[0]


def number(cell: str) -> float:
    return float(cell) if cell else float("nan")


def show(places: Mapping[str, list[int]]) -> dict[str, Any]:
    """Print a line for each kind of fault, then the published figures."""
    print(f"\n{'nezha':<24}{'faults':>8}{'AS@1':>8}{'AS@3':>8}")
    totals = {kind: [100.0 * sum(0 < place <= most for place in some) / len(some) for most in (1, 3)]
              for kind, some in places.items()}  # fmt: skip
    for kind, (first, third) in totals.items():
        print(f"  {kind:<22}{len(places[kind]):>8}{first:>8.1f}{third:>8.1f}")
    for name, (first, third) in PUBLISHED.items():
        print(f"  published: {name:<11}{45:>8}{first:>8.1f}{third:>8.1f}")
    print()
    return totals
