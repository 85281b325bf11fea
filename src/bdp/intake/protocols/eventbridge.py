"""EventBridge events: what AWS services report, and what anybody put on a bus.

Source: EventBridge User Guide, "Events"; the services' own lists of events for the levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from bdp.intake.flatten import text_of
from bdp.intake.protocols import cloudwatch
from bdp.intake.protocols.aws_carried import Carried, Fields, Opening
from bdp.model.event import ABNORMAL_LEVELS

ALARM = "CloudWatch Alarm State Change"

LEVELS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "AWS Health Event": ("eventTypeCategory", {"issue": "ERROR", "scheduledChange": "WARN", "investigation": "WARN"}),
    "EC2 Spot Instance Interruption Warning": ("instance-action", {"terminate": "WARN", "stop": "WARN"}),
    "CodeDeploy Deployment State-change Notification": ("state", {"FAILURE": "ERROR", "STOP": "WARN"}),
    "CodePipeline Pipeline Execution State Change": ("state", {"FAILED": "ERROR", "STOPPED": "WARN"}),
    "CodeBuild Build State Change": ("build-status", {"FAILED": "ERROR", "STOPPED": "WARN"}),
    "Step Functions Execution Status Change": (
        "status",
        {"FAILED": "ERROR", "TIMED_OUT": "ERROR", "ABORTED": "WARN"},
    ),
    "Batch Job State Change": ("status", {"FAILED": "ERROR"}),
    "Glue Job State Change": ("state", {"FAILED": "ERROR", "TIMEOUT": "ERROR", "STOPPED": "WARN"}),
    "ECS Deployment State Change": ("eventType", {"ERROR": "ERROR", "WARN": "WARN"}),
    "ECS Service Action": ("eventType", {"ERROR": "ERROR", "WARN": "WARN"}),
}
"""`detail-type` -> (field of `detail`, its value -> level); every other event is INFO."""

_SAYS = ("state", "status", "eventName", "eventType", "reason", "build-status")


def read_event(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Add one event. What AWS reports keeps its detail as attributes; what others put may fill the columns."""
    kind, source = text_of(message.get("detail-type") or ""), text_of(message.get("source") or "")
    if kind == ALARM:
        return cloudwatch.read_change(message, carried, opening)
    given = message.get("detail")
    detail = given if isinstance(given, dict) else {"detail": given}
    level = _level(kind, detail)
    told: Fields = {
        "ts": message.get("time"),
        "event_id": message.get("id"),
        "service": source,
        "level": level,
        "message": f"{kind}: {_said(detail)}".rstrip(": "),
    }
    if level in ABNORMAL_LEVELS:
        told["error_code"] = kind
    envelope = {f"aws.{name}": message.get(name) for name in ("account", "region", "resources", "replay-name")}
    named: Fields = {"aws.source": source, "aws.detail_type": kind}
    fields: Fields = {} if source.startswith("aws.") else detail
    if not fields:
        named["detail"] = detail
    attributes = {name: value for name, value in {**envelope, **named}.items() if value}
    opening.event(carried.inner(message, told), fields, attributes)
    return ()


def _level(kind: str, detail: dict[str, Any]) -> str:
    name, levels = LEVELS.get(kind, ("", {}))
    return levels.get(text_of(detail.get(name) or ""), "INFO")


def _said(detail: dict[str, Any]) -> str:
    told = (detail.get(name) for name in _SAYS)
    return next((text for text in told if isinstance(text, str)), "")
