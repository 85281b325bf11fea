"""A frozen incident: a folder of files that hold what was known of it, as records of the store.

    events|logs.ndjson   one event a line, in any of the names that intake knows
    metrics.csv          timestamp, service (or entity), metric (or name), value, unit
    traces.json          a list of spans
    alert.json           one alert: service, metric, fired_at, summary
    commits.json  deploys.json  flags.json   lists of changes

Each file may be missing, and may lie one folder down. A record that cannot be read is left out and counted.

Memory: one file at a time, at most `LONGEST` bytes of it, and its records.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bdp.errors import BadRequest, NotFound
from bdp.intake.aliases import ALIASES, LEVELS
from bdp.intake.flatten import flat, sound, text_of
from bdp.intake.refusal import RefusedRecord
from bdp.intake.times import read_time
from bdp.model.batch import RecordKind

LONGEST: Final = 256 * 1024 * 1024
_MOST_RECORDS: Final = 2_000_000
_DEPTH: Final = 8
Record = dict[str, Any]


@dataclass(frozen=True)
class Alert:
    """What was told when the incident began.

    Attributes:
        text: all words of it, for looking for signs. Untrusted.
    """

    service: str
    metric: str
    fired_at: datetime
    text: str = ""
    threshold: float | None = None
    observed: float | None = None


@dataclass
class Frozen:
    """What a folder holds.

    Attributes:
        records: NDJSON by kind, ready for the store.
        counts: records by file name.
        refused: records that could not be read, by file name.
    """

    records: dict[RecordKind, bytes] = field(default_factory=dict)
    alert: Alert | None = None
    counts: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None


def read_folder(folder: Path) -> Frozen:
    """Return what a folder of files holds.

    Raises:
        NotFound: there is no such folder, or none of the files in it.
        BadRequest: a file is too long, or is not of its form at all.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", "Give a folder with events, metrics, traces or changes.")
    found = Frozen()
    lines: dict[RecordKind, list[str]] = {}
    for name, (kind, reader) in _READERS.items():
        path = _file(folder, name)
        if path is None:
            continue
        for record in _read(path, reader, found):
            lines.setdefault(kind, []).append(json.dumps(record))
    if (alert := _file(folder, "alert.json")) is not None:
        found.alert = _alert(_json(alert))
    if not lines:
        raise NotFound(f"{folder} holds none of {', '.join(_READERS)}.", "Name its files so, or one folder down.")
    found.records = {kind: "\n".join(some).encode() for kind, some in lines.items()}
    return found


def _file(folder: Path, name: str) -> Path | None:
    for path in (folder / name, *sorted(folder.glob(f"*/{name}"))):
        if path.is_file():
            if path.stat().st_size > LONGEST:
                raise BadRequest(f"{path} has more than {LONGEST >> 20} MiB.", "Cut it to the time of the incident.")
            return path
    return None


def _read(path: Path, reader: Callable[[Path], Iterator[Record | None]], found: Frozen) -> Iterator[Record]:
    count = refused = 0
    for record in reader(path):
        at = parse_moment(record.pop("_ts", None)) if record else None
        if record is None or at is None or count >= _MOST_RECORDS:
            refused += 1
            continue
        count += 1
        if "diff" not in record:  # changes may be far from the incident
            found.first = min(found.first or at, at)
            found.last = max(found.last or at, at)
        yield {"ts": at.isoformat(), **record}
    found.counts[path.name] = count
    if refused:
        found.refused[path.name] = refused


def parse_moment(value: Any) -> datetime | None:
    """Return a time as aware UTC; None for what is none."""
    if value is None or value == "":
        return None
    try:
        at = read_time(value)
    except RefusedRecord:
        return None
    return at


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8", "replace"))
    except ValueError as error:
        raise BadRequest(f"{path} is no JSON: {error}.", "Mend it, or take it out of the folder.") from error


def _list(path: Path) -> list[Any]:
    found = _json(path)
    if isinstance(found, dict):
        found = next((value for value in found.values() if isinstance(value, list)), [found])
    return found if isinstance(found, list) else []


def _lines(path: Path) -> Iterator[Record | None]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.strip():
                try:
                    yield _event(json.loads(line))
                except (ValueError, TypeError):
                    yield None


def _event(raw: Any) -> Record | None:
    if not isinstance(raw, dict):
        return None
    left = {name: value for name, value, _ in flat(raw, _DEPTH)}
    taken = {column: _take(left, names) for column, names in ALIASES.items()}
    event: Record = {
        "_ts": taken["ts"],
        "level": LEVELS.get(str(taken["level"] or "").strip().upper(), "INFO"),
        **{column: text_of(taken[column] or "") for column in _TEXTS},
        "attributes": {sound(key): text_of(value) for key, value in left.items()},
    }
    if isinstance(taken["status"], int) and 0 <= taken["status"] < 65536:
        event["status"] = taken["status"]
    if isinstance(taken["duration_ms"], int | float):
        event["duration_ms"] = float(taken["duration_ms"])
    return event


_TEXTS: Final = (
    "service", "route", "error_code", "message", "trace_id", "span_id", "parent_id", "user_id", "client_ip",
)  # fmt: skip


