"""How many live series one core carries: points as the pipeline gets them, through every metric detector.

    python benchmarks/live.py [--quick] [--series N] [--rounds N] [--json]

Each round is one point of every series, ten seconds after the last, as NDJSON in batches of 10,000 lines. Counted is
the CPU time of decoding, of the detectors (fabric, series, edges, trouble) and of packing the state that is due; the
store's insert is not in it (see benchmarks/ingest.py). The reference is decoding alone in the same run.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import numpy as np

from bdp.detect.burst.detector import BurstSettings
from bdp.detect.series.settings import SeriesSettings
from bdp.detect.watch import Watch
from bdp.model.metric import MetricPoint

EVERY = timedelta(seconds=10)
START = datetime(2026, 3, 2, tzinfo=UTC)
_BATCH = 10_000
T = TypeVar("T")
_decoder = msgspec.json.Decoder(MetricPoint)


def main() -> None:
    """Run, and print what one core can carry."""
    options = _options()
    result = play(options.series, options.rounds)
    if options.json:
        print(json.dumps(result))
        return
    print(f"{options.series:,} series, {options.rounds} rounds of one point each, 10 s apart")
    for name in ("decode", "detect", "pack", "total"):
        each = result[f"{name}_us"]
        print(f"  {name:8} {each:7.2f} us CPU a point {each / result['decode_us']:7.1f} x decoding")
    share = result["total_us"] * options.series / 1e6 / EVERY.total_seconds()
    print(f"  one core: {share:.0%} busy, so {options.series / share:,.0f} series at one point per 10 s")
    print(f"  longest round {result['longest_round_s']:.2f} s; peak memory {result['peak_mib']:,.0f} MiB")


def play(series: int, rounds: int) -> dict[str, float]:
    """Return CPU microseconds a point by part, over the second half of the rounds, when the state is warm."""
    watch = Watch(BurstSettings(), SeriesSettings(max_series=series))
    rng = np.random.default_rng(1)
    level = rng.uniform(10, 1000, series)
    spent = dict.fromkeys(("decode", "detect", "pack"), 0.0)
    longest = 0.0
    for number in range(rounds):
        batches = _round(level, rng, number)
        if number == rounds // 2:
            spent = dict.fromkeys(spent, 0.0)
        before = sum(spent.values())
        for payload in batches:
            points = _timed(spent, "decode", lambda payload=payload: _decoder.decode_lines(payload))  # type: ignore[misc]
            _timed(spent, "detect", lambda points=points: watch.observe((), points))  # type: ignore[misc]
            _timed(spent, "pack", watch.changed_rows)
        longest = max(longest, sum(spent.values()) - before)
    each = {f"{name}_us": seconds / (rounds - rounds // 2) / series * 1e6 for name, seconds in spent.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**each, "total_us": sum(each.values()), "longest_round_s": longest, "peak_mib": peak}


def _round(level: np.ndarray[tuple[int], np.dtype[np.float64]], rng: np.random.Generator, number: int) -> list[bytes]:
    values = np.round(level * (1 + 0.1 * np.sin(number / 500)) + rng.normal(0, 0.02, level.size) * level, 3).tolist()
    ts = (START + number * EVERY).isoformat().replace("+00:00", "Z")
    lines = [
        f'{{"ts":"{ts}","name":"cpu_usage","entity":"host-{i // 20}","labels":{{"cpu":"{i % 20}","job":"node"}},'
        f'"value":{value},"unit":"%"}}'
        for i, value in enumerate(values)
    ]
    return ["\n".join(lines[begin : begin + _BATCH]).encode() for begin in range(0, len(lines), _BATCH)]


def _timed(spent: dict[str, float], name: str, work: Callable[[], T]) -> T:
    began = time.process_time()
    result = work()
    spent[name] += time.process_time() - began
    return result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 series, 12 rounds")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=90)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.series, options.rounds = 20_000, 12
    return options


if __name__ == "__main__":
    main()
