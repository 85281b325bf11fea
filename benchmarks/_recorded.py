"""Evidence of recorded incidents: the product's own collectors over the folders that BDP_DATA names.

An incident is what the analyst would be asked about: a service with abnormal events, or an entity whose metrics moved.
Incidents of one source stand in a fixed order, and every other one is kept for the report.
"""

from __future__ import annotations

import csv
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bdp.clock import ManualClock
from bdp.explain.analyst import Analyst
from bdp.explain.settings import ExplainSettings
from bdp.model.anomaly import AnomalyKind, Severity, Subject
from bdp.model.batch import RecordKind
from bdp.model.evidence import Evidence
from bdp.model.incident import Incident, IncidentStatus, TimelineEntry
from bdp.store.clickhouse import StoreSettings, open_store
from benchmarks._corpora import read_nab
from tests.evals.readers import READERS, Record

_LEAST_EVENTS = 5
_MOST_SUBJECTS = 3
_PETSHOP_UNITS = {"latency": "s", "availability": "%"}
_KAFKA = (
    ("16:31", "16:32:59", "NoReplicaOnlineException"),
    ("16:31", "16:32:59", ""),
    ("18:14", "18:14:59", ""),
    ("20:54", "20:54:59", ""),
)


@dataclass(frozen=True)
class Recorded:
    """The evidence of one incident.

    Attributes:
        kept: it is of the half that is reported, not of the one on which the checker was developed.
    """

    name: str
    kept: bool
    evidence: tuple[Evidence, ...]


@dataclass
class _Source:
    """Records of one recording, and the incidents to ask about: name, incident."""

    records: list[Record]
    incidents: list[tuple[str, Incident]] = field(default_factory=list)


def recorded(root: Path, *, quick: bool = False) -> list[Recorded]:
    """Return the incidents of all sources that are there, in a fixed order; with `quick` the first of each source."""
    found: list[Recorded] = []
    for read in (_rootcausebench, _openssh, _kafka, _petshop, _nab):
        for at, source in enumerate(read(root)):
            if quick and at > 1:
                break
            found += _collected(source, kept=at % 2 == 1)
    return found


def _collected(source: _Source, *, kept: bool) -> Iterator[Recorded]:
    store = open_store(StoreSettings(database=f"b{uuid.uuid4().hex}"))
    try:
        for kind, key in ((RecordKind.CHANGES, "change"), (RecordKind.METRICS, "metric"), (RecordKind.EVENTS, "")):
            rows = [record[key] if key else record for record in source.records if (key or "level") in record]
            for at in range(0, len(rows), 20_000):
                lines = "\n".join(map(json.dumps, rows[at : at + 20_000]))
                store.insert(kind, lines.encode(), f"{kind.value}{at}")
        for name, incident in source.incidents:
            analysis = Analyst(store, ExplainSettings(), ManualClock(incident.last_seen)).explain(incident)
            yield Recorded(name, kept, analysis.evidence)
    finally:
        store.close()


def _incident(subject: Subject, start: datetime, end: datetime, kind: AnomalyKind | None = None) -> Incident:
    told = TimelineEntry(at=start, kind="detected", text="Detected", data={"kind": kind})
    return Incident(
        incident_id="I1", title=str(subject), severity=Severity.HIGH, status=IncidentStatus.OPEN, subject=subject,
        signature="0" * 16, start_time=start, last_seen=end, end_time=end, opened_at=end,
        timeline=(told,) if kind else (),
    )  # fmt: skip


def _at(text: str) -> datetime:
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _abnormal(record: Record) -> bool:
    return "level" in record and (record["level"] in {"WARN", "ERROR", "FATAL"} or bool(record.get("error_code")))


def _of_events(name: str, records: list[Record]) -> Iterator[tuple[str, Incident]]:
    groups = Counter((r["service"], r.get("route", "")) for r in records if _abnormal(r))
    for (service, route), count in groups.most_common(_MOST_SUBJECTS):
        times = [
            _at(r["ts"]) for r in records if _abnormal(r) and (r["service"], r.get("route", "")) == (service, route)
        ]
        if count >= _LEAST_EVENTS:
            subject = Subject(service=service, route=route)
            yield f"{name}/{service}{route}", _incident(subject, min(times), max(times))


def _of_metrics(name: str, entities: list[str], start: datetime, end: datetime) -> Iterator[tuple[str, Incident]]:
    for entity in entities:
        yield f"{name}/{entity}/metrics", _incident(Subject(service=entity), start, end, AnomalyKind.METRIC)


