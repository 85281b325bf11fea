"""The fabric detector against planted faults, against normal traffic, and what a sample costs.

    python benchmarks/fabric.py [--quick] [--seeds 20000] [--out FILE]

Four parts:

- faults: streams with one planted fault each, of a random size at a random time, sampled every 10 to 60 s. `type` is
  the share whose riskiest insight has the right prediction type, `first` the same for the first insight; `risk` is how
  far an insight's risk lies from the written table, worked out from the planted size by other code (95th percentile,
  and the share within 10 points); `delay` is from the first sample that shows the fault to its insight, seconds. The
  detector's bounds were chosen on seeds 0-99 and 1000-1199; the default starts at 20000;
- the same in rough traffic: noisier, with single latencies trebled, also on light streams and on jobs that come and go;
- normal traffic: false alarms by stream and day;
- cost: CPU of this process by sample of five points, beside decoding the same points from JSON with msgspec in the same
  run, with half of the streams outside the normal range; and by point that is no fabric's.

The generator and the scoring are those of the scenario tests. Prints a table, and one JSON object on the last line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bdp.detect.fabric.detector import FabricDetector, FabricSettings  # noqa: E402
from bdp.model.metric import MetricPoint  # noqa: E402
from tests.scenario.detect.fabric_score import Score, play, score  # noqa: E402
from tests.scenario.detect.fabric_traffic import FAULTS, METRICS, START, normal  # noqa: E402

ROUND_SECONDS = 10


def main() -> None:
    """Run the parts and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about ten seconds, for a first look")
    parser.add_argument("--seeds", type=int, default=20_000, help="first seed")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    arguments = parser.parse_args()
    runs, weeks, streams, rounds = (30, 2, 2_000, 12) if arguments.quick else (150, 6, 10_000, 30)
    figures = {
        "faults": faults(arguments.seeds, runs),
        "rough": faults(arguments.seeds, runs, rough=True),
        "normal": normals(arguments.seeds, weeks),
        "cost": cost(streams, rounds),
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(json.dumps(figures))


def faults(seed: int, runs: int, *, rough: bool = False) -> dict[str, dict[str, float]]:
    """Play every kind of fault and print one line for each."""
    title = "in rough traffic" if rough else "fault"
    heads = f"{title:<18}{'n':>5}{'found':>8}{'type':>8}{'first':>8}{'risk p95':>10}{'<= 10':>8}"
    print(f"{heads}{'delay p50':>11}{'max':>7}")
    table = {}
    every: list[Score] = []
    for name in FAULTS:
        scores = [score(name, seed + run, rough=rough) for run in range(runs)]
        every += scores
        table[name] = row = summary(scores)
        print(
            f"{name:<18}{len(scores):>5}{row['found']:>8.1%}{row['type']:>8.1%}{row['first']:>8.1%}"
            f"{row['risk_p95']:>10.1f}{row['risk_within_10']:>8.1%}{row['delay_p50']:>11.0f}{row['delay_max']:>7.0f}"
        )
    table["all"] = summary(every)
    critical, false = sum(s.critical for s in every), sum(s.false_critical for s in every)
    table["all"]["critical"], table["all"]["false_critical"] = critical, false
    print(f"right type {table['all']['type']:.1%}; {critical} critical insights, {false} of them false; "
          f"{sum(s.false for s in every)} insights outside of the faults")  # fmt: skip
    return table


def summary(scores: list[Score]) -> dict[str, float]:
    """Return the figures of some faults."""
    errors = [error for s in scores for error in s.errors] or [float("nan")]
    delays = [max(0.0, s.delay) for s in scores if s.delay is not None] or [float("nan")]
    count = len(scores)
    return {
        "n": count,
        "found": sum(bool(s.main) for s in scores) / count,
        "type": sum(s.main == s.kind for s in scores) / count,
        "first": sum(s.first == s.kind for s in scores) / count,
        "risk_p95": round(float(np.quantile(errors, 0.95)), 1),
        "risk_within_10": sum(error <= 10 for error in errors) / len(errors),
        "delay_p50": statistics.median(delays),
        "delay_max": max(delays),
        "outside": sum(s.false for s in scores),
    }


def normals(seed: int, weeks: int) -> dict[str, dict[str, float]]:
    """Play weeks of normal traffic and count what is raised."""
    table = {}
    for kind in ("steady", "light", "jobs"):
        series = [normal(seed + run, hours=24 * 7, interval=60 if run % 2 else 30, kind=kind) for run in range(weeks)]
        told = [one for one_series in series for _, one in play(one_series)]
        days = 7 * weeks
        counted = {
            "stream_days": days,
            "by_stream_day": round(len(told) / days, 4),
            "medium_by_stream_day": round(sum(one.risk_score >= 40 for one in told) / days, 4),
            "critical": sum(one.risk_score >= 80 for one in told),
        }
        table[kind] = counted
        print(
            f"normal, {kind}: {days} stream-days, {counted['by_stream_day']} insights a stream-day, "
            f"of which medium or more {counted['medium_by_stream_day']}, critical {counted['critical']}"
        )
    return table


def cost(streams: int, rounds: int) -> dict[str, float]:
    """Measure the CPU by sample, of the detector and of decoding the same points."""
    rng = np.random.default_rng(1)
    batches = [one_round(rng, streams, number) for number in range(rounds)]
    encoded = [msgspec.json.encode(batch) for batch in batches]
    decoder = msgspec.json.Decoder(list[MetricPoint])
    samples = streams * rounds
    decoding = cpu(lambda: [decoder.decode(one) for one in encoded]) / samples
    detector, sizes = FabricDetector(FabricSettings()), []
    observing = cpu(lambda: [detector.observe(batch) for batch in batches]) / samples
    others = [MetricPoint(ts=START, name="node_cpu_seconds_total", value=1.0)] * 500_000
    foreign = cpu(lambda: detector.observe(others)) / len(others)
    more = [one_round(rng, streams, rounds + number) for number in range(6)]
    packing = 0.0
    detector.changed_rows()
    for batch in more:
        detector.observe(batch)
        begin = time.process_time()
        rows = detector.changed_rows()
        packing += time.process_time() - begin
        sizes.append(sum(len(row) for row in rows.values() if row is not None))
    figures = {
        "observe_us": round(observing * 1e6, 2),
        "json_decode_us": round(decoding * 1e6, 2),
        "rows_us": round(packing / streams / len(more) * 1e6, 2),
        "row_bytes_by_sample": round(sum(sizes) / streams / len(more)),
        "foreign_point_us": round(foreign * 1e6, 3),
        "streams_at_10s_on_one_core": round(10 / (observing + packing / streams / len(more))),
    }
    print(f"a sample of 5 points: observe {figures['observe_us']} us, packing its rows {figures['rows_us']} us "
          f"({figures['row_bytes_by_sample']} bytes), JSON decoding {figures['json_decode_us']} us; "
          f"a point that is no fabric's: {figures['foreign_point_us']} us; "
          f"one core: {figures['streams_at_10s_on_one_core']:,} streams at one sample per 10 s")  # fmt: skip
    return figures


def one_round(rng: np.random.Generator, streams: int, number: int) -> list[MetricPoint]:
    """Return one sample of each stream, half of them outside the normal range."""
    ts = START + timedelta(seconds=ROUND_SECONDS * number)
    busy = np.where(np.arange(streams) % 2, 55.0, 25.0) + rng.normal(0, 1, streams)
    values = {
        "latency_p99": rng.normal(3, 0.1, streams),
        "utilization": busy,
        "error_rate": rng.gamma(2, 1e-4, streams),
        "bandwidth_gbps": busy * 1.9,
        "qp_errors": np.zeros(streams),
    }
    return [
        MetricPoint(ts=ts, name=name, entity=f"ib-{stream:05d}", value=float(values[name][stream]), unit=unit)
        for stream in range(streams)
        for name, unit in METRICS.items()
    ]


def cpu(work: Callable[[], Any]) -> float:
    """Return the CPU seconds of a call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
