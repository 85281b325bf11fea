"""Readers of recorded logs for the evals: a few lines each, on purpose not the product's own parsers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Record = dict[str, Any]

_SSH = re.compile(r"(\w{3} +\d+ [\d:]{8}) \S+ sshd\[\d+\]: (.*)")
_FAILED = re.compile(r"Failed \w+ for (?:invalid user )?(.*) from (\S+) port \d+ ssh2")
_FROM = re.compile(r"(?:from|by|rhost=)\s*(\d+\.\d+\.\d+\.\d+)")
_KAFKA = re.compile(r"\[(\d{4}-\d\d-\d\d [\d:]{8}),(\d{3})\] (\w+) (.*?)(?: \(([\w.$]+)\))?$")
_EXCEPTION = re.compile(r"([A-Za-z_$]+(?:\.[A-Za-z_$]+)+(?:Exception|Error))")


def openssh(path: Path) -> Iterator[Record]:
    """sshd lines; a failed password is WARN with `authentication_failure`."""
    for line in path.read_text("utf-8").splitlines():
        found = _SSH.match(line)
        if not found:
            continue
        at = datetime.strptime(f"2015 {found[1]}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
        record: Record = {"ts": at.isoformat(), "service": "sshd", "level": "INFO", "message": found[2]}
        failed = _FAILED.match(found[2])
        if failed:
            record |= {
                "level": "WARN",
                "error_code": "authentication_failure",
                "user_id": failed[1],
                "client_ip": failed[2],
            }
        elif address := _FROM.search(found[2]):
            record["client_ip"] = address[1]
        yield record


def kafka(path: Path) -> Iterator[Record]:
    """Brokers' logs, a folder; lines without a time belong to the line before."""
    for file in sorted(path.rglob("*.log*")):
        record: Record | None = None
        for line in file.read_text("utf-8").splitlines():
            found = _KAFKA.match(line)
            if found is None:
                if record and not record["error_code"] and (exception := _EXCEPTION.match(line)):
                    record["error_code"] = exception[1].rsplit(".", 1)[1]
                continue
            if record:
                yield record
            exception = _EXCEPTION.search(found[4]) if found[3] in {"WARN", "ERROR", "FATAL"} else None
            record = {
                "ts": f"{found[1].replace(' ', 'T')}.{found[2]}+00:00",
                "service": "kafka",
                "level": "DEBUG" if found[3] == "TRACE" else found[3],
                "message": found[4],
                "error_code": exception[1].rsplit(".", 1)[1] if exception else "",
                "attributes": {"log.logger": found[5] or "", "log.file.path": str(file.relative_to(path))},
            }
        if record:
            yield record


def rootcausebench(path: Path) -> Iterator[Record]:
    """One frozen incident's logs; deploys come as records of the kind `change`."""
    for line in (path / "logs.ndjson").read_text("utf-8").splitlines():
        raw = json.loads(line)
        known = {"timestamp", "service", "severity_text", "msg", "http.route", "trace_id"}
        yield {
            "ts": raw["timestamp"],
            "service": raw["service"],
            "level": raw["severity_text"],
            "message": raw["msg"],
            "route": raw.get("http.route", ""),
            "trace_id": raw.get("trace_id", ""),
            "attributes": {key: str(value) for key, value in raw.items() if key not in known},
        }
    for deploy in json.loads((path / "context/deploys.json").read_text("utf-8")):
        yield {
            "change": {
                "ts": deploy["timestamp"],
                "kind": "deploy",
                "service": deploy["service"],
                "ref": deploy["commit_sha"],
            }
        }


def ndjson(path: Path) -> Iterator[Record]:
    """Events of a case that was written by hand."""
    yield from (json.loads(line) for line in path.read_text("utf-8").splitlines())


def points(path: Path) -> Iterator[Record]:
    """Metrics of a case that was made by hand: a row an instant and entity, a column a metric, `name:unit`."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for column, value in row.items():
                name, colon, unit = column.partition(":")
                if colon:
                    point = {"ts": row["ts"], "entity": row["entity"], "name": name, "unit": unit}
                    yield {"metric": point | {"value": float(value)}}


def charges(path: Path) -> Iterator[Record]:
    """A bill of a case that was made by hand: a row a day and part; beside it `changes.json`, where there is one."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            start = datetime.fromisoformat(f"{row['day']}T00:00:00+00:00")
            yield {
                "cost": {
                    "charge_period_start": start.isoformat(),
                    "charge_period_end": (start + timedelta(days=1)).isoformat(),
                    "provider_name": "AWS",
                    "billing_account_id": "000",
                    "sub_account_id": row["account"],
                    "sub_account_name": row["account_name"],
                    "service_name": row["service"],
                    "region_id": row["region"],
                    "resource_id": row["resource"],
                    "sku_meter": row["usage_type"],
                    "charge_category": row["category"],
                    "billed_cost": float(row["billed"]),
                    "effective_cost": float(row["effective"]),
                    "billing_currency": "USD",
                    "tags": {"service": row["tag"]} if row["tag"] else {},
                    "statement": row["day"],
                }
            }
    known = path.with_name("changes.json")
    for change in json.loads(known.read_text("utf-8")) if known.exists() else []:
        yield {"change": change}


def nab(path: Path) -> Iterator[Record]:
    """One series of the NAB corpus; its name stands for the entity and says what is measured."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            ts = f"{row['timestamp'].replace(' ', 'T')}+00:00"
            yield {"metric": {"ts": ts, "entity": path.stem, "name": path.stem, "value": float(row["value"])}}


READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    "openssh": openssh,
    "kafka": kafka,
    "rootcausebench": rootcausebench,
    "ndjson": ndjson,
    "points": points,
    "charges": charges,
    "nab": nab,
}