def _rootcausebench(root: Path) -> Iterator[_Source]:
    for folder in sorted(path.parent for path in (root / "rootcausebench").glob("*/logs.ndjson")):
        records = list(READERS["rootcausebench"](folder))
        events = [r for r in records if "level" in r]
        with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            point = {"ts": row["timestamp"], "entity": row["service"], "name": row["metric"]}
            records.append({"metric": point | {"value": float(row["value"]), "unit": _unit_of(row["metric"])}})
        fired = _at(json.loads((folder / "alert.json").read_text("utf-8"))["fired_at"])
        entities = sorted({row["service"] for row in rows})
        incidents = [*_of_events(folder.name, events)]
        incidents += _of_metrics(folder.name, entities, fired - timedelta(minutes=15), fired + timedelta(minutes=5))
        yield _Source(records, incidents)


def _unit_of(metric: str) -> str:
    endings = {"_ms": "ms", "_pct": "%", "_seconds": "s", "seconds_p99": "s"}
    return next((unit for ending, unit in endings.items() if metric.endswith(ending)), "")


def _openssh(root: Path) -> Iterator[_Source]:
    path = root / "loghub-2k/loghub/OpenSSH/OpenSSH_2k.log"
    if not path.exists():
        return
    records = list(READERS["openssh"](path))
    middle = records[len(records) // 2]["ts"]
    for name, part in (("first", [r for r in records if r["ts"] < middle]), ("second", records)):
        failed = [_at(r["ts"]) for r in part if r.get("error_code")]
        if name == "second":
            failed = [at for at in failed if at >= _at(middle)]
        subject = Subject(service="sshd", error_code="authentication_failure")
        yield _Source(part, [(f"openssh/{name}", _incident(subject, min(failed), max(failed)))])


def _kafka(root: Path) -> Iterator[_Source]:
    path = root / "elastic-examples-logs/kafka/filebeat_monitoring/logs"
    if not path.exists():
        return
    records = list(READERS["kafka"](path))
    for since, until, code in _KAFKA:
        start, end = _at(f"2016-12-19T{since}:00"), _at(f"2016-12-19T{until}")
        yield _Source(
            records, [(f"kafka/{since}{code}", _incident(Subject(service="kafka", error_code=code), start, end))]
        )


def _petshop(root: Path) -> Iterator[_Source]:
    folder = root / "petshop/dataset/low_traffic"
    for issue in sorted(folder.glob("train/issue_*")):
        points = _wide(issue / "metrics.csv")
        start, end = min(row[0] for row in points), max(row[0] for row in points)
        quiet = _wide(folder / "noissue/metrics.csv")
        # The quiet days were recorded at another time; they are moved to end right before the issue.
        gap = start - timedelta(minutes=5) - max(row[0] for row in quiet)
        target = json.loads((issue / "target.json").read_text("utf-8"))
        nodes = sorted({target["target"]["node"], target["root_cause"]["node"]})
        moved = [(at + gap, node, metric, value) for at, node, metric, value in quiet]
        records: list[Record] = [
            {"metric": {"ts": at.isoformat(), "entity": node, "name": metric, "value": value,
                        "unit": _PETSHOP_UNITS.get(metric, "")}}
            for at, node, metric, value in [*moved, *points] if node in nodes
        ]  # fmt: skip
        yield _Source(records, list(_of_metrics(f"petshop/{issue.name}", nodes, start, end)))


def _wide(path: Path) -> list[tuple[datetime, str, str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        names, metrics, statistics, _, *rows = list(csv.reader(file))
    wanted = [
        at for at, (metric, what) in enumerate(zip(metrics, statistics, strict=True))
        if at and (metric, what) in {("latency", "Average"), ("availability", "Average"), ("requests", "Sum")}
    ]  # fmt: skip
    return [
        (datetime.fromtimestamp(float(row[0]), UTC), names[at], metrics[at], float(row[at]))
        for row in rows for at in wanted if row[at]
    ]  # fmt: skip


def _nab(root: Path) -> Iterator[_Source]:
    if not (root / "nab").is_dir():
        return
    for file in read_nab(root / "nab"):
        if not file.windows or not file.name.startswith(("realAWSCloudwatch", "realKnownCause")):
            continue
        entity = Path(file.name).stem
        name = (
            entity.rsplit("_", 1)[0]
            if entity.rsplit("_", 1)[-1].isalnum() and any(c.isdigit() for c in entity)
            else entity
        )
        first, last = file.windows[0]
        times = [datetime.fromtimestamp(ts, UTC) for ts in file.ts]
        records: list[Record] = [
            {"metric": {"ts": at.isoformat(), "entity": entity, "name": name, "value": float(value)}}
            for at, value in zip(times, file.values, strict=True)
        ]  # fmt: skip
        middle = times[(first + last) // 2]
        yield _Source(records, list(_of_metrics("nab", [entity], middle, middle + timedelta(hours=1))))
