"""Alerts of other systems: each becomes one event, read by the sender's entry in `vendors.VENDORS`.

An alert that fires again and again is one event: its id comes from what tells one firing from the next, so the same
alert sent twice, in whatever group, has the same id. One that is over is INFO and has no error code, since nothing is
wrong any more; what it was called stays in `alert.name`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bdp.errors import BadRequest, TooLarge
from bdp.ids import derived
from bdp.intake.flatten import flat, text_of
from bdp.intake.limits import Edge
from bdp.intake.parcel import Parcel
from bdp.intake.protocols.document import read_document
from bdp.intake.protocols.vendors import ALERT_LEVELS, OVER, VENDORS, Vendor
from bdp.intake.protocols.wire import json_bytes
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import read_time
from bdp.model.event import ABNORMAL_LEVELS

MAX_ALERTS = 10_000
"""Each alert is taken into custody under its own key, so fewer are taken at once than of plain records."""
NEVER = "0001-01-01"
"""How Go writes a time that is not set."""

_UNSAID = "WARN"
_MAX_TAGS = 256

Fields = dict[str, Any]


def read_alerts(vendor_name: str, body: bytes, content_type: str, parcel: Parcel) -> None:
    """Read one document of alerts: one alert, a list of them, or an object that holds the list.

    Raises:
        BadRequest: it is no JSON, or holds no alert.
        TooLarge: more than `MAX_ALERTS`.
    """
    vendor = VENDORS[vendor_name]
    alerts, shared = _alerts(vendor, read_document(body))
    if len(alerts) > MAX_ALERTS:
        raise TooLarge(f"The request has more than {MAX_ALERTS} alerts.", "Send them in smaller groups.")
    for alert in alerts:
        raw = partial(json_bytes, alert)
        try:
            parcel.event_from(_event(vendor_name, vendor, alert, shared, parcel.edge), raw)
        except RecursionError:
            parcel.refuse(RefusedRecord("the alert is nested too deeply"), raw)
        except RefusedRecord as error:
            parcel.refuse(error, raw)


def _alerts(vendor: Vendor, document: Any) -> tuple[list[Any], Fields]:
    if isinstance(document, list):
        return document, {}
    if not isinstance(document, dict):
        raise BadRequest("The body is no JSON object and no array.", "Send the webhook's body as it is.")
    if vendor.items in document:
        held = document[vendor.items]
        if not isinstance(held, list):
            raise BadRequest(f"`{vendor.items}` is not an array.", "Send the webhook's body as it is.")
        return held, {name: document[name] for name in vendor.shared if document.get(name)}
    return [document], {}


def _event(vendor_name: str, vendor: Vendor, alert: Any, shared: Fields, edge: Edge) -> Fields:
    """Return the event's fields by their canonical names; what has no column is in `attributes`."""
    if not isinstance(alert, dict):
        raise RefusedRecord("expected an alert, which is a JSON object")
    fields = {name: value for name, value, _ in flat(alert, edge.settings.max_depth) if value not in ("", [], {})}
    fields |= dict(_tags(fields.pop(vendor.tags, None)))
    name = _text(fields, vendor.name)
    if not name:
        raise RefusedRecord(f"the alert has no name; expected one of {', '.join(vendor.name)}")
    over = _is_over(vendor, fields, edge.now)
    level = "INFO" if over else _level(vendor, fields)
    ts = _time(fields, vendor.ends if over else ()) or _time(fields, vendor.starts)
    event: Fields = {column: _first(fields, names) for column, names in vendor.columns.items()}
    message = _text(fields, vendor.message) or name
    event |= {"service": _text(fields, vendor.service), "level": level, "message": message}
    if level in ABNORMAL_LEVELS:
        event["error_code"] = name
    if ts:
        event |= {"ts": ts, "event_id": _id(vendor_name, vendor, fields, over)}
    state = {"alert.name": name, "alert.status": "resolved" if over else "firing", "alert.sender": vendor_name}
    event["attributes"] = {**shared, **fields, **state}
    return {key: value for key, value in event.items() if value}


def _is_over(vendor: Vendor, fields: Fields, now: datetime) -> bool:
    """The state says so, or else the end has passed: Prometheus sends no state, and an end ahead while it fires."""
    state = _text(fields, vendor.state).upper()
    if state:
        return state in OVER
    ends = _time(fields, vendor.ends)
    return bool(ends) and read_time(ends) <= now


def _level(vendor: Vendor, fields: Fields) -> str:
    for name in vendor.severity:
        word = text_of(fields[name]).strip().upper() if name in fields else ""
        level = vendor.levels.get(word) or ALERT_LEVELS.get(word)
        if word and level:
            return level
    return _UNSAID


def _id(vendor_name: str, vendor: Vendor, fields: Fields, over: bool) -> str:
    """Return the id of this firing, or of its end; empty if it cannot be told from another."""
    starts = _time(fields, vendor.starts)
    told = bool(vendor.once) and vendor.once[0] in fields
    parts = [text_of(fields.get(name, "")) for name in vendor.once] if told else _labels(fields)
    if not parts or not starts:
        return ""
    at = read_time(starts)
    return derived(at, vendor_name, at.isoformat(), "resolved" if over else "firing", *parts)


def _labels(fields: Fields) -> list[str]:
    """An alert without a fingerprint is told by its labels, as Alertmanager makes the fingerprint."""
    return sorted(f"{name}={text_of(value)}" for name, value in fields.items() if name.startswith("labels."))


def _time(fields: Fields, names: tuple[str, ...]) -> Any:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and len(value.split()) == 6:
            value = _c_time(value)
        if value and not str(value).startswith(NEVER):
            return value
    return None


def _c_time(text: str) -> str | None:
    """Return a time as `date` writes it; in another zone than UTC it is not known, since its name is ambiguous."""
    _day, month, number, clock, zone, year = text.split()
    if zone not in ("UTC", "GMT"):
        return None
    try:
        found = datetime.strptime(f"{month} {number} {clock} {year}", "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found.isoformat()


def _tags(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield `tags.key` and value of `a:1, b:2`, of `["a:1", "b:2"]` and of `[["a", "1"]]`; a tag alone is `true`."""
    items = value.split(",") if isinstance(value, str) else value
    for item in items[:_MAX_TAGS] if isinstance(items, list) else ():
        if isinstance(item, str):
            key, _, given = item.partition(":")
            yield f"tags.{key.strip()}", given.strip() or "true"
        elif isinstance(item, list) and len(item) == 2:
            yield f"tags.{text_of(item[0])}", item[1]


def _first(fields: Fields, names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if name in fields), None)


def _text(fields: Fields, names: tuple[str, ...]) -> str:
    found = _first(fields, names)
    return "" if found is None else text_of(found).strip()
