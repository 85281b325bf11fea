"""Declared metrics and the set-up of structured logs.

Metric names follow Prometheus' conventions: a unit suffix, `_total` for counters.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

PIPELINE_RANGES = Counter("bdp_pipeline_ranges_total", "Micro-batches that reached the store", registry=REGISTRY)
PIPELINE_RECORDS = Counter("bdp_pipeline_records_total", "Records that reached an end", registry=REGISTRY)
PIPELINE_RETRIES = Counter("bdp_pipeline_retries_total", "Waits for a store that was away", registry=REGISTRY)
SINK_BATCHES = Counter("bdp_sink_batches_total", "Batches that a sink took", ["sink"], registry=REGISTRY)
SINK_FAILURES = Counter("bdp_sink_failures_total", "Calls that a sink failed", ["sink"], registry=REGISTRY)
DRAINED_RECORDS = Counter(
    "bdp_drained_records_total", "Records that flowed back to the first sink", ["sink"], registry=REGISTRY
)
ARCHIVE_MISSED = Counter(
    "bdp_archive_missed_records_total", "Stored records of which the archive took no copy", registry=REGISTRY
)
FEED_INTERRUPTED = Gauge(
    "bdp_feed_interrupted", "1 while something keeps a feed from fetching", ["feed"], registry=REGISTRY
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
INSIGHTS = Counter(
    "bdp_insights_total", "Insights raised, by who says so", ["prediction_type", "source"], registry=REGISTRY
)
ALERTS_TOLD = Counter(
    "bdp_alerts_told_total",
    "Messages that a channel has, by form; digests and costs are counted apart",
    ["form"],
    registry=REGISTRY,
)
ALERTS_SUPPRESSED = Counter(
    "bdp_alerts_suppressed_total", "Critical insights left to the digest, by reason", ["reason"], registry=REGISTRY
)
ALERT_SECONDS = Histogram(
    "bdp_alert_seconds",
    "From the detection of a critical insight to the first channel that has its message",
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 45, 60, 120, 300, 3600),
    registry=REGISTRY,
)
MESSAGES_LEFT = Counter(
    "bdp_messages_left_total",
    "Messages about incidents that were not told alone, by form and reason: gathered in one message, or left to the "
    "digest as duplicate, below (its severity), old or unreachable",
    ["form", "reason"],
    registry=REGISTRY,
)
OPENED_SECONDS = Histogram(
    "bdp_incident_told_seconds",
    "From the opening of an incident to the first channel that has its message",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 3600),
    registry=REGISTRY,
)
REMINDERS = Counter(
    "bdp_reminders_total",
    "Incidents and questions told again because nobody acknowledged or answered",
    registry=REGISTRY,
)
ACKNOWLEDGEMENTS = Counter("bdp_acknowledgements_total", "Incidents that somebody has taken on", registry=REGISTRY)
DIGESTS = Counter("bdp_digests_total", "Hourly digests that a channel has", registry=REGISTRY)
COST_MESSAGES = Counter("bdp_cost_messages_total", "Messages about money that a channel has", registry=REGISTRY)
ALERTS_WAITING = Gauge("bdp_alerts_waiting_messages", "Messages that a channel does not have yet", registry=REGISTRY)
SHADOW_FINDINGS = Counter(
    "bdp_shadow_findings_total",
    "Findings of live and shadow detection, by who says so: live, shadow or both; a pair counts once",
    ["kind", "said"],
    registry=REGISTRY,
)
SHADOW_FAILURES = Counter(
    "bdp_shadow_failures_total", "Times that shadow detection failed; live detection went on", registry=REGISTRY
)

LLM_REQUESTS = Counter(
    "bdp_llm_requests_total",
    "Requests to models, by how they ended: ok, or a reason",
    ["agent", "provider", "model", "outcome"],
    registry=REGISTRY,
)
LLM_TOKENS = Counter(
    "bdp_llm_tokens_total",
    "Tokens of requests to models: input (cached ones included), output, cached",
    ["agent", "provider", "model", "kind"],
    registry=REGISTRY,
)
LLM_COST = Counter(
    "bdp_llm_cost_usd_total", "What requests to models cost", ["agent", "provider", "model"], registry=REGISTRY
)
LLM_SECONDS = Histogram(
    "bdp_llm_request_seconds",
    "Time of requests to models",
    ["agent", "provider", "model"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120),
    registry=REGISTRY,
)
LLM_ANSWERS = Counter(
    "bdp_llm_answers_total",
    "Questions to the gateway, by who answered: ai, or rules for a reason; their share is the fallback rate",
    ["agent", "source", "reason"],
    registry=REGISTRY,
)
LLM_OVER_RESERVATION = Counter(
    "bdp_llm_over_reservation_total",
    "Requests that cost more than was reserved for them",
    ["provider"],
    registry=REGISTRY,
)
LLM_REFUSED = Counter(
    "bdp_llm_refused_answers_total",
    "Answers that came, were paid for, and were of no use: no JSON, another form, or wrong in what they say",
    ["agent", "provider", "model"],
    registry=REGISTRY,
)
LLM_TOOLS = Counter(
    "bdp_llm_tool_calls_total",
    "What models looked up before they answered, by how it ended: ok, unknown, arguments, failed, late, too_many",
    ["agent", "tool", "outcome"],
    registry=REGISTRY,
)
LLM_AWAY = Gauge(
    "bdp_llm_provider_away", "1 while a model failed so often that nobody asks it", ["provider"], registry=REGISTRY
)
LLM_UNSETTLED = Counter(
    "bdp_llm_unsettled_total",
    "Requests whose cost could not be booked; they count as dear as they can be",
    registry=REGISTRY,
)

INQUIRIES = Counter(
    "bdp_inquiries_total",
    "Questions about samples, by who decided: ai, cached, or rules for a reason; the rules' share is the fallback rate",
    ["source", "reason"],
    registry=REGISTRY,
)
INQUIRIES_WAITING = Gauge("bdp_inquiries_waiting", "Questions about samples without an answer yet", registry=REGISTRY)
INQUIRY_SECONDS = Histogram(
    "bdp_inquiry_seconds",
    "From the detection of a sample to the close of the question about it",
    ["source"],
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 300),
    registry=REGISTRY,
)

CLAIMS = Counter(
    "bdp_claims_total",
    "Claims of analyses, by what the check against their evidence found; supported / (all but not_checkable) is the "
    "grounding, contradicted / (all but not_checkable) the hallucination rate",
    ["source", "check"],
    registry=REGISTRY,
)
GROUNDING = Gauge(
    "bdp_grounding_ratio",
    "Share of checkable claims that their evidence supports, since the start, 0 to 1",
    ["source"],
    registry=REGISTRY,
)
HALLUCINATION = Gauge(
    "bdp_hallucination_ratio",
    "Share of checkable claims that their evidence contradicts, since the start, 0 to 1",
    ["source"],
    registry=REGISTRY,
)

_TELL_SECONDS = 60.0
_MOST_STATES = 16


class Absence:
    """Tells the log of something that stays away: at once, then once a minute with a count, and its end.

    Use from any thread. Memory: when each of 16 states was told.

    Args:
        log: a structlog logger.
        event: the warning's name while it is away.
        back: the entry's name when it is back.
        monotonic: seconds that never go back.
        about: fields of every entry.
    """

    def __init__(
        self, log: Any, event: str, back: str, monotonic: Callable[[], float] = time.monotonic, **about: object
    ) -> None:
        self._log = log
        self._event = event
        self._back = back
        self._monotonic = monotonic
        self._about = about
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self._times = 0
        self._since: float | None = None
        self._known = False

    def met(self, reason: str, *, state: str = "", trace: bool = False) -> None:
        """It was met away once more. A state that was not told in the last minute is told at once.

        Args:
            trace: with the trace of the error at hand.
        """
        with self._lock:
            now = self._monotonic()
            self._since = now if self._since is None else self._since
            self._times += 1
            if now - self._told.get(state, -_TELL_SECONDS) < _TELL_SECONDS:
                return
            if len(self._told) >= _MOST_STATES:
                self._told.clear()
            times, self._times, self._known = self._times, 0, True
            self._told[state] = now
        fields = self._about | ({"state": state} if state else {}) | ({"times": times} if times > 1 else {})
        self._log.warning(self._event, **fields, reason=reason, exc_info=trace)

    def over(self) -> None:
        """It is there. Told only where its absence was."""
        if self._since is None:  # nearly every call
            return
        with self._lock:
            begun, known = self._since or 0.0, self._known
            self._since, self._known = None, False
            seconds = self._monotonic() - begun
        if known:
            self._log.info(self._back, **self._about, seconds=round(seconds, 1))


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
