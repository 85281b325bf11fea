"""Where each sender of alerts keeps what an alert says, as data. Names are dotted paths into one alert.

Sources: Alertmanager's webhook (docs/configuration.md, version 4) and its API v2, Grafana's webhook notifier, Datadog's
webhook variables, Sentry's issue alerts, Checkmk's notification variables, Graylog's HTTP notification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bdp.intake.aliases import LEVELS

ALERT_LEVELS: Final[Mapping[str, str]] = {
    **LEVELS,
    "PAGE": "FATAL", "DISASTER": "FATAL", "BLOCKER": "FATAL", "P1": "FATAL",
    "MAJOR": "ERROR", "HIGH": "ERROR", "DOWN": "ERROR", "UNREACHABLE": "ERROR", "ALERTING": "ERROR", "P2": "ERROR",
    "MINOR": "WARN", "MEDIUM": "WARN", "MODERATE": "WARN", "AVERAGE": "WARN", "UNKNOWN": "WARN", "P3": "WARN",
    "P4": "WARN",
    "LOW": "INFO", "NONE": "INFO", "UP": "INFO", "P5": "INFO",
}  # fmt: skip
"""Upper-case severity of an alert -> level; the words of logs mean the same here."""

OVER: Final = frozenset({"RESOLVED", "OK", "UP", "RECOVERED", "RECOVERY", "NORMAL", "SUCCESS", "INACTIVE", "CLOSED"})
"""Upper-case states that say: it is over."""

Names = tuple[str, ...]
_SERVICE_LABELS: Names = tuple(
    f"labels.{name}"
    for name in (
        "service", "service_name", "app", "application", "app_kubernetes_io_name", "deployment", "statefulset",
        "daemonset", "workload", "container", "queue", "job",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Vendor:
    """How one sender names things; of several names the first one that is there counts.

    Attributes:
        items: the list that holds the alerts; empty if the document is one alert.
        shared: names beside that list which are kept with every alert.
        name: what the alert is called, the same each time it fires.
        state: says whether it is over; see `OVER`.
        ends: when it was over; a time that has passed says so too.
        once: names that, with the start, tell one firing from the next; without the first of them the labels do.
        tags: a field of `key:value` texts or of pairs, which become `tags.key`.
        columns: columns of the event that nothing else fills.
        levels: severities that mean something of their own here.
    """

    name: Names
    message: Names
    service: Names
    severity: Names
    state: Names
    starts: Names
    ends: Names = ()
    items: str = ""
    shared: Names = ()
    once: Names = ()
    tags: str = ""
    columns: Mapping[str, Names] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)


_ALERTMANAGER = Vendor(
    items="alerts",
    shared=("receiver", "externalURL", "groupKey"),
    name=("labels.alertname", "title", "summary"),
    message=("annotations.summary", "annotations.message", "annotations.description", "summary", "description"),
    service=_SERVICE_LABELS,
    severity=("labels.severity", "labels.priority", "labels.level"),
    state=("status.state", "status"),
    starts=("startsAt",),
    ends=("endsAt",),
    once=("fingerprint",),
    columns={"tenant": ("labels.tenant",)},
)

VENDORS: Final[dict[str, Vendor]] = {
    "alertmanager": _ALERTMANAGER,
    "prometheus": _ALERTMANAGER,
    "grafana": Vendor(
        items="alerts",
        shared=("receiver", "externalURL", "orgId"),
        name=("labels.alertname", "ruleName", "title"),
        message=("annotations.summary", "annotations.description", "message", "title"),
        service=_SERVICE_LABELS,
        severity=("labels.severity", "labels.priority", "state"),
        state=("status", "state"),
        starts=("startsAt",),
        ends=("endsAt",),
        once=("fingerprint",),
    ),
    "datadog": Vendor(
        name=("alert_title", "title", "event_title", "monitor_name"),
        message=("message", "body", "event_msg", "text_only_msg", "description", "title"),
        service=("service", "tags.service", "tags.app", "hostname", "host", "tags.host"),
        severity=("alert_type", "priority", "alert_priority", "severity"),
        state=("alert_transition", "transition", "alert_status", "event_type"),
        starts=("date", "last_updated", "timestamp"),
        once=("id", "alert_transition"),
        tags="tags",
        levels={"1": "FATAL", "2": "ERROR", "3": "WARN", "4": "WARN", "5": "INFO"},
    ),
    "sentry": Vendor(
        name=("event.metadata.type", "tags.error.type", "event.title", "data.event.title", "data.issue.title", "title"),
        message=("message", "event.logentry.formatted", "event.title", "data.event.title", "data.issue.title"),
        service=("project_slug", "project", "data.event.project", "data.issue.project.slug", "project_name"),
        severity=("level", "event.level", "data.event.level", "data.issue.level"),
        state=("action",),
        starts=("event.timestamp", "data.event.timestamp", "event.datetime", "data.issue.lastSeen"),
        once=("event.event_id", "data.event.event_id"),
        tags="event.tags",
        columns={
            "status": ("tags.http.status_code",),
            "user_id": ("event.user.id",),
            "client_ip": ("event.user.ip_address",),
            "trace_id": ("event.contexts.trace.trace_id",),
            "span_id": ("event.contexts.trace.span_id",),
        },
    ),
    "checkmk": Vendor(
        name=("service", "check_command", "summary"),
        message=("summary", "output"),
        service=("alias", "host"),
        severity=("severity", "status"),
        state=("notification_type", "status"),
        starts=("long_date_time",),
        once=("id", "long_date_time", "notification_type"),
        columns={"client_ip": ("address",)},
    ),
    "graylog": Vendor(
        name=("event_definition_title",),
        message=("event.message", "event_definition_description"),
        service=("event.fields.service", "event.group_by_fields.service", "event.source"),
        severity=("event.priority",),
        state=(),
        starts=("event.timestamp",),
        once=("event.id",),
        levels={"0": "INFO", "1": "INFO", "2": "WARN", "3": "ERROR", "4": "FATAL"},
    ),
}
"""By the last part of `/v1/alerts/…`, which is the source of the records too."""
