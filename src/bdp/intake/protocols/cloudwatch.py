"""CloudWatch alarms, in the three forms in which AWS sends a change of state.

By SNS (`AlarmName`, `NewStateValue`), by EventBridge ("CloudWatch Alarm State Change") and as a Lambda action
(`alarmData`). Source: CloudWatch User Guide, "Alarm events and EventBridge", "Invoke a Lambda function from an alarm".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bdp.errors import Reject
from bdp.ids import derived
from bdp.intake.flatten import text_of
from bdp.intake.protocols.aws_carried import Carried, Fields, Opening, objects
from bdp.intake.times import read_time

STATE_LEVELS: Final = {"ALARM": "ERROR", "INSUFFICIENT_DATA": "WARN", "OK": "INFO"}
"""State of an alarm -> level."""

OWNERS: Final = (
    "ServiceName", "Service", "service", "FunctionName", "ApiName", "LoadBalancer", "DBInstanceIdentifier",
    "DBClusterIdentifier", "CacheClusterId", "TableName", "QueueName", "StreamName", "StateMachineArn", "ClusterName",
    "AutoScalingGroupName", "BucketName", "InstanceId",
)  # fmt: skip
"""Dimensions that name who is measured, the most telling first."""


def read_notice(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Read what CloudWatch publishes to SNS."""
    trigger = message.get("Trigger")
    metric = trigger if isinstance(trigger, dict) else message
    _add(
        carried,
        opening,
        name=message.get("AlarmName"),
        state=message.get("NewStateValue", "ALARM"),
        before=message.get("OldStateValue"),
        reason=message.get("NewStateReason") or message.get("AlarmDescription"),
        ts=message.get("StateChangeTime"),
        arn=message.get("AlarmArn"),
        service=message.get("Application") or owner(_measured(metric)),
        more=message,
    )
    return ()


def read_action(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Read what an alarm hands to a Lambda function."""
    _read_data(message, message.get("alarmData"), message.get("alarmArn"), carried, opening)
    return ()


def read_change(message: dict[str, Any], carried: Carried, opening: Opening) -> Iterable[Carried]:
    """Read an alarm's change of state as EventBridge sends it."""
    resources = message.get("resources")
    arn = resources[0] if isinstance(resources, list) and resources else None
    _read_data(message, message.get("detail"), arn, carried, opening)
    return ()


def owner(metrics: list[Fields]) -> str:
    """Return who is measured: by the most telling dimension, else the namespace; empty if neither is there."""
    dimensions = {name: value for metric in metrics for name, value in _dimensions(metric).items()}
    for name in OWNERS:
        if dimensions.get(name):
            return text_of(dimensions[name])
    spaces = (metric.get("Namespace") or metric.get("namespace") for metric in metrics)
    return next((text_of(space) for space in spaces if space), "")


def _read_data(message: Fields, data: Any, arn: Any, carried: Carried, opening: Opening) -> None:
    data = data if isinstance(data, dict) else {}
    state, before, setup = (_object(data.get(name)) for name in ("state", "previousState", "configuration"))
    _add(
        carried,
        opening,
        name=data.get("alarmName"),
        state=state.get("value", ""),
        before=before.get("value"),
        reason=state.get("reason") or setup.get("description"),
        ts=state.get("timestamp") or message.get("time"),
        arn=arn,
        service=owner(_measured(setup)),
        more={
            **{name: message.get(name) for name in ("accountId", "account", "region")},
            "state": state,
            "configuration": setup,
        },
    )


def _add(
    carried: Carried,
    opening: Opening,
    *,
    name: Any,
    state: Any,
    before: Any,
    reason: Any,
    ts: Any,
    arn: Any,
    service: str,
    more: Fields,
) -> None:
    if not name or not isinstance(name, str):
        opening.refuse(carried, "the alarm has no name")
        return
    word = text_of(state).upper()
    level = STATE_LEVELS.get(word, "WARN")
    fields: Fields = {"ts": ts, "level": level, "message": f"{name} is {word}: {text_of(reason or '')}".rstrip(": ")}
    fields |= {"service": service or carried.around.get("service") or name}
    if word != "OK":
        fields["error_code"] = name
    fields["event_id"] = _id(ts, text_of(arn or name), word)
    state_of = {"alert.name": name, "alert.status": "resolved" if word == "OK" else "firing", "alert.state": word}
    told = {"alert.sender": "cloudwatch", "alert.state_before": text_of(before or ""), "aws.alarm.arn": arn}
    opening.event(carried, fields, {**more, **state_of, **{key: value for key, value in told.items() if value}})


def _id(ts: Any, arn: str, state: str) -> str:
    """The same change of state, sent on several ways, has one id."""
    try:
        at = read_time(ts)
    except Reject:
        return ""
    return derived(at, "cloudwatch", arn, state, at.isoformat())


def _measured(holder: Fields) -> list[Fields]:
    """Return the metrics of an alarm: one of its own, or several behind an expression."""
    found = [holder]
    for item in objects(holder.get("Metrics")) + objects(holder.get("metrics")):
        stat = _object(item.get("MetricStat") or item.get("metricStat"))
        found.append(_object(stat.get("Metric") or stat.get("metric")))
    return found


def _dimensions(metric: Fields) -> Fields:
    given = metric.get("Dimensions") or metric.get("dimensions")
    if isinstance(given, dict):
        return given
    pairs = [(item.get("name") or item.get("Name"), item.get("value") or item.get("Value")) for item in objects(given)]
    return {name: value for name, value in pairs if isinstance(name, str)}


def _object(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}
