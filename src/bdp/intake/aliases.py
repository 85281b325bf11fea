"""Other names of the canonical fields, as data: SPEC 1.1, ECS 8, OpenTelemetry semantic conventions, common loggers.

Nested objects are flattened before the look-up, so `{"log": {"level": …}}` and `{"log.level": …}` are one name.
Of several names for one column, the one that stands first here wins; the others stay attributes.
"""

from __future__ import annotations

from typing import Final

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "event_id": ("event_id", "event.id", "eventId"),
    "ts": (
        "ts", "@timestamp", "timestamp", "time_unix_nano", "timeUnixNano", "time", "datetime", "eventTime",
        "event_time", "date", "asctime", "observed_timestamp", "observed_time_unix_nano", "observedTimeUnixNano",
    ),
    "tenant": ("tenant", "tenant_id", "tenant.id", "organization.id"),
    "service": ("service", "service.name", "service_name", "serviceName", "app", "application"),
    "route": ("route", "http.route", "url.path", "http.target", "request_path", "path", "uri"),
    "level": (
        "level", "severity_text", "severityText", "log.level", "levelname", "log_level", "loglevel", "lvl", "severity",
        "severity_number", "severityNumber", "log.syslog.severity.name", "log.syslog.severity.code", "syslog.severity",
        "PRIORITY",
    ),
    "error_code": ("error_code", "error.code", "errorCode", "exception.type", "error.type", "event.code"),
    "status": (
        "status", "http.response.status_code", "http.status_code", "status_code", "statusCode", "http_status",
        "rpc.grpc.status_code",
    ),
    "duration_ms": (
        "duration_ms", "durationMs", "event.duration", "duration_ns", "duration_us", "duration_s", "duration",
        "elapsed_ms", "latency_ms", "response_time_ms", "took_ms",
    ),
    "message": ("message", "msg", "body", "log.message", "short_message", "event", "log"),
    "trace_id": ("trace_id", "trace.id", "traceId", "traceid", "TraceId", "dd.trace_id"),
    "span_id": ("span_id", "span.id", "spanId", "spanid", "SpanId", "dd.span_id"),
    "parent_id": ("parent_id", "parent.id", "parent_span_id", "parentSpanId", "parentId", "ParentSpanId"),
    "user_id": ("user_id", "user.id", "enduser.id", "userId", "user.name", "usr.id"),
    "client_ip": (
        "client_ip", "client.ip", "client.address", "source.ip", "clientip", "remote_addr", "remote_ip",
        "http.client_ip", "net.peer.ip", "network.peer.address",
    ),
    "weight": ("weight",),
}  # fmt: skip
"""Column -> its names, the canonical one first."""

COLUMN_OF: Final[dict[str, tuple[str, int]]] = {
    name: (column, rank) for column, names in ALIASES.items() for rank, name in enumerate(names)
}
"""Name -> (column, rank among the column's names)."""

CONTAINERS: Final = frozenset(
    {"attributes", "resource", "resource_attributes", "resourceAttributes", "resource.attributes"}
)
"""Objects whose own name is left out of the names of what they hold."""

OTEL_MARKS: Final = frozenset({"resource", "resource_attributes", "resourceAttributes"})
"""A record with one of these is an OpenTelemetry record: names inside its `attributes` fill columns too."""

MILLISECONDS: Final[dict[str, float]] = {
    "event.duration": 1e-6,
    "duration_ns": 1e-6,
    "duration_us": 1e-3,
    "duration_s": 1e3,
    "duration": 1e3,
}
"""Name -> milliseconds per unit: ECS `event.duration` is in ns, OpenTelemetry durations are in s; else milliseconds."""

UNITS: Final[dict[str, float]] = {
    "ns": 1e-6,
    "us": 1e-3,
    "µs": 1e-3,
    "μs": 1e-3,
    "ms": 1.0,
    "s": 1e3,
    "m": 6e4,
    "h": 3.6e6,
}
"""Unit written behind a duration -> milliseconds."""

PATHS: Final = frozenset({"url.path", "http.target", "request_path", "path", "uri"})
"""Names whose values are paths as requested, with ids and perhaps a query string, which a route does not have."""

LEVELS: Final[dict[str, str]] = {
    "": "INFO",
    "TRACE": "DEBUG", "TRACE2": "DEBUG", "TRACE3": "DEBUG", "TRACE4": "DEBUG", "VERBOSE": "DEBUG", "FINE": "DEBUG",
    "FINER": "DEBUG", "FINEST": "DEBUG", "DEBUG": "DEBUG", "DEBUG2": "DEBUG", "DEBUG3": "DEBUG", "DEBUG4": "DEBUG",
    "DBG": "DEBUG", "D": "DEBUG",
    "INFO": "INFO", "INFO2": "INFO", "INFO3": "INFO", "INFO4": "INFO", "INFORMATION": "INFO", "INFORMATIONAL": "INFO",
    "NOTICE": "INFO", "CONFIG": "INFO", "LOG": "INFO", "OK": "INFO", "SUCCESS": "INFO", "I": "INFO",
    "WARN": "WARN", "WARN2": "WARN", "WARN3": "WARN", "WARN4": "WARN", "WARNING": "WARN", "W": "WARN",
    "ERROR": "ERROR", "ERROR2": "ERROR", "ERROR3": "ERROR", "ERROR4": "ERROR", "ERR": "ERROR", "SEVERE": "ERROR",
    "E": "ERROR",
    "FATAL": "FATAL", "FATAL2": "FATAL", "FATAL3": "FATAL", "FATAL4": "FATAL", "CRITICAL": "FATAL", "CRIT": "FATAL",
    "ALERT": "FATAL", "EMERGENCY": "FATAL", "EMERG": "FATAL", "PANIC": "FATAL", "DPANIC": "FATAL", "F": "FATAL",
}  # fmt: skip
"""Upper-case name -> level. Names 1-4 are OpenTelemetry's short names; single letters are glog's and Android's."""

LEVEL_WORDS: Final = tuple(name for name in LEVELS if len(name) > 2)
"""Names of levels that are words, as a log's line has them."""

OTEL_LEVELS: Final = {n: ("DEBUG", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")[(n - 1) // 4] for n in range(1, 25)}
"""OpenTelemetry severity number 1-24 -> level."""

PINO_LEVELS: Final = {10: "DEBUG", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}
"""Numbers of pino and bunyan -> level."""

SYSLOG_LEVELS: Final = ("FATAL", "FATAL", "FATAL", "ERROR", "WARN", "INFO", "INFO", "DEBUG")
"""Severity of RFC 5424, 0-7, -> level."""

SYSLOG_NUMBERS: Final = frozenset({"log.syslog.severity.code", "syslog.severity", "PRIORITY"})
"""Names whose numbers are RFC 5424 severities."""

PLAIN_NUMBERS: Final = frozenset({"level", "lvl", "log.level", "loglevel", "log_level"})
"""Names whose numbers 10, 20, … 60 are pino's; all other numbers are OpenTelemetry's."""
