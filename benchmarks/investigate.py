"""How long one incident takes to investigate over millions of stored events, without a model. Aim: under 5 s.

    python benchmarks/investigate.py [--quick]

Events and points are made by the engine itself: 20 services over a day, four spans a trace, one abnormal event in 97;
in the last fifth of the day every third event of one service fails, and one of its metrics rises. `--quick` takes
500,000 events instead of 5 million. The median of three runs is told, and the slowest.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bdp.clock import SystemClock
from bdp.explain.settings import ExplainSettings
from bdp.flow.investigating import investigate
from bdp.model.anomaly import Severity, Subject
from bdp.model.incident import Incident, IncidentStatus
from bdp.store.clickhouse import ClickHouseStore, StoreSettings, open_store

EVENTS, QUICK = 5_000_000, 500_000
RUNS = 3
DAY = 86_400
BEGAN = datetime(2026, 5, 1, 19, 12, tzinfo=UTC)


def main() -> None:
    """Fill a store, investigate, and print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} events")
    events = QUICK if parser.parse_args().quick else EVENTS
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(StoreSettings(database="bench", retention_days=0), Path(folder))
        try:
            fill(store, events)
            runs = [investigate(incident(), store, ExplainSettings(), SystemClock()) for _ in range(RUNS)]
        finally:
            store.close()
    seconds = [run.seconds for run in runs]
    median = sorted(seconds)[RUNS // 2]
    print(f"{events:,} events, 2,304,000 points: {median:.1f} s, at most {max(seconds):.1f} s (aim: 5)")
    print(f"first failing: {runs[0].analysis.first_failing_service}; {runs[0].analysis.summary}")


def fill(store: ClickHouseStore, events: int) -> None:
    """Let the engine make the records; the product's own way in would take minutes and is not what is measured."""
    failing = f"number % 20 = 3 AND number > {events} * 0.8 AND number % 3 = 0"
    store._writer.command(
        "INSERT INTO bench.events (ts, service, route, level, duration_ms, message, trace_id, span_id, parent_id, "
        f"attributes) SELECT toDateTime64('2026-05-01 00:00:00', 6, 'UTC') + number * {DAY} / {events}, "
        "concat('svc', toString(number % 20)), concat('/r', toString(number % 7)), "
        f"if(number % 97 = 0 OR ({failing}), 'ERROR', 'INFO'), (cityHash64(number) % 1000) / 10, "
        "concat('request ', toString(cityHash64(number) % 100000), ' handled by worker ', toString(number % 16), "
        f"if({failing}, ': pool exhausted, acquiring connection', '')), lower(hex(cityHash64(intDiv(number, 4)))), "
        "concat('s', toString(number)), if(number % 4 = 0, '', concat('s', toString(number - 1))), "
        "map('k8s.pod.name', concat('pod', toString(number % 60)), 'region', 'eu-west-1', "
        f"'version', toString(number % 3)) FROM numbers({events})"
    )
    store._writer.command(
        "INSERT INTO bench.metrics (ts, name, entity, value, unit) SELECT "
        "toDateTime64('2026-05-01 00:00:00', 3, 'UTC') + intDiv(number, 400) * 15, "
        "concat('m', toString(number % 20)), concat('svc', toString(intDiv(number % 400, 20))), "
        f"if(number % 400 = 63 AND intDiv(number, 400) * 15 > {DAY} * 0.8, 100, cityHash64(number) % 10), '' "
        "FROM numbers(400 * 5760)"
    )


def incident() -> Incident:
    """Return the incident of the failing service."""
    end = BEGAN + timedelta(minutes=20)
    return Incident(
        incident_id="I1",
        title="svc3",
        severity=Severity.HIGH,
        status=IncidentStatus.OPEN,
        subject=Subject(service="svc3"),
        signature="0" * 16,
        start_time=BEGAN,
        last_seen=end,
        end_time=end,
        opened_at=BEGAN,
    )


if __name__ == "__main__":
    main()