def _take(record: Record, names: tuple[str, ...]) -> Any:
    for name in names:
        if name in record and record[name] is not None:
            return record.pop(name)
    return None


def _points(path: Path) -> Iterator[Record | None]:
    text = path.read_text("utf-8", "replace")
    for row in csv.DictReader(io.StringIO(text)):
        try:
            yield {
                "_ts": row.get("timestamp") or row.get("ts") or row.get("time"),
                "name": str(row.get("metric") or row.get("name") or ""),
                "entity": str(row.get("service") or row.get("entity") or row.get("host") or ""),
                "value": float(row["value"]),
                "unit": str(row.get("unit") or ""),
            }
        except (KeyError, TypeError, ValueError):
            yield None


def _spans(path: Path) -> Iterator[Record | None]:
    home, seen = "", set[tuple[str, str]]()
    for raw in _list(path):
        if not isinstance(raw, dict):
            yield None
            continue
        span = dict(raw)
        start = _take(span, ("start", "start_time", "startTime", "timestamp", "ts", "start_time_unix_nano"))
        failed = str(_take(span, ("status", "status_code", "otel.status_code")) or "").upper()
        told = _take(span, ("error", "status_message", "exception.message", "error.message", "otel.status_description"))
        name = str(_take(span, ("name", "operation", "operationName")) or "")
        event = _event({**span, "ts": start, "message": str(told or name)})
        if event is None:
            yield None
            continue
        event["level"] = "ERROR" if "ERR" in failed or told else "INFO"
        event["attributes"] |= {"span.name": name, "event.kind": "span"}
        # A span whose parent is in the trace before it belongs to that one.
        trace, parent = event["trace_id"], event["parent_id"]
        if trace != home and parent and (trace, parent) not in seen and (home, parent) in seen:
            event["trace_id"] = trace = home
        home = trace
        seen.add((trace, event["span_id"]))
        yield event


def _commits(path: Path) -> Iterator[Record | None]:
    for raw in _list(path):
        ref = _any(raw, "sha", "commit_sha", "id", "hash", "commit")
        files = [str(file) for file in _any(raw, "files_changed", "files") or []] if isinstance(raw, dict) else []
        yield _change(
            raw, "commit", ref, _any(raw, "message", "summary", "title"), _diff(files, _any(raw, "diff", "patch"))
        )


def _deploys(path: Path) -> Iterator[Record | None]:
    for raw in _list(path):
        ref = _any(raw, "commit_sha", "sha", "commit", "ref", "version")
        yield _change(raw, "deploy", ref, _any(raw, "version", "summary", "message"), "")


def _flags(path: Path) -> Iterator[Record | None]:
    for raw in _list(path):
        yield _change(raw, "flag", _any(raw, "flag", "name", "key"), _any(raw, "change", "value", "summary"), "")


def _change(raw: Any, kind: str, ref: Any, summary: Any, diff: str) -> Record | None:
    if not isinstance(raw, dict) or not ref:
        return None
    return {
        "_ts": _any(raw, "timestamp", "ts", "time", "date", "deployed_at"),
        "change_id": f"{kind}:{ref}:{_any(raw, 'timestamp', 'ts', 'time')}",
        "kind": kind,
        "service": str(_any(raw, "service", "app", "component") or ""),
        "ref": str(ref),
        "author": str(_any(raw, "author", "actor", "user") or ""),
        "summary": str(summary or ""),
        "diff": diff,
    }


def _diff(files: list[str], diff: Any) -> str:
    """Return a diff that names its files in git's way, also where the feed lists them beside it."""
    text = diff if isinstance(diff, str) else ""
    missing = [file for file in files if file not in text]
    if text and len(files) == 1 and missing:
        return f"diff --git a/{files[0]} b/{files[0]}\n{text}"
    named = "".join(f"diff --git a/{file} b/{file}\n" for file in missing)
    return text + ("\n" if text and named else "") + named


def _any(raw: Any, *names: str) -> Any:
    return next((raw[name] for name in names if isinstance(raw, dict) and raw.get(name)), None)


def _alert(raw: Any) -> Alert | None:
    fired = parse_moment(_any(raw, "fired_at", "startsAt", "timestamp", "ts", "time"))
    if not isinstance(raw, dict) or fired is None:
        return None
    words = [str(value) for value in raw.values() if isinstance(value, str)]
    service, metric = (str(_any(raw, *names) or "") for names in (("service", "entity"), ("metric", "alertname")))
    numbers = [
        value if isinstance(value, int | float) else None for value in (raw.get("threshold"), raw.get("observed"))
    ]
    return Alert(service, metric, fired, "\n".join(words), *numbers)


_READERS: Final[dict[str, tuple[RecordKind, Callable[[Path], Iterator[Record | None]]]]] = {
    "events.ndjson": (RecordKind.EVENTS, _lines),
    "logs.ndjson": (RecordKind.EVENTS, _lines),
    "metrics.csv": (RecordKind.METRICS, _points),
    "traces.json": (RecordKind.EVENTS, _spans),
    "commits.json": (RecordKind.CHANGES, _commits),
    "deploys.json": (RecordKind.CHANGES, _deploys),
    "flags.json": (RecordKind.CHANGES, _flags),
}
