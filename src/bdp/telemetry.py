"""Declared metrics and the set-up of structured logs.

Metric names follow Prometheus' conventions: a unit suffix, `_total` for counters.
"""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

REGISTRY = CollectorRegistry()

PIPELINE_RANGES = Counter("bdp_pipeline_ranges_total", "Micro-batches that reached the store", registry=REGISTRY)
PIPELINE_RECORDS = Counter("bdp_pipeline_records_total", "Records that reached an end", registry=REGISTRY)
PIPELINE_RETRIES = Counter("bdp_pipeline_retries_total", "Waits for a store that was away", registry=REGISTRY)
SINK_BATCHES = Counter("bdp_sink_batches_total", "Batches that a sink took", ["sink"], registry=REGISTRY)
SINK_FAILURES = Counter("bdp_sink_failures_total", "Calls that a sink failed", ["sink"], registry=REGISTRY)
DRAINED_RECORDS = Counter(
    "bdp_drained_records_total", "Records that flowed back to the first sink", ["sink"], registry=REGISTRY
)
LEDGER = Gauge(
    "bdp_ledger_records",
    "Records by source and state: accepted is the sum of the others",
    ["source", "state"],
    registry=REGISTRY,
)
SAMPLED_OUT = Counter(
    "bdp_sampled_out_events_total",
    "Normal events let go at the edge, by decisions made; the ledger has those of the batches that were taken",
    registry=REGISTRY,
)
SAMPLING_RATE = Gauge("bdp_sampling_rate_ratio", "Share of normal events kept at the edge now", registry=REGISTRY)
SAMPLING_LEVEL = Gauge("bdp_sampling_level", "Steps down of the sampling rate because of load", registry=REGISTRY)
SAMPLING_LOAD = Gauge(
    "bdp_sampling_load_ratio", "Load that sampling looks at, 0 to 1, by part", ["part"], registry=REGISTRY
)


def set_up_logs(level: str = "INFO", *, json: bool = False) -> None:
    """Send structured logs to stderr, as text for people or as JSON lines for machines."""
    renderer = structlog.processors.JSONRenderer() if json else _console()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _console() -> structlog.dev.ConsoleRenderer:
    # Values may hold telemetry, so each is quoted with its control characters escaped.
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), repr_native_str=True)
