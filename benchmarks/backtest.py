"""How fast a backtest reads a store, and how fast it judges what it reads.

    python -m benchmarks.backtest [--series 1000] [--hours 2.8] [--step 10]

Points of that many series go into an embedded store in memory; then the range is read alone, and backtested with the
present settings and with others. Both figures are points a second of wall time, on one core.
"""

from __future__ import annotations

import argparse
import random
import time
from datetime import UTC, datetime, timedelta

import msgspec

from bdp.clock import SystemClock
from bdp.detect.burst.detector import BurstSettings
from bdp.detect.series.settings import SeriesSettings
from bdp.detect.watch import Watch
from bdp.flow.backtest import Backtest, Backtester, Trial
from bdp.flow.history import History, Stretch
from bdp.model.batch import RecordKind
from bdp.model.metric import MetricPoint
from bdp.ports import Store
from bdp.store.clickhouse import open_store
from bdp.store.state import open_state

START = datetime(2026, 5, 1, tzinfo=UTC)
_INSERT = 50_000


def fill(store: Store, series: int, hours: float, step: float) -> int:
    """Store noise with two labels a point; return how many points."""
    chance, encode = random.Random(1), msgspec.json.Encoder().encode
    lines: list[bytes] = []
    total = 0
    for i in range(int(hours * 3600 / step)):
        ts = START + timedelta(seconds=i * step)
        for s in range(series):
            labels = {"zone": f"z{s % 3}", "cpu": str(s % 8)}
            point = MetricPoint(
                ts=ts, name=f"m{s % 20}", entity=f"h{s // 20}", labels=labels, value=50 + chance.gauss(0, 1)
            )
            lines.append(encode(point))
        if len(lines) >= _INSERT:
            store.insert(RecordKind.METRICS, b"\n".join(lines), f"{i}")
            total, lines = total + len(lines), []
    if lines:
        store.insert(RecordKind.METRICS, b"\n".join(lines), "last")
    return total + len(lines)


def read(store: Store, stretch: Stretch) -> int:
    """Read the range as a backtest does; return how many points."""
    history = History(store)
    hours = history.hours(RecordKind.METRICS, stretch)
    return sum(len(page) for hour, count in hours for page in history.points(stretch, hour, count))


def backtest(store: Store, stretch: Stretch) -> Backtest:
    """Backtest the range with two settings."""
    state = open_state("sqlite://")
    tester = Backtester(store, state.incidents, state.insights, lambda: Watch(BurstSettings()), SystemClock())
    found = Backtest(trial=Trial(start=stretch.start, end=stretch.end))
    tester.run(found, lambda: Watch(BurstSettings(), SeriesSettings(threshold=0.6)))
    state.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=2.8)
    parser.add_argument("--step", type=float, default=10)
    given = parser.parse_args()
    store = open_store()
    total = fill(store, given.series, given.hours, given.step)
    stretch = Stretch(START, START + timedelta(hours=given.hours))
    begun = time.perf_counter()
    assert read(store, stretch) == total
    print(f"{total:,} points read: {total / (time.perf_counter() - begun):,.0f} a second")
    found = backtest(store, stretch)
    print(f"backtested with two settings: {total / found.seconds:,.0f} a second")
    store.close()


if __name__ == "__main__":
    main()
